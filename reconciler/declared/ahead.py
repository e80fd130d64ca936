"""Reads the files of a big state folder in helpers: they split YAML, this process checks what comes out.

Splitting takes about half of the time, so two processors halve it. Called by `load`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from enum import Enum, auto
from functools import partial
from typing import Any

from reconciler.declared.quick import Unusual, read_quick
from reconciler.helpers import HelperGone, helper, processors

BIG = 2_000_000
"""Characters; a folder with fewer is read before helpers would be of use."""
_MOST = 4
"""Helpers; more would only wait for this process."""


class Reading(Enum):
    """What stands for the value of a text that the quick reading refuses: it needs the exact one."""

    UNUSUAL = auto()


def read_all(texts: Sequence[str]) -> Iterator[Any]:
    """The value of each text, in their order, or Reading.UNUSUAL."""
    number = min(processors(), _MOST) if sum(map(len, texts)) >= BIG else 1
    read = 0
    if number > 1:
        with suppress(HelperGone):
            for value in _with_helpers(texts, number):
                yield value
                read += 1
    yield from map(_value, texts[read:])


def _value(text: str) -> Any:
    try:
        return read_quick(text)
    except Unusual:
        return Reading.UNUSUAL


def _with_helpers(texts: Sequence[str], number: int) -> Iterator[Any]:
    """Each helper reads every so many-th text."""
    with ExitStack() as stack:
        shares = (partial(map, _value, texts[first::number]) for first in range(number))
        values = [stack.enter_context(helper(share)) for share in shares]
        for index in range(len(texts)):
            yield next(values[index % number])
