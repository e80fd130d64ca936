"""Changes: the difference between a wanted and a found record, and the steps that carry one out."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum, StrEnum
from typing import NamedTuple

from reconciler.errors import Halted, ReconcilerError, TemporaryFailure, Unreadable
from reconciler.model.derived_rows import others, unlike
from reconciler.model.record_kinds import OnUndeclared, kind_of
from reconciler.model.records import Absent, Found, Owner, Records, Row


class Action(StrEnum):
    """What happens to a record."""

    CREATE = "create"
    UPDATE = "update"
    RENAME = "rename"
    """The record changes its key, with all that belongs to it (and maybe other fields)."""
    DELETE = "delete"


class Stage(IntEnum):
    """When in a transition a step comes. Stages order steps across systems, which never name each other.

    Mail must flow before anybody logs in, and letters go out after everything is in place.
    """

    DOMAIN = 5
    """Before anything can be in it."""
    MAIL_FLOW = 10
    REFERENCES = 15
    """Aliases that lead to accounts: an account that fails must not leave one leading nowhere. And accounts that go or
    are switched off, when this plan leads aliases from them to others first."""
    GROUPWARE = 20
    FILTER = 30
    ATTACH = 60
    LETTER = 80
    WELCOME = 90


RowId = tuple[str, str, str]
"""(system, kind, key)"""


class Change(NamedTuple):
    """Create (`before` is None), Update, Rename or Delete (`after` is None) of one record of one system."""

    system: str
    kind: str
    action: Action
    key: str
    before: Row | None
    after: Row | None
    owner: Owner

    @property
    def row(self) -> Row:
        """The record after the change, or the one that goes."""
        row = self.after if self.after is not None else self.before
        assert row is not None
        return row

    @property
    def row_id(self) -> RowId:
        return self.system, self.kind, self.key

    @property
    def makes_credential(self) -> bool:
        """Whether it makes something that has a password."""
        return self.action is Action.CREATE and kind_of(self.kind).credential

    def fields(self) -> list[tuple[str, object, object]]:
        """(field, old, new) of an update's fields that differ."""
        if self.before is None or self.after is None:
            return []
        old, new = self.before._asdict(), self.after._asdict()
        return [(name, old[name], new[name]) for name in old if old[name] != new[name]]


class Step(NamedTuple):
    """One effect in one system, safe to repeat, with the before-image that it expects (`change.before`)."""

    change: Change
    stage: Stage

    @property
    def id(self) -> str:
        """Unique in a plan."""
        return f"{self.change.system}/{self.change.kind}/{self.change.action}/{self.change.key}"

    @property
    def readable(self) -> bool:
        """Whether `is_applied` can see the effect; letters and passwords it cannot."""
        return kind_of(self.change.kind).readable


class Result(StrEnum):
    """How a step ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """It was in place already."""
    NOT_TRIED = "not tried"
    UNCERTAIN = "uncertain"
    """It may have happened, nothing can show whether it did, and it must not happen twice: it is not tried again."""


class Outcome(NamedTuple):
    """What `perform` says of one step. A temporary failure may be tried again; of a step that `raced`, somebody else
    changed the object since the plan was made, so a person looks at a new plan first."""

    result: Result
    message: str = ""
    hint: str = ""
    temporary: bool = False
    raced: bool = False

    @classmethod
    def of(cls, error: ReconcilerError) -> Outcome:
        """The outcome of a step that this error ended: Halted means not begun, and only some errors are temporary."""
        if isinstance(error, Halted):
            return cls(Result.NOT_TRIED, error.message, error.hint)
        temporary = isinstance(error, TemporaryFailure | Unreadable)
        return cls(Result.FAILED, error.message, error.hint, temporary)

    @classmethod
    def lost_race(cls, message: str, hint: str) -> Outcome:
        """A failure because the object is no longer as it was planned."""
        return cls(Result.FAILED, message, hint, raced=True)


HIDDEN = frozenset(
    {
        "recipient",
        "language",
        "key",
        "account",
        "block",
        "managed",
        "name_managed",
        "quota_managed",
        "active_managed",
        "names_managed",
    }
)
"""Fields of rows that no plan and no report shows: the private address of a member and the language of their letters (a
line says it in words), key and owner (shown anyway), our switches."""


def shown_fields(row: Row | None) -> dict[str, object] | None:
    """The fields of a row that a plan and a report may show; None for no row."""
    return None if row is None else {name: value for name, value in row._asdict().items() if name not in HIDDEN}


def diff(system: str, wanted: Records, found: Found) -> Iterator[Change]:
    """Creations, updates and renames towards `wanted`; deletions of what is Absent, and in places of ours alone. Of a
    kind deletions come first: they free names and addresses that another row is to get."""
    for kind, table in wanted.items():
        live = found.get(kind, {})
        for key, gone in others(table).items():
            if isinstance(gone, Absent) and (before := live.get(key)) is not None:
                yield Change(system, kind, Action.DELETE, key, before, None, gone.owner)
        for key in unlike(table, live):
            row, before = table[key], live.get(key)
            if isinstance(row, Absent):
                continue
            if before is None:
                yield Change(system, kind, Action.CREATE, key, None, row, row.owner)
                continue
            after = row.merged_with(before)
            if after is not before:
                action = Action.UPDATE if after.key == before.key else Action.RENAME
                yield Change(system, kind, action, key, before, after, row.owner)
    for kind, there in found.items():
        if kind_of(kind).on_undeclared is not OnUndeclared.DELETE:
            continue
        table = wanted.get(kind, {})
        for key, before in there.items():
            if key not in table:
                yield Change(system, kind, Action.DELETE, key, before, None, before.owner)
