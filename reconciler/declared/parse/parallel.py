"""Lets helper processes do what can be done for each file by itself; this one takes over what they make.

Most of reading a big state folder can, and threads would share one processor. A helper is a copy of this process
(`fork`): the files are there already, nothing is imported again. What a helper hands over are bytes: making values of
them takes a tenth of the time of making them, and of what is thrown away in between this process has nothing.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # a small folder needs none of it
    from multiprocessing.connection import Connection

T = TypeVar("T")

BIG = 2_000_000
"""Characters; a folder with fewer is read before helpers would be of use."""
_MOST = 4
"""Helpers; more would only wait for this process."""
_AHEAD = 2**20
"""Bytes that a helper may be ahead of us; a file of 1,000 mailboxes makes an eighth of it."""
_NOTHING = b""


def made_by_helpers(files: Sequence[T], make: Callable[[T], bytes | None], size: int) -> Generator[bytes | None]:
    """What helpers make of each file, in their order; None for those that are to be read here. `size` is that of all
    files, in characters."""
    number = min(processors(), len(files), _MOST) if size >= BIG else 1
    had = 0
    if number > 1:
        # a helper is gone (killed, out of memory) or could not be made: what it left is read here
        with suppress(EOFError, OSError):
            for made in _with_helpers(files, make, number):
                yield made or None
                had += 1
    for _ in files[had:]:
        yield None


def processors() -> int:
    """How many processes could work at once; 1 when there must be no helper now.

    A process with several threads must not be copied: their locks would stay locked in the copy.
    """
    if threading.active_count() > 1 or not hasattr(os, "sched_getaffinity"):  # not on Linux
        return 1
    return len(os.sched_getaffinity(0))


def _with_helpers(files: Sequence[T], make: Callable[[T], bytes | None], number: int) -> Iterator[bytes]:
    """Each helper takes every so many-th file. Raises EOFError or OSError when one is gone or cannot be made."""
    with ExitStack() as stack:
        lines = [stack.enter_context(_helper(files[first::number], make)) for first in range(number)]
        for index in range(len(files)):
            yield lines[index % number].recv_bytes()


@contextmanager
def _helper(files: Sequence[T], make: Callable[[T], bytes | None]) -> Iterator[Connection]:
    """The line over which a helper's work comes; it ends with the block."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    with receiver:
        with sender:
            with suppress(OSError):  # more than this user may have: then helpers wait for us now and then
                fcntl.fcntl(sender.fileno(), fcntl.F_SETPIPE_SZ, _AHEAD)
            process = context.Process(target=_help, args=(files, make, receiver, sender), daemon=True)
            process.start()
        try:
            yield receiver
        finally:
            process.terminate()
            process.join()


def _help(files: Sequence[T], make: Callable[[T], bytes | None], receiver: Connection, sender: Connection) -> None:
    receiver.close()  # so that our pipe breaks when whom we help is killed
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that somebody looks at
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(BrokenPipeError):
        for file in files:
            sender.send_bytes(make(file) or _NOTHING)
