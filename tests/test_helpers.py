"""Helper processes (`reconciler.helpers`): what they make arrives, whatever happens to them or to us."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from reconciler.errors import Unreadable
from reconciler.helpers import HelperGone, helper, processors


def test_pieces_come_in_order_and_end() -> None:
    with helper(lambda: ({"number": n, "made by": os.getpid()} for n in range(5))) as pieces:
        made = list(pieces)
    assert [piece["number"] for piece in made] == [0, 1, 2, 3, 4]
    assert {piece["made by"] for piece in made}.isdisjoint({os.getpid()})


def test_two_helpers_do_not_mix() -> None:
    with helper(lambda: range(0, 10, 2)) as even, helper(lambda: range(1, 10, 2)) as odd:
        assert [piece for pair in zip(even, odd, strict=True) for piece in pair] == list(range(10))


def test_what_cannot_be_read_is_said_as_ever() -> None:
    def make() -> Iterator[int]:
        yield 1
        raise Unreadable("the server does not answer", hint="start it")

    with helper(make) as pieces:
        assert next(pieces) == 1
        with pytest.raises(Unreadable) as caught:
            next(pieces)
    assert (caught.value.message, caught.value.hint) == ("the server does not answer", "start it")


def killed() -> Iterator[int]:
    """As the kernel does it when memory is short."""
    yield 1
    os.kill(os.getpid(), signal.SIGKILL)


def with_a_bug() -> Iterator[int]:
    yield 1
    raise ValueError


@pytest.mark.parametrize("make", [killed, with_a_bug])
def test_a_helper_that_ends_too_early(make: Callable[[], Iterator[int]], capfd: pytest.CaptureFixture[str]) -> None:
    """Never mistaken for the end of what it makes; and nobody sees a traceback of something that is done again."""
    with helper(make) as pieces:
        assert next(pieces) == 1
        with pytest.raises(HelperGone):
            next(pieces)
    assert capfd.readouterr().err == ""


def test_a_helper_ends_with_its_block() -> None:
    """Also one that waits to hand over a piece that nobody wants any more."""
    with helper(lambda: (b"much" * 100_000 for _ in count())) as pieces:
        next(pieces)
        assert len(multiprocessing.active_children()) == 1
    assert multiprocessing.active_children() == []


ORPHANS = """
import os, signal, sys
from itertools import count
from reconciler.helpers import helper
made = lambda: ((os.getpid(), b"much" * 100_000) for _ in count())
with helper(made) as one, helper(made) as two:
    print(next(one)[0], next(two)[0], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_helpers_do_not_outlive_a_process_that_is_killed() -> None:
    done = subprocess.run([sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    left = [Path(f"/proc/{pid}") for pid in done.stdout.split()]
    assert len(left) == 2
    deadline = time.monotonic() + 20
    while any(process.exists() and "Z" not in _state(process) for process in left):
        assert time.monotonic() < deadline, "a helper still runs"
        time.sleep(0.05)


def _state(process: Path) -> str:
    """Of a process; a zombie is one that nobody has asked about yet."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


ALONE = "from reconciler.helpers import processors; print(processors())"


def test_who_may_have_a_helper() -> None:
    """A process with one thread, where there is a second processor."""
    alone = subprocess.run([sys.executable, "-c", ALONE], stdout=subprocess.PIPE, text=True, check=True)
    assert int(alone.stdout) == len(os.sched_getaffinity(0))
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    assert processors() == 1
    stop.set()
    thread.join()
