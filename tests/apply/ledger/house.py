"""What the tests of the ledger share: steps of an account, a clock that stands still, a run that has begun."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from sqlalchemy import Engine, select, text, update

from reconciler.apply.ledger import Lease, Ledger, NewRun, OpenRun
from reconciler.model.records import AliasRow, BlockRow, LetterRow, MailboxRow, Owner, PasswordRow, Row, Scope
from reconciler.model.source_places import Place
from reconciler.planning.changes import Action, Change, Outcome, Result, RowId, Stage, Step
from reconciler.planning.ledger_state import InventoryEntry, OneShot
from reconciler.planning.transitions import Effect, effect_of
from tests.systems.plans import NO_PLAN

NOW = datetime(2026, 11, 24, 10, 58, 0, 123456, tzinfo=UTC)
ANNA = "anna@partei.example"
HANS = "hans@partei.example"
PRIVATE = "Privat@Extern.example"
DONE, FAILED = Outcome(Result.DONE), Outcome(Result.FAILED, "refused", "look there")


@dataclass(slots=True)
class Clock:
    """Stands still until it is set."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


def account(address: str) -> Owner:
    return Owner(Scope.ACCOUNT, address)


def make(system: str, kind: str, row: Row, owner: Owner, stage: Stage, before: Row | None = None) -> Step:
    action = Action.UPDATE if before else Action.CREATE
    return Step(Change(system, kind, action, row.key, before, row, owner), stage)


def creation(address: str) -> list[Step]:
    """Mailbox, password and letter of a new account."""
    owner = account(address)
    return [
        make("postfixadmin", "mailbox", MailboxRow(address, address, "Anna", 10240, True), owner, Stage.MAIL_FLOW),
        make("postfixadmin", "alias", AliasRow(address, address, (address,), True), owner, Stage.MAIL_FLOW),
        make("openxchange", "password", PasswordRow(address, address, "42"), owner, Stage.GROUPWARE),
        make("letters", "letter", LetterRow(address, address, "10042", PRIVATE), owner, Stage.LETTER),
    ]


def block(key: str, action: Action = Action.CREATE) -> Step:
    """A sender block that comes or goes."""
    row = BlockRow(key, "REJECT")
    before, after = (row, None) if action is Action.DELETE else (None, row)
    return Step(Change("postfix", "block", action, key, before, after, Owner(Scope.BLOCK, key)), Stage.FILTER)


async def opened(ledger: Ledger, steps: Sequence[Step], digest: str = "digest", commit: str = "abc") -> OpenRun:
    """A run that has begun, with the lock."""
    lease = await ledger.acquire("technik", "mail.example", 7)
    return await opened_with(ledger, lease, steps, digest, commit)


async def opened_with(
    ledger: Ledger, lease: Lease, steps: Sequence[Step], digest: str = "digest", commit: str = "abc"
) -> OpenRun:
    places = {step.change.owner: Place("nrw.yaml", 12, 3, "1a2b3c4", "AG Technik") for step in steps}
    new = new_run(steps, digest, commit, document='{"site": "nrw"}', places=places)
    return await ledger.begin(lease, new)


def new_run(
    steps: Sequence[Step],
    digest: str = "d",
    commit: str = "",
    *,
    document: str = "",
    places: Mapping[Owner, Place] = MappingProxyType({}),
    counted: Mapping[Owner, Effect] | None = None,
    one_shots: Mapping[str, OneShot] = MappingProxyType({}),
) -> NewRun:
    """What a run of these steps writes first."""
    return NewRun(
        digest=digest,
        commit=commit,
        who="technik",
        host="mail.example",
        pid=7,
        document=document,
        steps=steps,
        places=places,
        counted=what_counts(steps) if counted is None else counted,
        one_shots=one_shots,
    )


async def everything_ours(ledger: Ledger) -> dict[RowId, InventoryEntry]:
    """The whole inventory of the ledger's site."""
    remembered = await ledger.remember(24)
    return dict(remembered.inventory)


def what_counts(steps: Sequence[Step]) -> dict[Owner, Effect]:
    """What these count as in a plan without renames and removals."""
    changes: dict[Owner, list[Change]] = {}
    for step in steps:
        changes.setdefault(step.change.owner, []).append(step.change)
    return {owner: effect_of(NO_PLAN, owner, theirs) for owner, theirs in changes.items()}


async def states(ledger: Ledger, run: int) -> list[str]:
    past = await ledger.run(run)
    assert past is not None
    return [str(step.state) for step in past.steps]


def all_text(engine: Engine, ledger: Ledger) -> str:
    """Every row of every table, as text."""
    with engine.connect() as connection:
        rows = [tuple(row) for table in ledger.tables for row in connection.execute(select(table))]
    return json.dumps(rows, default=str, ensure_ascii=False)


def expire(engine: Engine, ledger: Ledger) -> None:
    """As if the time to live of the lock were over."""
    lock = ledger.tables.lock
    with engine.begin() as connection:
        connection.execute(update(lock).values(expires=lock.c.expires - timedelta(days=1) // timedelta(milliseconds=1)))


def sql(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))
