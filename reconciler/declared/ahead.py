"""Reads the files of a big state folder in helper processes: they split YAML, this one checks what comes out.

Splitting takes about half of the time, so two processors halve it. Called by `load`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum, auto
from multiprocessing.connection import Connection
from typing import Any

from reconciler.declared.quick import Unusual, read_quick

BIG = 2_000_000
"""Characters; a folder with fewer is read before helpers would be of use."""
_MOST = 4
"""Helpers; more would only wait for this process."""


class Reading(Enum):
    """What stands for the value of a text that the quick reading refuses: it needs the exact one."""

    UNUSUAL = auto()


def read_all(texts: Sequence[str], big: int = BIG) -> Iterator[Any]:
    """The value of each text, in their order, or Reading.UNUSUAL."""
    helpers = min(_processors(), _MOST) if sum(map(len, texts)) >= big else 1
    read = 0
    # a process with several threads must not be copied: their locks would stay locked in the copy
    if helpers > 1 and threading.active_count() == 1:
        for value in _from_helpers(texts, helpers):
            yield value
            read += 1
    # everything, or what helpers that died (out of memory, killed) left
    yield from map(_value, texts[read:])


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1  # not on Linux


def _value(text: str) -> Any:
    try:
        return read_quick(text)
    except Unusual:
        return Reading.UNUSUAL


def _from_helpers(texts: Sequence[str], number: int) -> Iterator[Any]:
    """Values until the end, or until a helper is gone. Each helper reads every so many-th text."""
    with ExitStack() as stack, suppress(EOFError):
        lines = [stack.enter_context(_helper(texts[first::number])) for first in range(number)]
        for index in range(len(texts)):
            yield lines[index % number].recv()


@contextmanager
def _helper(texts: Sequence[str]) -> Iterator[Connection]:
    """A process that reads these texts, as the line over which their values come."""
    context = multiprocessing.get_context("fork")  # the texts are there already, nothing is imported again
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_help, args=(texts, receiver, sender), daemon=True)
    process.start()
    sender.close()
    try:
        yield receiver
    finally:
        receiver.close()  # whoever still has something to say ends then
        process.terminate()
        process.join()


def _help(texts: Sequence[str], receiver: Connection, sender: Connection) -> None:
    receiver.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that somebody looks at
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(BrokenPipeError):
        for text in texts:
            sender.send(_value(text))
