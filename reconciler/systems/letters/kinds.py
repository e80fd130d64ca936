"""The kinds of record that this system holds."""

from __future__ import annotations

from reconciler.model.records import LETTER, MEMBER

KINDS = (MEMBER, LETTER)
