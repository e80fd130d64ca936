"""What is remarkable about the rows that were found, whatever is planned. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from reconciler.model.addresses import Address, without_extension
from reconciler.model.declared import DesiredState
from reconciler.model.records import AliasRow, MailboxRow, Owner, Records, Scope
from reconciler.model.rename_chains import RenameChains, rename_chains
from reconciler.planning.findings import Finding, Severity
from reconciler.planning.snapshot import USUAL_DELIMITER, rows_of
from reconciler.systems.postfixadmin.encodings import not_storable
from reconciler.systems.postfixadmin.observe import Twice
from reconciler.systems.postfixadmin.spellings import Hidden


class Seen(NamedTuple):
    """What git declares, the rows that were found, and what of the tables is in no row."""

    desired: DesiredState
    found: Records
    twice: Iterable[Twice]
    hidden: Iterable[Hidden]
    admins: frozenset[str] = frozenset()
    wanted: Records | None = None
    charset: str = ""
    """See `encodings.charset_of_names`."""


def review(seen: Seen) -> Iterator[Finding]:
    """Rows that mean the same address, leftovers, and what renames and removals leave to people."""
    chains = rename_chains(seen.desired)
    yield from _twice(seen)
    yield from _not_found(seen)
    yield from _leftovers(seen, chains)
    yield from _references(seen, chains)
    yield from _administrators(seen, chains)
    yield from _names(seen)


def _names(seen: Seen) -> Iterator[Finding]:
    """Names that the database has no characters for: the server would refuse them in the middle."""
    for row in rows_of(seen.wanted or {}, MailboxRow).values() if seen.charset else ():
        lacking = not_storable(row.name, seen.charset)
        if lacking:
            yield Finding(
                Severity.REFUSAL,
                "name-encoding",
                row.key,
                f"the name {row.name!r} of {row.key} cannot be stored in PostfixAdmin's database: its encoding "
                f"{seen.charset} has no {' '.join(lacking)}",
                "write the name without it, or have the database's administrator move it to UTF-8 (utf8mb4, ENCODING "
                "UTF8)",
                owner=Owner(Scope.ACCOUNT, row.account),
                final=True,
            )


def _twice(seen: Seen) -> Iterator[Finding]:
    for kind, key, stored in seen.twice:
        yield Finding(
            Severity.WARNING,
            "twice-live",
            key,
            f"PostfixAdmin's table {kind} holds {key} more than once, as {' and '.join(map(repr, stored))}; "
            "mail look-ups see the first one only",
            "delete the row that is not wanted by hand in the database; its web interface cannot find it",
        )


def _not_found(seen: Seen) -> Iterator[Finding]:
    """What git declares is put right by the plan; what it does not name is named."""
    for row in seen.hidden:
        yield _stored_otherwise(row.kind, row.stored)
    wanted = seen.wanted or {}
    for kind in ("alias", "mailbox"):
        for key, found in seen.found.get(kind, {}).items():
            spelling = getattr(found, "spelling", "")
            if spelling and key not in wanted.get(kind, {}):
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


def _leftovers(seen: Seen, chains: RenameChains) -> Iterator[Finding]:
    mailboxes = seen.found.get("mailbox", {})
    for key, alias in seen.found.get("alias", {}).items():
        if not isinstance(alias, AliasRow) or alias.goto != (key,) or key in mailboxes or key in seen.desired.mailboxes:
            continue
        if chains.of(key) != key:
            continue  # the own alias of a mailbox that moves: this plan makes it lead to the new address
        yield Finding(
            Severity.NOTE,
            "leftover-alias",
            key,
            f"the alias {key} leads to itself alone and there is no such mailbox: left by a creation that failed, or "
            "one is under way",
            "declare the mailbox, or delete the alias in PostfixAdmin",
        )


def _references(seen: Seen, chains: RenameChains) -> Iterator[Finding]:
    """Aliases that lead to an account which is switched off or purged: that mail comes back to its sender."""
    leaving = {
        address: removal
        for removal in seen.desired.removals
        if removal.date <= seen.desired.today and removal.mailbox not in seen.desired.mailboxes
        for address in chains.addresses(removal.mailbox)
    }
    if not leaving:
        return
    for key, alias in rows_of(seen.found, AliasRow).items():
        if key in leaving or key in seen.desired.aliases:
            continue
        for target in alias.goto:
            own = target in seen.found.get("alias", {}) or target in seen.found.get("mailbox", {})
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


def _administrators(seen: Seen, chains: RenameChains) -> Iterator[Finding]:
    """Administrator accounts are no mailboxes, though they look like one: a rename leaves them."""
    for account in chains.former:
        for address in chains.addresses(account)[1:]:
            if address in seen.admins and account in seen.desired.mailboxes:
                yield Finding(
                    Severity.NOTE,
                    "administrator",
                    address,
                    f"{address}, now {account}, is an administrator of PostfixAdmin too; that login and its domains "
                    "are left as they are",
                    "make an administrator of the new address there, and delete the old one",
                )
