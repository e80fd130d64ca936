"""The kinds of record that this system holds."""

from __future__ import annotations

from reconciler.model.records import BLOCK, SETTING, UNMANAGED_LINE

KINDS = (BLOCK, UNMANAGED_LINE, SETTING)
