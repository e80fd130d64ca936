"""A big state folder is read with helpers (`declared.parse.parallel`): nobody may notice, not even when one dies."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.declared.parse import parallel
from reconciler.declared.parse.fast import Reading, read_fast
from reconciler.declared.parse.parallel import read_all
from tests.declared.samples import errors, load, text

TEXTS = [
    "domain: partei.example\nmailboxes:\n  anna: {groupware: false}\n",
    "",
    "mailboxes: &all {}\n",
    "mailboxes: [",
    *(f"aliases:\n  a{n}@partei.example: [b{n}@x.example, 'no', no, 0123, 7, ~]\n" for n in range(20)),
]


@pytest.fixture(params=[1, 2, 3, 40], ids="{} processors".format)
def processors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many there are; what is big begins at one character."""
    monkeypatch.setattr(parallel, "processors", lambda: request.param)
    monkeypatch.setattr(parallel, "BIG", 1)
    return int(request.param)


def alone(texts: list[str]) -> list[Any]:
    """The values, read without helpers."""
    assert sum(map(len, texts)) < parallel.BIG
    return list(read_all(texts))


def test_the_values_are_the_same(processors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = list(read_all(TEXTS))
    monkeypatch.undo()
    assert values == alone(TEXTS)
    assert values[:4] == [
        {"domain": "partei.example", "mailboxes": {"anna": {"groupware": False}}},
        None,
        Reading.UNUSUAL,
        Reading.UNUSUAL,
    ]
    assert list(read_all([])) == []


def test_helpers_read_what_is_big(processors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else: a copy of the process takes longer than a small folder."""
    monkeypatch.setattr(parallel, "read_fast", lambda _: os.getpid())
    size = sum(map(len, TEXTS))
    monkeypatch.setattr(parallel, "BIG", size)
    assert (os.getpid() in read_all(TEXTS)) == (processors == 1)
    monkeypatch.setattr(parallel, "BIG", size + 1)
    assert set(read_all(TEXTS)) == {os.getpid()}


@pytest.mark.parametrize("at", [0, 7, len(TEXTS) - 1])
def test_what_a_killed_helper_left_is_read_here(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    us = os.getpid()

    def deadly(content: str) -> Any:
        if os.getpid() != us and content == TEXTS[at]:
            os.kill(os.getpid(), signal.SIGKILL)
        return read_fast(content)

    expected = alone(TEXTS)
    monkeypatch.setattr(parallel, "processors", lambda: 2)
    monkeypatch.setattr(parallel, "BIG", 1)
    monkeypatch.setattr(parallel, "read_fast", deadly)
    assert list(read_all(TEXTS)) == expected


def test_a_helper_that_is_killed_while_it_hands_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a value has come then."""
    texts = [f"a: {'much' * 1_000_000}\n"] * 6
    expected = list(map(read_fast, texts))
    monkeypatch.setattr(parallel, "processors", lambda: 2)
    values = read_all(texts)
    found = [next(values)]
    time.sleep(0.5)  # by now both wait at a full pipe
    for helper in multiprocessing.active_children():
        helper.kill()
    assert [*found, *values] == expected


def test_without_helpers_when_none_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    expected = alone(TEXTS)
    monkeypatch.setattr(parallel, "processors", lambda: 3)
    monkeypatch.setattr(parallel, "BIG", 1)
    monkeypatch.setattr(os, "fork", refused)
    assert list(read_all(TEXTS)) == expected


def test_one_file_needs_no_helper(processors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "read_fast", lambda _: os.getpid())
    assert list(read_all(TEXTS[:1])) == [os.getpid()]


def test_a_folder_is_loaded_as_ever(tmp_path: Path, processors: int) -> None:
    files = {f"{n}.yaml": f"mailboxes:\n  m{n}@partei.example: {{groupware: false, name: M {n}}}\n" for n in range(9)}
    state = load(tmp_path, files).state
    assert [box.name for box in state.mailboxes.values()] == [f"M {n}" for n in range(9)]


def test_every_problem_has_its_place(tmp_path: Path, processors: int) -> None:
    files = {f"{n}.yaml": f"mailboxes:\n  m{n}@partei.example: {{groupware: false, nam: M}}\n" for n in range(5)}
    said = [text(error) for error in errors(tmp_path, files)]
    assert len(said) == 5
    assert all(f"{n}.yaml:2:" in line for n, line in enumerate(said))


def test_helpers_end_with_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that wait to hand over a value that nobody wants any more."""
    monkeypatch.setattr(parallel, "processors", lambda: 2)
    monkeypatch.setattr(parallel, "BIG", 1)
    values = read_all([f"a: {'much' * 100_000}\n"] * 10)
    next(values)
    assert len(multiprocessing.active_children()) == 2
    values.close()  # type: ignore[attr-defined]  # a generator
    assert multiprocessing.active_children() == []


KILLED = """
import multiprocessing, os, signal
from reconciler.declared.parse import parallel
parallel.processors, parallel.BIG = (lambda: 2), 1
values = parallel.read_all(["a: " + "much" * 100_000] * 10)
next(values)
print(*(child.pid for child in multiprocessing.active_children()), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_helpers_do_not_outlive_a_process_that_is_killed() -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    left = [Path(f"/proc/{pid}/stat") for pid in done.stdout.split()]
    assert len(left) == 2
    deadline = time.monotonic() + 20
    while any(map(runs, left)):
        assert time.monotonic() < deadline, "a helper still runs"
        time.sleep(0.05)


def runs(stat: Path) -> bool:
    """Whether the process is there and no zombie, which is one that nobody has asked about yet."""
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_who_may_have_helpers() -> None:
    """A process with one thread, where there is a second processor."""
    asked = "from reconciler.declared.parse.parallel import processors; print(processors())"
    alone = subprocess.run([sys.executable, "-c", asked], stdout=subprocess.PIPE, text=True, check=True)
    assert int(alone.stdout) == len(os.sched_getaffinity(0))
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    assert parallel.processors() == 1
    stop.set()
    thread.join()
