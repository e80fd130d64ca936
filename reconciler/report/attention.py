"""Why a reviewer should look closer at a line: words for programs, the same in every language. `plan_counts` counts
them in words for people."""

from __future__ import annotations

from enum import StrEnum


class Attention(StrEnum):
    """What stands out."""

    OX_DELETION = "deletion of an OX account"
    PURGE = "purge of a mailbox"
    SUBSCRIPTIONS = "removal of OX subscriptions"
    REMOVAL = "removal"
    SWITCH_OFF = "switch-off"
    RENAME = "rename"
    NEW_PASSWORD = "new password for an existing account"  # no password
