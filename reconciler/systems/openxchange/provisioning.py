"""How one context of OX is read and changed, whichever way leads there: its tools (`tools`), or SOAP (`soap`)."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol, TypeVar

from pydantic import SecretStr

from reconciler.errors import Unreadable
from reconciler.model.records import Owner
from reconciler.planning.changes import Action, Outcome
from reconciler.settings import OpenXchange
from reconciler.systems.openxchange.listuser_csv import Listed
from reconciler.systems.openxchange.recent_list import ALL as ALL
from reconciler.systems.openxchange.recent_list import One as One
from reconciler.systems.openxchange.recent_list import RecentList, UserList
from reconciler.systems.openxchange.tool_answers import Words
from reconciler.systems.system_context import Fence


class Collector(Protocol):
    """Takes users, one after the other."""

    def add(self, user: Listed) -> None: ...


T = TypeVar("T")
C = TypeVar("C", bound=Collector)


class Write(NamedTuple):
    """One user is to be created, changed or deleted."""

    action: Action
    """CREATE, UPDATE or DELETE."""
    user_id: str = ""
    """Empty for a creation."""
    values: Mapping[str, str | tuple[str, ...]] = {}
    """By our words: the fields of OxUserRow, `language` and `timezone`. `primary` is email1 as well; `aliases` are the
    whole set. What is not among them is left alone."""
    password: bool = False
    """With the account's password of this run."""


class Provisioning(ABC):
    """One context, as its admin administers it."""

    def __init__(self, section: OpenXchange, words: Words, fence: Fence, parallel: int) -> None:
        self.admin = section.admin
        self.words = words
        self.fence = fence
        self.parallel = parallel
        """How many writes are under way at once."""
        self._recent = RecentList()

    async def wait_for_others(self) -> None:
        """Waits until what a dead run left at work has ended, where that can be seen. Raises Unreadable."""
        return

    async def read(
        self, take: Callable[[Iterator[Listed]], T], one: One = ALL, *, recent: bool = False, keep: bool = True
    ) -> T:
        """What `take` makes, in a thread, of all users with the context admin, or of who is asked for: others may be
        among them, and nobody when there is no such user. `recent`: the last list will do, when nothing was written
        here since; `keep`: this one may be such a list. Raises Unreadable: then `take` may have seen some."""
        began, writes = time.monotonic(), self._recent.writes
        kept = self.kept(one) if recent else None
        listed = kept or await self._list(one)
        # a big context takes seconds to read, and other systems are at work in this loop
        found = await asyncio.to_thread(lambda: take(listed.users()))
        if keep and kept is None:  # not one that could not be read to its end
            self._recent.keep(listed, began, writes)
        return found

    async def stream(self, begin: Callable[[], C]) -> C:
        """What was begun, once all users were added, with the context admin. They are not kept: a big context is taken
        in while it comes, where that is possible. Raises Unreadable; several may be begun before one is whole."""
        users, collected = (await self._list(ALL)).users, begin()
        await asyncio.to_thread(lambda: [collected.add(user) for user in users()])
        return collected

    def kept(self, one: One = ALL) -> UserList | None:
        """The list that `read` takes for a recent one."""
        return self._recent.of(one)

    async def write(self, write: Write, password: SecretStr | None, owner: Owner, words: Words) -> Outcome | None:
        """Does it once for this owner: the failure in our `words`, or None when OX reports success. After Unreadable it
        is not known whether it took effect. Raises Halted and LockLost as the fence does: then it was not begun."""
        with self._recent.written():
            try:
                problem = await self._write(write, password, owner, words)
            except Unreadable:
                self._recent.unsure()
                raise
        if problem is not None:
            self._recent.unsure()
        return problem

    @abstractmethod
    async def _list(self, one: One) -> UserList:
        """All users, or who is asked for. Raises Unreadable."""

    @abstractmethod
    async def _write(self, write: Write, password: SecretStr | None, owner: Owner, words: Words) -> Outcome | None:
        """See `write`."""

    @abstractmethod
    async def check(self) -> None:
        """Whether the admin may log in and users can be written. Raises Unreadable."""

    async def close(self) -> None:
        """Ends what is held open."""
        return
