"""The kinds of record that this system holds."""

from __future__ import annotations

from reconciler.model.records import ATTACHMENT, GIVEN_PASSWORD, OX_USER, PASSWORD, SUBSCRIPTIONS

KINDS = (OX_USER, PASSWORD, GIVEN_PASSWORD, ATTACHMENT, SUBSCRIPTIONS)
