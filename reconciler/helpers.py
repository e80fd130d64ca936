"""Helper processes: copies of this one that work beside it and hand over what they make, piece by piece.

Threads would share one processor. A copy (`fork`) has everything at hand, imports nothing again and needs no way to be
told what to do. Used where a big site keeps a processor busy for seconds: reading YAML, reading rows.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from multiprocessing.connection import Connection
from typing import NamedTuple, TypeVar

from reconciler.errors import Unreadable

T = TypeVar("T")


class HelperGone(Exception):
    """The helper ended too early: killed, out of memory, or by a bug that whoever does its work again will meet."""


class _End(Enum):
    OF_PIECES = auto()


class _Failed(NamedTuple):
    message: str
    hint: str


def processors() -> int:
    """How many processes could work at once; 1 when there must be no helper now.

    A process with several threads must not be copied: their locks would stay locked in the copy.
    """
    if threading.active_count() > 1 or not hasattr(os, "sched_getaffinity"):  # not on Linux
        return 1
    return len(os.sched_getaffinity(0))


@contextmanager
def helper(make: Callable[[], Iterable[T]]) -> Iterator[Iterator[T]]:
    """What `make` gives, made in a helper, which ends with the block. To be called where `processors` says more than 1.

    While walking it raises HelperGone, or Unreadable when `make` did.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(make, receiver, sender), daemon=True)
    process.start()
    sender.close()
    try:
        yield _pieces(receiver)
    finally:
        process.terminate()
        process.join()
        receiver.close()


def _pieces(receiver: Connection) -> Iterator[T]:
    while True:
        try:
            piece = receiver.recv()
        except EOFError:
            raise HelperGone from None
        if piece is _End.OF_PIECES:
            return
        if isinstance(piece, _Failed):
            raise Unreadable(piece.message, hint=piece.hint)
        yield piece


def _work(make: Callable[[], Iterable[T]], receiver: Connection, sender: Connection) -> None:
    receiver.close()  # so that our pipe breaks when our maker is killed
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that somebody looks at
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(BrokenPipeError):
        try:
            for piece in make():
                sender.send(piece)
        except Unreadable as error:
            sender.send(_Failed(error.message, error.hint))
        except BrokenPipeError:
            raise
        except Exception:  # noqa: BLE001  # see HelperGone: a second traceback would only be in the way
            return
        else:
            sender.send(_End.OF_PIECES)
