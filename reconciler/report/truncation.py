"""A text of bounded length: head and foot are always whole, the blocks between them share what is left, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

LIMIT = 60_000
"""Characters; GitHub and GitLab take more in one comment, but not much more."""

_NOTICE = 400
"""Characters kept free in every block for the sentence that says what was cut, and for its end."""


class BoundedText:
    """Blocks are filled in the order of their weight, so that the harmless end is cut."""

    def __init__(self, *, head: Sequence[str], foot: Sequence[str] = ()) -> None:
        self._blocks = ["\n".join(head)]
        self._foot = "\n".join(foot)
        self._left = LIMIT - len(self._blocks[0]) - len(self._foot) - 8

    def add_block(
        self,
        start: Sequence[str],
        things: Sequence[T],
        render: Callable[[T], str],
        *,
        share: int = 1,
        cut: Callable[[int], str],
        end: Sequence[str] = (),
    ) -> None:
        """Adds as many things as fit into one `share`-th of what is left; `cut(n)` says that n did not."""
        free = self._left // share - sum(len(line) + 1 for line in (*start, *end)) - _NOTICE
        taken: list[str] = []
        for thing in things:  # rendered one by one: what does not fit any more is not even looked at
            item = render(thing)
            free -= len(item) + 1
            if free < 0:
                break
            taken.append(item)
        missing = len(things) - len(taken)
        if not taken and not missing:
            return
        notice = [cut(missing)] if missing else []
        block = "\n".join((*start, *taken, *notice, *end) if taken else notice)
        self._left -= len(block) + 2
        self._blocks.append(block)

    def render(self) -> str:
        """Head, blocks and foot with an empty line between them; ends in one newline."""
        return "\n\n".join(block for block in (*self._blocks, self._foot) if block) + "\n"
