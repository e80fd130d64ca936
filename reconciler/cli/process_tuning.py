"""How the process uses memory and time while a command runs: a site of 100,000 mailboxes is millions of values.
For `runner`, `site_session` and `main`."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

_GARBAGE = 10_000_000
"""Allocations between two garbage collections."""
_M_MMAP_THRESHOLD, _BIG = -3, 1_000_000
"""mallopt(3): blocks of so many bytes are given back to the system as soon as they are freed."""

_TURN = 0.02
"""Seconds that a thread may compute before another one does; at 0.005 those that read a big site keep interrupting
each other."""


def import_fast() -> None:
    """For the process, before it imports libraries. Importing makes many values and hardly a circle; and pydantic shall
    look for no plugins: it would read about every package that is installed, with a fifth of what it imports itself,
    and let strangers see what it validates."""
    gc.set_threshold(_GARBAGE)
    loader = ModuleType("pydantic.plugin._loader")
    loader.__dict__["get_plugins"] = tuple
    sys.modules[loader.__name__] = loader


@contextmanager
def many_values() -> Iterator[None]:
    """Collects garbage rarely: there are hardly any cycles, and looking for them takes a quarter of a plan's time."""
    usual, turn = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(_GARBAGE)
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        sys.setswitchinterval(turn)


def give_memory_back() -> None:
    """From now on. glibc raises that size by itself, up to 32 MB; then what is freed stays, a tenth of a big plan's
    memory. `validate` does without: it is the work of a tenth of `--help`."""
    import ctypes

    with suppress(AttributeError, OSError):  # a C library that has no such switch
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _BIG)


_kept: list[object] = []


def keep(value: object) -> None:
    """Keeps this value, one at a time, until the process ends: freeing it piece by piece would take a while."""
    _kept[:] = [value]


def leave(status: int) -> None:
    """Ends the process at once, as mypy does: freeing the values of a big site first takes half a second. Comes back
    when something that was written cannot be flushed; then Python's own way out says so."""
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
