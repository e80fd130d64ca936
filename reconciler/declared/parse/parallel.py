"""Reads the files of a big state folder in helper processes: they split YAML, this one checks what comes out.

Splitting takes about half of the time, and threads would share one processor. A helper is a copy of this process
(`fork`): the texts are there already, nothing is imported again.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from reconciler.declared.parse.fast import read_fast

if TYPE_CHECKING:  # a small folder needs none of it
    from multiprocessing.connection import Connection

BIG = 2_000_000
"""Characters; a folder with fewer is read before helpers would be of use."""
_MOST = 4
"""Helpers; more would only wait for this process."""
_AHEAD = 2**20
"""Bytes that a helper may be ahead of us; a file of 1,000 mailboxes makes an eighth of it."""


def read_all(texts: Sequence[str]) -> Iterator[Any]:
    """The value of each text, in their order, or Reading.UNUSUAL."""
    number = min(processors(), len(texts), _MOST) if sum(map(len, texts)) >= BIG else 1
    read = 0
    if number > 1:
        # a helper is gone (killed, out of memory) or could not be made: what it left is read here
        with suppress(EOFError, OSError):
            for value in _with_helpers(texts, number):
                yield value
                read += 1
    yield from map(read_fast, texts[read:])


def processors() -> int:
    """How many processes could work at once; 1 when there must be no helper now.

    A process with several threads must not be copied: their locks would stay locked in the copy.
    """
    if threading.active_count() > 1 or not hasattr(os, "sched_getaffinity"):  # not on Linux
        return 1
    return len(os.sched_getaffinity(0))


def _with_helpers(texts: Sequence[str], number: int) -> Iterator[Any]:
    """Each helper reads every so many-th text. Raises EOFError or OSError when one is gone or cannot be made."""
    with ExitStack() as stack:
        lines = [stack.enter_context(_helper(texts[first::number])) for first in range(number)]
        for index in range(len(texts)):
            yield lines[index % number].recv()


@contextmanager
def _helper(texts: Sequence[str]) -> Iterator[Connection]:
    """The line over which a helper's values come; it ends with the block."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    with receiver:
        with sender:
            with suppress(OSError):  # more than this user may have: then helpers wait for us now and then
                fcntl.fcntl(sender.fileno(), fcntl.F_SETPIPE_SZ, _AHEAD)
            process = context.Process(target=_help, args=(texts, receiver, sender), daemon=True)
            process.start()
        try:
            yield receiver
        finally:
            process.terminate()
            process.join()


def _help(texts: Sequence[str], receiver: Connection, sender: Connection) -> None:
    receiver.close()  # so that our pipe breaks when whom we help is killed
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that somebody looks at
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(BrokenPipeError):
        for text in texts:
            sender.send(read_fast(text))
