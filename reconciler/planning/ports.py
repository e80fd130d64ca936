"""The port: what every live system answers. A fourth system is one folder that does, and one line in the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from reconciler.model.declared import DesiredState
from reconciler.model.records import Owner, Records
from reconciler.planning.changes import Change, Outcome, Step
from reconciler.planning.credentials import CredentialEvents
from reconciler.planning.findings import Finding


class System(Protocol):
    """A live system. `expect`, `pair`, `follow`, `steps` and `review` are pure; all others touch it."""

    name: str

    owns: frozenset[str]
    """Kinds that live in a place of ours alone: what is found there and not declared is removed."""

    needed_for_accounts: bool
    """Whether new accounts wait while I am unknown, since they would end up with two passwords or without a letter."""

    target: str
    """What I am connected to, for people and for the digest; never a secret."""

    def expect(self, desired: DesiredState) -> Records:
        """What I should hold. Rows carry the values of a creation; `merged_with` says which of them are managed."""
        ...

    async def observe(self) -> Records:
        """What I hold, complete. Reads only. Raises Unreadable: then it is unknown, never absent."""
        ...

    def pair(self, wanted: Records, found: Records) -> Records:
        """`found` with the keys of `wanted` where both mean the same thing (OX matches by login and address)."""
        ...

    def settle(self, wanted: Records, found: Records) -> Records:
        """`wanted` once it is known what is there: what a rename carries over. `found` is paired already."""
        ...

    def follow(
        self,
        owner: Owner,
        changes: Sequence[Change],
        wanted: Records,
        found: Records,
        news: CredentialEvents,
    ) -> Sequence[Change]:
        """What else must happen here because `changes` (of all systems, one owner) happen, and because of `news`."""
        ...

    def steps(self, change: Change) -> tuple[Step, ...]:
        """How I get there, with stages."""
        ...

    def review(self, desired: DesiredState, found: Records) -> Sequence[Finding]:
        """What is remarkable about what was found here, whatever is planned."""
        ...

    async def check(self) -> None:
        """Before the first effect: can I write? Raises Unreadable."""
        ...

    async def perform(self, batch: Sequence[Step]) -> list[Outcome]:
        """Carries the steps out, one outcome each, in order. Safe to repeat; never overwrites a foreign change."""
        ...

    async def is_applied(self, batch: Sequence[Step]) -> list[bool]:
        """Whether each step's effect is in place, by a fresh read. Raises Unreadable."""
        ...

    async def close(self) -> None:
        """Lets connections go."""
        ...


@runtime_checkable
class LeavesTools(Protocol):
    """A System whose writing may outlive the run that began it: tools that go on when their run is killed."""

    def before_writing(self) -> None:
        """This command has the site's lock: `observe` waits for what a dead run left at work."""
        ...
