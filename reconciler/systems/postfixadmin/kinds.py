"""The kinds of record that this system holds."""

from __future__ import annotations

from reconciler.model.records import (
    ALIAS,
    ALIAS_DOMAIN,
    DOMAIN,
    GIVEN_PASSWORD,
    MAILBOX,
    PASSWORD,
    VACATION,
    WELCOME_MAIL,
)

KINDS = (ALIAS, MAILBOX, DOMAIN, ALIAS_DOMAIN, VACATION, PASSWORD, GIVEN_PASSWORD, WELCOME_MAIL)
