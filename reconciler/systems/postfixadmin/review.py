"""What is remarkable about the rows that were found, whatever is planned. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.model.declared import DesiredState
from reconciler.model.records import AliasRow, Records
from reconciler.planning.findings import Finding, Severity
from reconciler.systems.postfixadmin.observe import Twice


def review(desired: DesiredState, found: Records, twice: Iterable[Twice]) -> Iterator[Finding]:
    """Rows that mean the same address, and twins that a failed or unfinished creation left behind."""
    for kind, key, stored in twice:
        yield Finding(
            Severity.WARNING,
            "twice-live",
            key,
            f"PostfixAdmin's table {kind} holds {key} more than once, as {' and '.join(map(repr, stored))}; "
            "mail look-ups see the first one only",
            "delete the row that is not wanted by hand in the database; its web interface cannot find it",
        )
    mailboxes = found.get("mailbox", {})
    for key, alias in found.get("alias", {}).items():
        if not isinstance(alias, AliasRow) or alias.goto != (key,) or key in mailboxes or key in desired.mailboxes:
            continue
        yield Finding(
            Severity.NOTE,
            "leftover-alias",
            key,
            f"the alias {key} leads to itself alone and there is no such mailbox: left by a creation that failed, or "
            "one is under way",
            "declare the mailbox, or delete the alias in PostfixAdmin",
        )
