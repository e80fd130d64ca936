"""The last list of users, for who looks again before anything was written: a list of a big context takes minutes.

Looks before a batch and after it come in pairs: the engine skips what is in place and then `perform` compares;
`perform` reads back and then the engine does. Between two waves, and between a plan and its first wave, nothing is
written either.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from reconciler.systems.openxchange.listuser_csv import Listed

_SECONDS = 300.0
"""How long a list is good for; somebody may look at the plan in between."""


class One(NamedTuple):
    """The one user who is asked for. A way that cannot find somebody by id looks for the login; where that is not
    enough (empty), it lists the whole context."""

    login: str = ""
    user_id: str = ""


ALL = One()
"""Everybody."""


class UserList(NamedTuple):
    """An answer of OX, about the whole context or who was asked for."""

    whom: One
    users: Callable[[], Iterator[Listed]]
    """Reads it, with the context admin. Raises Unreadable, possibly after some."""


class RecentList:
    """One list, until this process writes. Others may write at any time: each change looks at its own user once more
    after a list that was kept (`perform`)."""

    def __init__(self) -> None:
        self._kept: UserList | None = None
        self._taken = 0.0
        self._writes = 0
        self._is_certain = True

    @property
    def writes(self) -> int:
        """Changes with each beginning and end of a write."""
        return self._writes

    def keep(self, users: UserList, began: float, writes: int) -> None:
        """Keeps a list that was asked for at `began` (monotonic), after so many `writes`."""
        if self._is_certain and writes == self._writes:
            self._kept, self._taken = users, began

    def of(self, one: One) -> UserList | None:
        """A list that has whoever is asked for; None when there is none that still holds."""
        kept = self._kept
        fits = kept is not None and kept.whom in (ALL, one) and time.monotonic() - self._taken < _SECONDS
        return kept if fits else None

    def unsure(self) -> None:
        """What a write that failed does may come after the next list: from now on every look is a new one."""
        self._is_certain, self._kept = False, None

    @contextmanager
    def written(self) -> Iterator[None]:
        """Around a write: what was listed before its end is over."""
        self._over()
        try:
            yield
        finally:
            self._over()

    def _over(self) -> None:
        self._writes += 1
        self._kept = None
