"""Plans in the making, put together by hand: what the gates look at, without files and systems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from reconciler.model.addresses import Address
from reconciler.model.declared import (
    Alias,
    Confirm,
    DesiredState,
    GroupwareAccount,
    Mailbox,
    OldMailbox,
    Removal,
    Rename,
    SenderBlock,
)
from reconciler.model.record_kinds import name_of
from reconciler.model.records import (
    AliasDomainRow,
    AliasRow,
    DomainRow,
    MailboxRow,
    Owner,
    OxUserRow,
    Records,
    Row,
    Scope,
)
from reconciler.model.source_places import Origin, Place
from reconciler.planning.annotations import explained
from reconciler.planning.changes import Action, Change
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.identity import Identity
from reconciler.planning.ledger_state import InventoryEntry, Remembered
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Snapshot
from reconciler.planning.transitions import Effect, Transition, effect_of
from reconciler.policy.gate_context import GateContext
from reconciler.policy.gates import run_gates
from reconciler.settings import Settings

TODAY = date(2026, 11, 24)
D = "mail.example"
ALT, NEU = f"pirat.alt@{D}", f"pirat.neu@{D}"


def account(address: str) -> Owner:
    return Owner(Scope.ACCOUNT, address)


def box(address: str, **values: Any) -> Mailbox:
    return Mailbox(Address(address), Origin("state.yaml", "mailboxes", address), **values)


def alias(address: str, *goto: str) -> Alias:
    return Alias(Address(address), tuple(map(Address, goto)), Origin("state.yaml", "aliases", address))


def rename(old: str, new: str, day: date = TODAY, **values: Any) -> Rename:
    return Rename(Address(old), Address(new), day, Origin("state.yaml", "renames", "0"), **values)


def moving(old: str, new: str, day: date = TODAY) -> Rename:
    return rename(old, new, day, old_mailbox=OldMailbox.MOVE)


def removal(mailbox: str, day: date = TODAY, groupware: GroupwareAccount = GroupwareAccount.KEEP) -> Removal:
    return Removal(Address(mailbox), day, "left", Origin("state.yaml", "removals", "0"), groupware)


def confirm(gate: str, subject: str, until: date = TODAY) -> Confirm:
    return Confirm(gate, subject, until, "agreed", Origin("state.yaml", "confirm", f"{gate}{subject}"))


def mailbox_row(key: str, *, name: str = "", active: bool = True) -> MailboxRow:
    return MailboxRow(key, key, name, 10240, active)


def alias_row(key: str, *goto: str, active: bool = True) -> AliasRow:
    return AliasRow(key, key, tuple(sorted(goto or (key,))), active)


def ox_user(id: str, login: str, primary: str, *aliases: str, key: str = "") -> OxUserRow:
    key = key or f"openxchange/{id}"
    addresses = tuple(sorted({primary, *aliases}))
    return OxUserRow(key, key, login, "Pirat Neu", "Pirat", "Neu", primary, primary, primary, primary, addresses, id)


_SYSTEM = {"ox_user": "openxchange", "block": "postfix"}


def change(owner: Owner, before: Row | None, after: Row | None) -> Change:
    row = after or before
    assert row is not None
    if before is None or after is None:
        action = Action.CREATE if before is None else Action.DELETE
    else:
        action = Action.UPDATE if before.key == after.key else Action.RENAME
    kind = name_of(type(row))
    return Change(_SYSTEM.get(kind, "postfixadmin"), kind, action, row.key, before, after, owner)


def transition(owner: Owner, *pairs: tuple[Row | None, Row | None]) -> Transition:
    changes = tuple(change(owner, *pair) for pair in pairs)
    return Transition(owner, changes, (), effect_of(PlanContext.of(DesiredState(TODAY)), owner, changes))


def creation(address: str) -> Transition:
    return transition(account(address), (None, mailbox_row(address)), (None, alias_row(address)))


def switching_off(address: str) -> Transition:
    on = mailbox_row(address), alias_row(address)
    return transition(account(address), *((row, row._replace(active=False)) for row in on))


def purge(address: str, *users: OxUserRow) -> Transition:
    rows: tuple[Row, ...] = (mailbox_row(address, active=False), alias_row(address, active=False), *users)
    return transition(account(address), *((row, None) for row in rows))


def change_of_quota(address: str) -> Transition:
    row = mailbox_row(address)
    return transition(account(address), (row, row._replace(quota=5)))


def alias_goes(address: str) -> Transition:
    return transition(Owner(Scope.ALIAS, address), (alias_row(address, "x@extern.example"), None))


def attach(user: OxUserRow | None = None, *more: tuple[Row | None, Row | None]) -> Transition:
    """The rename of pirat.alt: new mailbox, the old address leads there, the OX user follows."""
    pairs: list[tuple[Row | None, Row | None]] = [(None, mailbox_row(NEU)), (alias_row(ALT), alias_row(ALT, NEU))]
    if user is not None:
        pairs.append((user, user._replace(key=NEU, login="pirat.neu", primary=NEU)))
    return transition(account(NEU), *pairs, *more)


def site(**policy: Any) -> Settings:
    return Settings.model_validate({"site": "nrw", "policy": policy, "folder": Path("/nowhere")})


def remembered(
    *entries: tuple[str, Row], recent: Mapping[Effect, Iterable[Owner]] | None = None, **more: Any
) -> Remembered:
    """What the ledger has: entries of the inventory that nobody wants, and what was touched within the window."""
    inventory = {}
    for key, row in entries:
        entry = InventoryEntry.of("postfixadmin", name_of(type(row)), key, row, account(key))
        inventory[entry.id] = entry
    window = {effect: frozenset(owners) for effect, owners in (recent or {}).items()}
    return Remembered(inventory=inventory, recent=window, **more)


def context(
    *transitions: Transition,
    policy: Mapping[str, Any] | None = None,
    mailboxes: Iterable[Mailbox] = (),
    aliases: Iterable[Alias] = (),
    renames: Iterable[Rename] = (),
    removals: Iterable[Removal] = (),
    blocks: Iterable[SenderBlock] = (),
    confirms: Iterable[Confirm] = (),
    live: Iterable[Row] = (),
    unread: bool = False,
    **more: Any,
) -> GateContext:
    """`live` are the rows of all systems; `unread` says that PostfixAdmin could not be read. The ledger knows that
    removals switched their mailboxes off, unless it is given."""
    removals = tuple(removals)
    more.setdefault("remembered", Remembered(removed=frozenset(r.mailbox for r in removals)))
    desired = DesiredState(
        TODAY,
        {m.address: m for m in mailboxes},
        {a.address: a for a in aliases},
        tuple(renames),
        tuple(removals),
        {b.key: b for b in blocks},
        tuple(confirms),
    )
    plan = PlanContext.of(desired)
    more["remembered"] = remembered = replace(more["remembered"], made=more.pop("made", more["remembered"].made))
    counted = [replace(t, effect=effect_of(plan, t.owner, t.changes)) for t in transitions]
    snapshot = Snapshot(datetime(2026, 11, 24, 10, 58, tzinfo=UTC), {} if unread else {"all": _records(live)})
    return GateContext(
        site=site(**(policy or {})),
        plan=plan,
        snapshot=snapshot,
        transitions=explained(counted, plan, remembered, _locate),
        identity=Identity(plan, snapshot, remembered),
        waiting_for=more.pop("waiting_for", ()),
        locate=_locate,
        **more,
    )


def redeclared(looked_at: GateContext, desired: DesiredState) -> GateContext:
    """The same plan, had git declared this."""
    plan = PlanContext.of(desired)
    return replace(looked_at, plan=plan, identity=Identity(plan, looked_at.snapshot, looked_at.remembered))


def _records(rows: Iterable[Row]) -> Records:
    records: Records = {name_of(kind): {} for kind in (MailboxRow, AliasRow, OxUserRow, DomainRow, AliasDomainRow)}
    for row in rows:
        records[name_of(type(row))][row.key] = row
    return records


def _locate(origin: Origin) -> Place:
    return Place(f"{origin.file}/{origin.section}/{origin.key}", 1)


def domain(name: str = D) -> DomainRow:
    return DomainRow(name, True)


def said(looked_at: GateContext, *severities: Severity) -> list[str]:
    """`rule subject` of the findings of these severities; of refusals when none is named."""
    wanted = severities or (Severity.REFUSAL,)
    return [f"{f.rule} {f.subject}" for f in run_gates(looked_at) if f.severity in wanted]


def only(looked_at: GateContext) -> Finding:
    """The one refusal."""
    (finding,) = (f for f in run_gates(looked_at) if f.severity is Severity.REFUSAL)
    return finding
