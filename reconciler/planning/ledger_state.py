"""What the ledger remembers, as plain values: for planning and the gates (`Remembered`), and for `history`.

`apply.ledger` makes them from its tables; nothing here reads or writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from reconciler.errors import Unreadable
from reconciler.model.record_kinds import give_password, kind_of
from reconciler.model.records import Owner, Row
from reconciler.planning.changes import Action, RowId, Stage
from reconciler.planning.transitions import Effect

LEDGER, PERSON = "ledger", "person"
"""System and kind of the inventory's entries about persons: the value is the member number of the account there, or the
name (`=Bernd Muster`) of one that is removed and had none."""


class StepState(StrEnum):
    """How far a step came. SUPERSEDED: a later run did it under the account's new address. UNCERTAIN: it may have
    happened, and is not tried again."""

    PENDING = "pending"
    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_TRIED = "not tried"
    SUPERSEDED = "superseded"
    UNCERTAIN = "uncertain"


FINISHED = frozenset({StepState.DONE, StepState.SKIPPED, StepState.SUPERSEDED, StepState.UNCERTAIN})
"""States of steps about which nothing is left to do; what is uncertain must not be done a second time."""


class RunState(StrEnum):
    """How a run stands. A crashed one stays RUNNING until the next run begins; then it is INTERRUPTED."""

    RUNNING = "running"
    DONE = "done"
    PARTLY = "partly"
    INTERRUPTED = "interrupted"


class OneShot(NamedTuple):
    """An operation that is done once for a date: `password_reset`, `subscriptions_reset`."""

    address: str
    name: str
    date: date


def value_text(kind: str, row: Row) -> str:
    """A record as JSON, without private fields. Raises TypeError for a secret, which has no JSON."""
    private = kind_of(kind).private
    fields = {name: value for name, value in row._asdict().items() if name not in private}
    if not fields.get("spelling"):  # nearly no row has one, and there are a million rows
        fields.pop("spelling", None)
    return json.dumps(fields)


class InventoryEntry(NamedTuple):
    """One record that we manage. `value` is what was last applied, as JSON; a million of them stay text."""

    system: str
    kind: str
    key: str
    owner: Owner
    value: str
    commit: str = ""
    """The state commit of the last application, and the run."""
    run: int = 0
    since: datetime | None = None
    """When it became ours, and by which commit; the ledger sets them."""
    since_commit: str = ""

    @classmethod
    def of(cls, system: str, kind: str, key: str, row: Row, owner: Owner) -> InventoryEntry:
        """The entry of a record, to be recorded. `row` may be a live one, which does not know its owner."""
        return cls(system, kind, key, owner, value_text(kind, row))

    @property
    def id(self) -> RowId:
        """Unique in the inventory of a site."""
        return self.system, self.kind, self.key

    @property
    def fields(self) -> dict[str, Any]:
        """The last applied value by field name; tuples have become lists. Raises Unreadable."""
        try:
            fields = json.loads(self.value)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise Unreadable(
                f"the ledger's rows cannot be read: what it has of {self.kind} {self.key} is no JSON object",
                hint="somebody else wrote it; compare with a backup",
            )
        return fields


class Adoption(NamedTuple):
    """A live record that becomes ours as it is. Kept as two rows: a first plan of a big site has half a million of
    these, and only apply needs their text."""

    system: str
    kind: str
    key: str
    wanted: Row
    found: Row

    @property
    def owner(self) -> Owner:
        """Whose it is; the live row does not know."""
        return self.wanted.owner

    @property
    def entry(self) -> InventoryEntry:
        """What the inventory will hold of it."""
        return InventoryEntry.of(self.system, self.kind, self.key, self.found, self.owner)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What earlier runs left for planning. The empty one is that of a site without a ledger."""

    inventory: Mapping[RowId, InventoryEntry] = field(default_factory=dict)
    """What we manage and nobody wants any more; the rest of the inventory is only counted on, in `known`."""
    mailboxes: frozenset[str] = frozenset()
    """Where a part of the site is planned: the keys of all mailboxes in the inventory."""
    known: Mapping[tuple[str, str], Set[str]] = field(default_factory=dict)
    """(System, kind) → keys of the wanted records that are in the inventory."""
    made: Mapping[str, date] = field(default_factory=dict)
    """The day on which we made a mailbox, for those that were asked for."""
    removed: frozenset[str] = frozenset()
    """Mailboxes that a removal switched off, and that nothing changed since."""
    unseen: Mapping[Owner, frozenset[str]] = field(default_factory=dict)
    """Effects that no system can show (kinds) and that a run left undone after it had touched their owner."""
    people: Mapping[str, str] = field(default_factory=dict)
    """Address → member number of the account there, as noted by the last run, where git declares another one or none;
    those that are as declared are in `known`, under ("ledger", "person")."""
    aliases: Set[str] = frozenset()
    """Aliases that became ours by an entry under `aliases:`, whatever git says of their addresses now."""
    former: Mapping[str, str] = field(default_factory=dict)
    """Address → account, of mailboxes and aliases that a rename left at an address which the account had before."""
    uncertain: Mapping[str, datetime] = field(default_factory=dict)
    """Accounts whose last letter may not have arrived, and when it left, in UTC."""
    one_shots: frozenset[OneShot] = frozenset()
    missed: frozenset[OneShot] = frozenset()
    is_unknown: bool = False
    """The ledger could not be asked: what only it knows is neither due nor missed."""
    recent: Mapping[Effect, frozenset[Owner]] = field(default_factory=dict)
    """What was touched within the window; an effect that a crash left uncertain counts."""

    @property
    def unfinished(self) -> frozenset[Owner]:
        """Accounts that may have a password nobody was told: they get a new one, everywhere, and a letter."""
        return frozenset(owner for owner, kinds in self.unseen.items() if give_password(kinds))


def half_given(kinds: Set[str]) -> bool:
    """Whether what was left undone of an account is a password that somebody typed, and nothing that we owe them."""
    return "given_password" in kinds and not kinds & {"password", "letter"}


class OpenLetter(NamedTuple):
    """A letter that a run was to send: it is owed, or may not have arrived (`uncertain`). `when` is in UTC."""

    account: str
    template: str
    uncertain: bool
    run: int
    when: datetime
    message: str


class PastStep(NamedTuple):
    """One step of a run, as it was planned and as it went. Times are UTC."""

    seq: int
    owner: Owner
    id: str
    system: str
    kind: str
    action: Action
    key: str
    stage: Stage
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    origin: str
    counted: Effect
    state: StepState
    began: datetime | None
    ended: datetime | None
    message: str
    hint: str

    @property
    def transition(self) -> str:
        """The id of its transition in the plan."""
        return self.owner.id


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run. Times are UTC; `steps` is empty in a list of runs, `counts` never is. `pruned` is how many of its steps
    are not there any more."""

    id: int
    site: str
    digest: str
    commit: str
    who: str
    host: str
    pid: int
    started: datetime
    finished: datetime | None
    state: RunState
    counts: Mapping[StepState, int] = field(default_factory=dict)
    steps: tuple[PastStep, ...] = ()
    pruned: int = 0
