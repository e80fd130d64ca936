"""How one context of OX is read and changed, whichever way leads there: its tools (`tools`), or SOAP (`soap`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from pydantic import SecretStr

from reconciler.model.records import Owner
from reconciler.planning.changes import Action, Outcome
from reconciler.settings import OpenXchange
from reconciler.systems.openxchange.listuser_csv import Listed
from reconciler.systems.openxchange.tool_answers import Words
from reconciler.systems.system_context import Fence

T = TypeVar("T")


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


class One(NamedTuple):
    """The one user who is asked for. A way that cannot find somebody by id looks for the login; where that is not
    enough (empty), it lists the whole context."""

    login: str = ""
    user_id: str = ""


class Provisioning(ABC):
    """One context, as its admin administers it."""

    def __init__(self, section: OpenXchange, words: Words, fence: Fence, parallel: int) -> None:
        self.admin = section.admin
        self.words = words
        self.fence = fence
        self.parallel = parallel
        """How many writes are under way at once."""

    async def wait_for_others(self) -> None:
        """Waits until what a dead run left at work has ended, where that can be seen. Raises Unreadable."""
        return

    @abstractmethod
    async def read(self, take: Callable[[Iterator[Listed]], T], one: One = One()) -> T:  # noqa: B008  # immutable
        """What `take` makes, in a thread, of all users with the context admin, or of who is asked for: others may be
        among them, and nobody when there is no such user. Raises Unreadable: then `take` may have seen some."""

    @abstractmethod
    async def write(self, write: Write, password: SecretStr | None, owner: Owner, words: Words) -> Outcome | None:
        """Does it once for this owner: the failure in our `words`, or None when OX reports success. After Unreadable it
        is not known whether it took effect. Raises Halted and LockLost as the fence does: then it was not begun."""

    @abstractmethod
    async def check(self) -> None:
        """Whether the admin may log in and users can be written. Raises Unreadable."""

    async def close(self) -> None:
        """Ends what is held open."""
        return
