"""What is remarkable about the rows that were found, whatever is planned. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.model.addresses import Address, without_extension
from reconciler.model.derived_rows import others
from reconciler.model.records import AliasRow, Found, MailboxRow, Owner, Records, Scope
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import USUAL_DELIMITER, Pair, rows_of
from reconciler.systems.postfixadmin.observe import Details
from reconciler.systems.postfixadmin.stored_values import not_storable
from reconciler.translation import marked, tr


def review(context: PlanContext, pair: Pair, details: Details) -> Iterator[Finding]:
    """Rows that mean the same address, leftovers, and what renames and removals leave to people. `pair` has the rows as
    `expect` wants them and as they were matched."""
    yield from _twice(details)
    yield from _not_found(pair, details)
    yield from _leftovers(context, pair.found)
    yield from _references(context, pair.found)
    yield from _administrators(context, details)
    yield from _names(pair.wanted, details.charset)


def _names(wanted: Records, charset: str) -> Iterator[Finding]:
    """Names that the database has no characters for: the server would refuse them in the middle of an apply."""
    for row in rows_of(wanted, MailboxRow).values() if charset else ():
        lacking = not_storable(row.name, charset)
        if lacking:
            message = tr(
                "the name {name!r} of {address} cannot be stored in PostfixAdmin's database: its encoding {charset} "
                "has no {characters}",
                name=row.name,
                address=row.key,
                charset=charset,
                characters=" ".join(lacking),
            )
            hint = tr(
                "write the name without it, or have the database's administrator move it to UTF-8 (utf8mb4, ENCODING "
                "UTF8)"
            )
            owner = Owner(Scope.ACCOUNT, row.account)
            yield Finding(Severity.REFUSAL, "name-encoding", row.key, message, hint, owner=owner, final=True)


def _twice(details: Details) -> Iterator[Finding]:
    hint = tr("delete the row that is not wanted by hand in the database; its web interface cannot find it")
    for kind, key, stored in details.twice:
        message = tr(
            "PostfixAdmin's table {table} holds {key} more than once, as {spellings}; mail look-ups see the first one "
            "only",
            table=kind,
            key=key,
            spellings=tr(" and ").join(map(repr, stored)),
        )
        yield Finding(Severity.WARNING, "twice-live", key, message, hint)


def _not_found(pair: Pair, details: Details) -> Iterator[Finding]:
    """The plan corrects the rows that git declares; the others are reported."""
    for row in details.hidden:
        yield _stored_otherwise(row.kind, row.stored)
    for kind in ("alias", "mailbox"):
        for key, found in others(pair.found.get(kind, {})).items():
            spelling = getattr(found, "spelling", "")
            if spelling and key not in pair.wanted.get(kind, {}):
                yield _stored_otherwise(kind, spelling)


_HIDDEN = {
    "alias": (
        marked("mail to {found} does not come this way"),
        marked("declare {found}, and the plan corrects it; or let a database administrator write it as {found!r}"),
    ),
    "mailbox": (
        marked("nobody can log in as {found}, and no mail comes"),
        marked(
            "declare {found}, and the plan corrects it with what depends on it; or let a database administrator write "
            "it as {found!r}"
        ),
    ),
    "domain": (
        marked("no address in {found} gets mail"),
        marked(
            "add {found} in PostfixAdmin, have a database administrator write it in every column `domain` that holds "
            "{stored!r}, then delete that one"
        ),
    ),
    "alias_domain": (
        marked("no mail to that domain is passed on"),
        marked("let a database administrator write it as {found!r}, and the domain that it leads to as well"),
    ),
    "vacation": (
        marked("nobody gets that answer"),
        marked("let a database administrator write it as {found!r}"),
    ),
}
"""Kind → what it means, and what to do."""


def _stored_otherwise(kind: str, stored: str) -> Finding:
    found = stored.strip(" ").lower()
    effect, hint = _HIDDEN[kind]
    message = tr(
        "PostfixAdmin's table {table} holds {stored!r}, which no look-up finds: {effect}",
        table=kind,
        stored=stored,
        effect=tr(effect, found=found),
    )
    return Finding(Severity.WARNING, "stored-spelling", found, message, tr(hint, found=found, stored=stored))


def _leftovers(context: PlanContext, live: Found) -> Iterator[Finding]:
    hint = tr("declare the mailbox, or delete the alias in PostfixAdmin")
    for key, alias in others(rows_of(live, AliasRow)).items():
        if alias.goto != (key,) or key in live.get("mailbox", {}) or key in context.desired.mailboxes:
            continue
        if context.chains.of(key) != key:
            continue  # the own alias of a mailbox that moves: this plan makes it lead to the new address
        message = tr(
            "the alias {address} leads to itself alone and there is no such mailbox: left by a creation that failed, "
            "or one is under way",
            address=key,
        )
        yield Finding(Severity.NOTE, "leftover-alias", key, message, hint)


def _references(context: PlanContext, live: Found) -> Iterator[Finding]:
    """Aliases that lead to an account which is switched off or purged: that mail comes back to its sender."""
    desired, chains = context.desired, context.chains
    leaving = {
        address: removal
        for removal in desired.removals
        if removal.date <= desired.today and removal.mailbox not in desired.mailboxes
        for address in chains.addresses(removal.mailbox)
    }
    if not leaving:
        return
    for key, alias in rows_of(live, AliasRow).items():
        if key in leaving or key in desired.aliases:
            continue
        for target in alias.goto:
            own = target in live.get("alias", {}) or target in live.get("mailbox", {})
            address = target if own else without_extension(target, USUAL_DELIMITER)[0]
            removal = leaving.get(Address(address))
            if removal is not None and not _goes_with(key, alias, chains.addresses(removal.mailbox)):
                message = tr(
                    "the alias {address} still leads to {target}, which is removed since {day}",
                    address=key,
                    target=target,
                    day=removal.date,
                )
                hint = tr(
                    "remove {target} from {address} in PostfixAdmin, or declare the alias without it",
                    target=target,
                    address=key,
                )
                yield Finding(Severity.WARNING, "references", target, message, hint)


def _goes_with(key: str, alias: AliasRow, addresses: Iterable[str]) -> bool:
    """Whether the alias is a member number that leads to nobody else: it goes at the purge."""
    return key.partition("@")[0].isdecimal() and set(alias.goto) <= set(addresses)


def _administrators(context: PlanContext, details: Details) -> Iterator[Finding]:
    """A rename does not touch administrator accounts, which are no mailboxes."""
    hint = tr("make an administrator of the new address there, and delete the old one")
    for account in context.chains.former:
        for address in context.chains.addresses(account)[1:]:
            if address in details.admins and account in context.desired.mailboxes:
                message = tr(
                    "{address}, now {account}, is an administrator of PostfixAdmin too; that login and its domains are "
                    "left as they are",
                    address=address,
                    account=account,
                )
                yield Finding(Severity.NOTE, "administrator", address, message, hint)
