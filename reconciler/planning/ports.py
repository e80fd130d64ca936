"""The port: what every live system answers. A fourth system is one folder that does, and one line in the registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from reconciler.model.records import Absent, Found, Owner, Records
from reconciler.planning.changes import Action, Change, Outcome, Stage, Step
from reconciler.planning.concern import Concern
from reconciler.planning.finding import Finding
from reconciler.planning.new_passwords import CredentialEvents
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.review_facts import LiveChange
from reconciler.planning.snapshot import Pair, SiteNumbers

Wanted = Callable[[], Awaitable[Records]]
"""What a system should hold, once it is worked out."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one system holds, complete. `details` is what is no record and its own `review` asks for."""

    records: Found
    details: object = None
    site: SiteNumbers | None = None
    """Where a part was read, what of the whole is counted."""


class SideEffects(NamedTuple):
    """What else must happen in a system, and what of that cannot (no letter reaches them)."""

    changes: Sequence[Change] = ()
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class Closer:
    """What a reader of some lines is told beside: bytes in a mailbox, its last login, and changes by hand of a record
    that a system remembers. `left_out` says what could not be read, and why."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    logins: Mapping[str, datetime] = field(default_factory=dict)
    edits: Mapping[str, Sequence[LiveChange]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


class System(ABC):
    """A live system. `expect`, `match`, `side_effects`, `stage` and `review` are pure: they keep nothing between calls,
    and nothing depends on which system is asked first. All others touch the system."""

    name: str

    needed_for_accounts: bool = False
    """Whether new accounts wait while I am unknown, since they would end up with two passwords or without a letter."""

    target: str
    """What I am connected to, for people and for the digest; never a secret."""

    @abstractmethod
    def expect(self, context: PlanContext) -> Records:
        """What I should hold. Rows carry the values of a creation; `merged_with` says which of them are managed."""

    @abstractmethod
    async def observe(self, *, writing: bool = False) -> Observation:
        """What I hold, complete. Reads only. Raises Unreadable: then it is unknown, never absent. With `writing` this
        command has the site's lock, and waits for tools of mine that a dead run left at work."""

    async def observe_beside(self, wanted: Wanted, *, writing: bool = False) -> Observation:
        """The same, beside what I should hold, which is being worked out: of what is as wanted nothing need be kept
        (`derived_rows`). Raises Unreadable."""
        return await self.observe(writing=writing)

    async def observe_part(self, about: Concern, wanted: Wanted, *, writing: bool = False) -> Observation:
        """What I hold about a part of the site, of which I should hold what is `wanted`; more does no harm. All of it,
        where I cannot be asked for less. Raises Unreadable."""
        return await self.observe(writing=writing)

    def match(self, context: PlanContext, wanted: Records, found: Found) -> Pair:
        """Both under the same keys (OX matches users by login and address); `wanted` completed with what a rename
        carries over."""
        return Pair(wanted, found)

    def side_effects(
        self, context: PlanContext, owner: Owner, changes: Sequence[Change], pair: Pair, events: CredentialEvents
    ) -> SideEffects:
        """What else must happen here because `changes` (of all systems, one owner) happen, and because of `events`.
        Asked again with its own answer among the changes, until no system adds anything."""
        return SideEffects()

    @abstractmethod
    def stage(self, change: Change) -> Stage:
        """When in a transition the change comes; each is one step."""

    def review(self, context: PlanContext, pair: Pair, details: object) -> Sequence[Finding]:
        """Findings about what was found here, whatever is planned: `pair` is what `expect` said and what was matched,
        `details` what `observe` added."""
        return ()

    async def look_closer(
        self,
        mailboxes: Collection[str],  # this one knows nothing more
        changed: Mapping[str, datetime],
    ) -> Closer:
        """Beside the records, for lines that are shown: of these mailboxes, and who changed these records by hand since
        then (by key, UTC). Reads only, in a constant number of statements; never raises Unreadable."""
        return Closer()

    async def check(self, kinds: Collection[str] = ()) -> None:
        """Before the first effect: can I write, these kinds of record among others? Raises Unreadable."""
        return

    @abstractmethod
    async def perform(self, context: PlanContext, batch: Sequence[Step]) -> list[Outcome]:
        """Carries the steps out, one outcome each, in order. Safe to repeat; never overwrites a foreign change."""

    async def is_applied(self, batch: Sequence[Step]) -> list[bool]:
        """Whether each step's effect is in place, by a fresh read of everything. Raises Unreadable."""
        records = (await self.observe()).records
        return [step.readable and _is_applied(step.change, records) for step in batch]

    async def close(self) -> None:
        """Lets connections go."""
        return


def _is_applied(change: Change, records: Found) -> bool:
    table = records.get(change.kind, {})
    row = table.get(change.key)
    if change.after is None or isinstance(change.after, Absent):
        return row is None
    left = change.action is Action.RENAME and change.before is not None and change.before.key in table
    return row is not None and not left and change.after.merged_with(row) is row
