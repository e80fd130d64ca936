"""The kinds of record that this system holds."""

from __future__ import annotations

from reconciler.model.records import ATTACHMENT, OX_USER, PASSWORD, SUBSCRIPTIONS

KINDS = (OX_USER, PASSWORD, ATTACHMENT, SUBSCRIPTIONS)
