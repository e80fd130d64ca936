"""What is remarkable about the rows that were found, whatever is planned. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from reconciler.model.addresses import Address, without_extension
from reconciler.model.records import AliasRow, MailboxRow, Owner, Records, Scope
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import USUAL_DELIMITER, Pair, rows_of
from reconciler.systems.postfixadmin.name_encodings import not_storable
from reconciler.systems.postfixadmin.observe import Details


class _Looked(NamedTuple):
    """What is looked at: git's side, the rows as `expect` wants them and as they were matched, and the rest."""

    context: PlanContext
    wanted: Records
    found: Records
    details: Details


def review(context: PlanContext, pair: Pair, details: Details) -> Iterator[Finding]:
    """Rows that mean the same address, leftovers, and what renames and removals leave to people."""
    looked = _Looked(context, *pair, details)
    yield from _twice(looked)
    yield from _not_found(looked)
    yield from _leftovers(looked)
    yield from _references(looked)
    yield from _administrators(looked)
    yield from _names(looked)


def _names(looked: _Looked) -> Iterator[Finding]:
    """Names that the database has no characters for: the server would refuse them in the middle."""
    for row in rows_of(looked.wanted, MailboxRow).values() if looked.details.charset else ():
        lacking = not_storable(row.name, looked.details.charset)
        if lacking:
            yield Finding(
                Severity.REFUSAL,
                "name-encoding",
                row.key,
                f"the name {row.name!r} of {row.key} cannot be stored in PostfixAdmin's database: its encoding "
                f"{looked.details.charset} has no {' '.join(lacking)}",
                "write the name without it, or have the database's administrator move it to UTF-8 (utf8mb4, ENCODING "
                "UTF8)",
                owner=Owner(Scope.ACCOUNT, row.account),
                final=True,
            )


def _twice(looked: _Looked) -> Iterator[Finding]:
    for kind, key, stored in looked.details.twice:
        yield Finding(
            Severity.WARNING,
            "twice-live",
            key,
            f"PostfixAdmin's table {kind} holds {key} more than once, as {' and '.join(map(repr, stored))}; "
            "mail look-ups see the first one only",
            "delete the row that is not wanted by hand in the database; its web interface cannot find it",
        )


def _not_found(looked: _Looked) -> Iterator[Finding]:
    """What git declares is put right by the plan; what it does not name is named."""
    for row in looked.details.hidden:
        yield _stored_otherwise(row.kind, row.stored)
    for kind in ("alias", "mailbox"):
        for key, found in looked.found.get(kind, {}).items():
            spelling = getattr(found, "spelling", "")
            if spelling and key not in looked.wanted.get(kind, {}):
                yield _stored_otherwise(kind, spelling)


_BY_HAND = "let a database administrator write it as {found!r}"
_HIDDEN = {
    "alias": ("mail to {found} does not come this way", "declare {found}, and the plan corrects it; or " + _BY_HAND),
    "mailbox": (
        "nobody can log in as {found}, and no mail comes",
        "declare {found}, and the plan corrects it with what depends on it; or " + _BY_HAND,
    ),
    "domain": (
        "no address in {found} gets mail",
        (
            "add {found} in PostfixAdmin, have a database administrator write it in every column `domain` that holds "
            "{stored!r}, then delete that one"
        ),
    ),
    "alias_domain": ("no mail to that domain is passed on", _BY_HAND + ", and the domain that it leads to as well"),
    "vacation": ("nobody gets that answer", _BY_HAND),
}
"""Kind → what it means, and what to do."""


def _stored_otherwise(kind: str, stored: str) -> Finding:
    found = stored.strip(" ").lower()
    effect, hint = _HIDDEN[kind]
    return Finding(
        Severity.WARNING,
        "stored-spelling",
        found,
        f"PostfixAdmin's table {kind} holds {stored!r}, which no look-up finds: {effect.format(found=found)}",
        hint.format(found=found, stored=stored),
    )


def _leftovers(looked: _Looked) -> Iterator[Finding]:
    mailboxes, declared = looked.found.get("mailbox", {}), looked.context.desired.mailboxes
    for key, alias in looked.found.get("alias", {}).items():
        if not isinstance(alias, AliasRow) or alias.goto != (key,) or key in mailboxes or key in declared:
            continue
        if looked.context.chains.of(key) != key:
            continue  # the own alias of a mailbox that moves: this plan makes it lead to the new address
        yield Finding(
            Severity.NOTE,
            "leftover-alias",
            key,
            f"the alias {key} leads to itself alone and there is no such mailbox: left by a creation that failed, or "
            "one is under way",
            "declare the mailbox, or delete the alias in PostfixAdmin",
        )


def _references(looked: _Looked) -> Iterator[Finding]:
    """Aliases that lead to an account which is switched off or purged: that mail comes back to its sender."""
    desired, chains = looked.context.desired, looked.context.chains
    leaving = {
        address: removal
        for removal in desired.removals
        if removal.date <= desired.today and removal.mailbox not in desired.mailboxes
        for address in chains.addresses(removal.mailbox)
    }
    if not leaving:
        return
    for key, alias in rows_of(looked.found, AliasRow).items():
        if key in leaving or key in desired.aliases:
            continue
        for target in alias.goto:
            own = target in looked.found.get("alias", {}) or target in looked.found.get("mailbox", {})
            address = target if own else without_extension(target, USUAL_DELIMITER)[0]
            removal = leaving.get(Address(address))
            if removal is not None and not _goes_with(key, alias, chains.addresses(removal.mailbox)):
                yield Finding(
                    Severity.WARNING,
                    "references",
                    target,
                    f"the alias {key} still leads to {target}, which is removed since {removal.date}",
                    f"remove {target} from {key} in PostfixAdmin, or declare the alias without it",
                )


def _goes_with(key: str, alias: AliasRow, addresses: Iterable[str]) -> bool:
    """Whether the alias is a member number that leads to nobody else: it goes at the purge."""
    return key.partition("@")[0].isdecimal() and set(alias.goto) <= set(addresses)


def _administrators(looked: _Looked) -> Iterator[Finding]:
    """Administrator accounts are no mailboxes, though they look like one: a rename leaves them."""
    chains = looked.context.chains
    for account in chains.former:
        for address in chains.addresses(account)[1:]:
            if address in looked.details.admins and account in looked.context.desired.mailboxes:
                yield Finding(
                    Severity.NOTE,
                    "administrator",
                    address,
                    f"{address}, now {account}, is an administrator of PostfixAdmin too; that login and its domains "
                    "are left as they are",
                    "make an administrator of the new address there, and delete the old one",
                )
