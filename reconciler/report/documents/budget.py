"""A text of bounded length in bytes. What is too much is left out in whole rows, the harmless ones first, and counted;
whatever was begun is ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

SMALLEST = 4_000
"""Bytes. Head, foot and the sentences about what is left out need some."""


class Weight(IntEnum):
    """What is kept longest comes first."""

    DANGER = 0
    """Gates, errors, what goes."""
    CHANGE = 1
    REMARK = 2
    DETAIL = 3


class Fitted(NamedTuple):
    """A text and whether anything was left out of it that a reader must have seen: all but details."""

    text: str
    cut: bool


class Block(Generic[T]):
    """Rows under some lines; `cut` says in a line what is left out, `weigh` how much a row matters."""

    def __init__(
        self,
        start: Sequence[str],
        things: Sequence[T],
        render: Callable[[T], str],
        *,
        cut: Callable[[Sequence[T]], str],
        weigh: Callable[[T], Weight] = lambda _: Weight.REMARK,
        end: Sequence[str] = (),
    ) -> None:
        self._start, self._things, self._render, self._cut, self._end = start, things, render, cut, end
        self._by_weight: dict[Weight, list[int]] = {weight: [] for weight in Weight}
        for number, thing in enumerate(things):
            self._by_weight[weigh(thing)].append(number)
        self._rows: dict[int, str] = {}
        self._full = False

    @property
    def frame(self) -> int:
        """Bytes that it needs with any row and without all of them."""
        return sum(map(_bytes, (*self._start, *self._end))) + _bytes(self._cut(self._things)) if self._things else 0

    def offers(self, weight: Weight) -> Iterator[tuple[int, str]]:
        """Rows of this weight, one by one: what does not fit any more is not even looked at."""
        for number in self._by_weight[weight]:
            if self._full:
                return
            yield number, self._render(self._things[number])

    def take(self, number: int, row: str, free: int) -> int:
        """Takes a row when `free` bytes suffice; says how many it took."""
        self._full = self._full or _bytes(row) > free
        if self._full:
            return 0
        self._rows[number] = row
        return _bytes(row)

    @property
    def cut(self) -> bool:
        """Whether anything but details was left out."""
        seen = (number for weight in Weight if weight < Weight.DETAIL for number in self._by_weight[weight])
        return any(number not in self._rows for number in seen)

    def text(self) -> str:
        """Empty when it has no rows to show or to leave out."""
        missing = [thing for number, thing in enumerate(self._things) if number not in self._rows]
        notice = [self._cut(missing)] if missing else []
        if not self._rows:
            return "\n".join(notice).lstrip("\n")
        return "\n".join((*self._start, *(self._rows[n] for n in sorted(self._rows)), *notice, *self._end))


def fit(head: Sequence[str], blocks: Sequence[Block[T]], foot: Sequence[str], limit: int) -> Fitted:
    """Head and foot whole, the blocks between them as far as there is room. Raises ValueError below SMALLEST."""
    if limit < SMALLEST:
        raise ValueError(f"a report needs {SMALLEST} bytes at least, not {limit}")
    free = limit - sum(map(_bytes, (*head, *foot))) - sum(block.frame + 2 for block in blocks) - 4
    for weight in Weight:
        waiting = [(block, block.offers(weight)) for block in blocks]
        while waiting:  # one row of each in turn, so that many of one kind leave room for the others
            left = []
            for block, rows in waiting:
                if (row := next(rows, None)) is not None:
                    free -= block.take(*row, free)
                    left.append((block, rows))
            waiting = left
    parts = ("\n".join(head), *(block.text() for block in blocks), "\n".join(foot))
    return Fitted("\n\n".join(part for part in parts if part) + "\n", any(block.cut for block in blocks))


def _bytes(line: str) -> int:
    return len(line.encode("utf-8")) + 1
