"""What entries of the declared state say about each other. One module a subject, one list of all; called by `load`."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.declared.checks.aliases import check_aliases
from reconciler.declared.checks.blocks import check_blocks
from reconciler.declared.checks.confirm import check_confirm
from reconciler.declared.checks.dates import check_dates
from reconciler.declared.checks.groupware import check_groupware
from reconciler.declared.checks.mailboxes import check_mailboxes
from reconciler.declared.checks.removals import check_removals
from reconciler.declared.checks.renames import check_renames
from reconciler.declared.merged_entries import Tables
from reconciler.declared.problems import Problems

CHECKS: tuple[Callable[[Tables, Problems], None], ...] = (
    check_mailboxes,
    check_aliases,
    check_groupware,
    check_renames,
    check_removals,
    check_blocks,
    check_confirm,
    check_dates,
)
