"""Step 4: the entries of all files, merged (`merge`) and compared with each other, one module a subject."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.declared.check.aliases import check_aliases
from reconciler.declared.check.dates import check_confirm, check_dates
from reconciler.declared.check.mailboxes import check_mailboxes
from reconciler.declared.check.merge import Tables
from reconciler.declared.check.ox_logins_and_names import check_groupware
from reconciler.declared.check.removals import check_removals
from reconciler.declared.check.renames import check_renames
from reconciler.declared.check.sender_blocks import check_blocks
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
