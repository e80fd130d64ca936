"""Everything a process does to the world outside it, counted, and the one moment at which it goes wrong.

A *touch* is a commit, a call of a writing tool, a request of the web interface, a command on the map, a mail. Between
two touches a process only thinks: to die there is to die before the next one. `outside` makes them.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from threading import RLock
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Death(BaseException):
    """kill -9: no `except Exception` sees it, and after it the process touches nothing any more, not even its lock."""


class How(StrEnum):
    """What goes wrong with one touch."""

    BEFORE = "killed before"
    INSIDE = "killed inside"
    """Half of it is there: statements without their commit, half a file, half a mail."""
    AFTER = "killed after"
    LOST = "connection lost"
    """It does not get through, and that line stays down until the run has ended."""
    ANSWER_LOST = "answer lost"
    """It happens, and nobody is told."""


class Fault(NamedTuple):
    """The touch (counted from 0) that goes wrong."""

    number: int
    how: How


class Touch(NamedTuple):
    """One touch of a run: by which line (`database`, `openxchange`, …), what, and whether it has a half."""

    line: str
    what: str
    halves: bool

    def ways(self) -> list[How]:
        """What can go wrong with it. Where there is no half, to die inside is to die before or after it; a commit has
        nothing before it but statements, which is its inside."""
        ways = [How.AFTER, How.LOST, How.ANSWER_LOST]
        if self.what.endswith("commit"):
            return [How.INSIDE, *ways]
        return [How.BEFORE, *([How.INSIDE] if self.halves else []), *ways]


class Touches:
    """The touches of one process."""

    def __init__(self, fault: Fault | None = None, watch: Callable[[], None] | None = None) -> None:
        """`watch` looks at the world after each touch, as somebody else would."""
        self._watch = watch
        self.seen: list[Touch] = []
        self.dead = False
        self._fault = fault
        self._down: set[str] = set()
        self._one_at_a_time = RLock()

    @property
    def struck(self) -> bool:
        """Whether the fault has come."""
        return self._fault is not None and len(self.seen) > self._fault.number

    def read(self, line: str, lost: Callable[[], Exception]) -> None:
        """Before something is only looked at."""
        if self.dead:
            raise Death
        if line in self._down:
            raise lost()

    def write(
        self,
        line: str,
        what: str,
        effect: Callable[[], T],
        lost: Callable[[], Exception],
        half: Callable[[], object] | None = None,
    ) -> T:
        """Does it, or what the fault makes of it; the touches of several threads come one after the other."""
        with self._one_at_a_time:
            return self._write(line, what, effect, lost, half)

    def _write(
        self,
        line: str,
        what: str,
        effect: Callable[[], T],
        lost: Callable[[], Exception],
        half: Callable[[], object] | None,
    ) -> T:
        self.read(line, lost)
        how = self._fault.how if self._fault is not None and self._fault.number == len(self.seen) else None
        self.seen.append(Touch(line, what, half is not None))
        match how:
            case How.BEFORE:
                raise self._die()
            case How.INSIDE:
                if half is not None:
                    half()
                raise self._die()
            case How.LOST:
                self._down.add(line)
                raise lost()
        result = effect()
        if self._watch is not None:
            self._watch()
        if how is How.AFTER:
            raise self._die()
        if how is How.ANSWER_LOST:
            raise lost()
        return result

    def _die(self) -> Death:
        self.dead = True
        return Death()
