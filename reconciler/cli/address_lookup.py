"""Everything that is declared and live about one address, local part or member number: what `show` answers with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from reconciler.model.addresses import parse_address, parse_local_part, without_extension
from reconciler.model.declared import DesiredState
from reconciler.model.record_kinds import find_kind, main_kinds, noun
from reconciler.model.records import (
    Absent,
    AliasDomainRow,
    AliasRow,
    BlockRow,
    DomainRow,
    MailboxRow,
    MemberRow,
    OxUserRow,
    Records,
    UnmanagedLineRow,
)
from reconciler.model.source_places import Origin
from reconciler.planning.finding import Locate
from reconciler.planning.half_made import Remarks
from reconciler.planning.mail_flow_before_after import MailFlow
from reconciler.planning.snapshot import Snapshot
from reconciler.report.address_facts import AddressFacts, Fact
from reconciler.report.vocabulary import megabytes
from reconciler.translation import marked, tr

_BLOCK = marked("sender block: {reason}")
_DOMAIN_BLOCK = marked("sender block of the whole domain: {reason}")
_ACTIVE = marked("{name}, active in the register")
_NOT_ACTIVE = marked("{name}, not active in the register")
_DOMAIN = marked("domain of this site, {switch}")
_BACKUP = marked("domain of this site, {switch}, the mail server is only a backup MX for it")

Hit = Callable[[str], bool]
"""Whether an address is what was asked for."""


def lookup(
    asked: str,
    desired: DesiredState,
    snapshot: Snapshot,
    locate: Locate,
    wanted: Mapping[str, Records],
    flow: MailFlow | None,
) -> AddressFacts:
    """Looks for a whole address, or for a local part in every domain; a member number is one, and finds the accounts
    that it belongs to as well. `wanted` is what each system that was read should hold: what of it is not live is said.
    `flow` is None where the tables of mail could not be read. One system's facts come together. Raises BadAddress."""
    text = asked.strip().lower()
    address = parse_address(text) if "@" in text else ""
    local = "" if address else parse_local_part(text)
    accounts = _accounts_of(local, desired, snapshot) if local.isdigit() else frozenset()

    def hit(candidate: str) -> bool:
        return candidate == address if address else candidate.partition("@")[0] == local or candidate in accounts

    facts = [
        *_declared(text, hit, desired, locate, snapshot.delimiter),
        *_live(text, hit, snapshot, Remarks(snapshot, flow), desired),
        *_of_its_domain(text, snapshot),
        *_missing(text, hit, snapshot, wanted),
    ]
    systems = list(dict.fromkeys(fact.system for fact in facts))
    facts.sort(key=lambda fact: systems.index(fact.system))
    going = () if flow is None else tuple(flow.of([address] if address else flow.with_local_part(local)))
    return AddressFacts(asked, tuple(facts), snapshot.unknown, snapshot.hints, going)


def _accounts_of(member: str, desired: DesiredState, snapshot: Snapshot) -> frozenset[str]:
    """The addresses that a member number is declared for, or leads to."""
    declared = {box.address for box in desired.mailboxes.values() if box.member == member}
    aliases = (snapshot.rows(AliasRow) or {}).values()
    return frozenset(declared.union(*(row.goto for row in aliases if row.key.partition("@")[0] == member)))


def _declared(text: str, hit: Hit, desired: DesiredState, locate: Locate, delimiter: str) -> Iterator[Fact]:
    def fact(kind: str, subject: str, description: str, origin: Origin) -> Fact:
        return Fact("declared", kind, subject, description, locate(origin))

    for box in desired.mailboxes.values():
        if hit(box.address) or box.member == text:
            parts = [tr("mailbox of {name}", name=box.name) if box.name else tr("mailbox of nobody named")]
            parts += [tr("member {number}", number=box.member)] if box.member else []
            parts += [] if box.active else [_switch(box.active)]
            yield fact("mailbox", box.address, ", ".join(parts), box.origin)
    for alias in desired.aliases.values():
        if hit(alias.address):
            words = tr("alias to {addresses}", addresses=", ".join(alias.goto))
            yield fact("alias", alias.address, words, alias.origin)
        elif any(map(hit, _forms(alias.goto, delimiter))):
            yield fact("alias", alias.address, tr("alias that leads to it"), alias.origin)
    for rename in desired.renames:
        if hit(rename.old) or hit(rename.new):
            words = tr("rename to {address} on {day}", address=rename.new, day=rename.date)
            yield fact("rename", rename.old, words, rename.origin)
    for removal in desired.removals:
        if hit(removal.mailbox):
            words = tr("removal on {day}: {reason}", day=removal.date, reason=removal.reason)
            yield fact("removal", removal.mailbox, words, removal.origin)
    for block in desired.sender_blocks.values():
        if hit(block.key) or _covers(block.key, text):
            words = _BLOCK if hit(block.key) else _DOMAIN_BLOCK
            yield fact("block", block.key, tr(words, reason=block.reason), block.origin)
    for scope, kind in main_kinds().items():
        for subject, entry in desired.others.get(scope.section, {}).items():
            if hit(subject):
                yield fact(kind.name, subject, noun(kind.name), entry.origin)


def _live(text: str, hit: Hit, snapshot: Snapshot, remarks: Remarks, desired: DesiredState) -> Iterator[Fact]:
    for system, records in snapshot.records.items():
        for kind, table in records.items():
            for key, row in table.items():
                known = find_kind(kind)
                description = _describe(row, key, hit, text, snapshot.delimiter)
                if not description and known is not None and known.text is not None and hit(key):
                    description = known.line(None, row)
                if description:
                    # what git declares and is missing has a line of its own
                    remark = "" if key in desired.mailboxes else remarks.of(kind, key)
                    yield Fact(system, kind, key, f"{description}{f'; {remark}' if remark else ''}")


def _missing(text: str, hit: Hit, snapshot: Snapshot, wanted: Mapping[str, Records]) -> Iterator[Fact]:
    """What is declared about it and not live, in the systems that could be read."""
    description = tr("declared, but not live: reconciler plan shows what is done about it")
    for system, records in wanted.items():
        for kind, table in records.items():
            live = snapshot.records[system].get(kind, {})
            for key, row in table.items():
                about = hit(key) or hit(row.owner.subject) or (kind == "block" and _covers(key, text))
                if about and key not in live and not isinstance(row, Absent):
                    yield Fact(system, kind, key, description, missing=True)


def _describe(row: object, key: str, hit: Hit, text: str, delimiter: str) -> str:
    """What a live record has to do with the question; empty when nothing."""
    match row:
        case MailboxRow() if hit(key):
            quota = megabytes(row.quota)
            return tr("mailbox {name}, {quota}, {switch}", name=repr(row.name), quota=quota, switch=_switch(row.active))
        case AliasRow() if hit(key):
            targets = ", ".join(row.goto) or tr("nowhere")
            return tr("leads to {addresses}, {switch}", addresses=targets, switch=_switch(row.active))
        case AliasRow() if any(map(hit, _forms(row.goto, delimiter))):
            return tr("leads to it ({switch})", switch=_switch(row.active))
        # its key, too: half-way through a rename it is the account's under the old address
        case OxUserRow() if row.login == text or any(map(hit, (key, row.primary, row.imap_login, *row.aliases))):
            return tr(
                "user {id} {login}, {name}, primary mail {address}",
                id=row.id,
                login=repr(row.login),
                name=repr(row.display_name),
                address=row.primary,
            )
        case MemberRow() if key == text and row.problem:
            return tr("cannot be read in the register: {problem}", problem=row.problem)
        case MemberRow() if key == text:
            name = f"{row.given_name} {row.surname}"
            return tr(_ACTIVE if row.active else _NOT_ACTIVE, name=name)
        case BlockRow() if hit(key):
            return tr("sender map: {action}", action=row.action)
        case UnmanagedLineRow() if hit(row.map_key):
            return tr("hand-made line {key} of the sender map: {action}", key=key, action=row.action)
    return ""


def _covers(key: str, text: str) -> bool:
    """Whether a block is of the whole domain that was asked for, or that the address is in."""
    _, at, domain = text.rpartition("@")
    return "@" not in key and (domain.endswith(f".{key}") or (bool(at) and domain == key))


def _of_its_domain(text: str, snapshot: Snapshot) -> Iterator[Fact]:
    """Entries for the domain of the address, or that was asked for, and what it is here."""
    domain = text.rpartition("@")[2]
    for block in (snapshot.rows(BlockRow) or {}).values():
        if _covers(block.key, text):
            words = tr("sender map, for the whole domain: {action}", action=block.action)
            yield Fact("postfix", "block", block.key, words)
    if row := (snapshot.rows(DomainRow) or {}).get(domain):
        words = tr(_BACKUP if row.backupmx else _DOMAIN, switch=_switch(row.active))
        yield Fact("postfixadmin", "domain", domain, words)
    if alias_domain := (snapshot.rows(AliasDomainRow) or {}).get(domain):
        words = tr(
            "alias domain: its addresses lead to {domain}, {switch}",
            domain=alias_domain.target,
            switch=_switch(alias_domain.active),
        )
        yield Fact("postfixadmin", "alias_domain", domain, words)
    if catch_all := (snapshot.rows(AliasRow) or {}).get(f"*@{domain}"):
        words = tr("catch-all to {addresses}", addresses=", ".join(catch_all.goto))
        yield Fact("postfixadmin", "alias", catch_all.key, words)


def _forms(targets: Iterable[str], delimiter: str) -> Iterator[str]:
    """The targets, and the addresses that those of them with an extension belong to."""
    for target in targets:
        yield target
        yield without_extension(target, delimiter)[0]


def _switch(active: bool) -> str:
    return tr("active") if active else tr("switched off")
