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

import pytest

from reconciler.declared.parse import parallel
from reconciler.declared.parse.parallel import made_by_helpers
from tests.declared.samples import errors, load, text

TEXTS = ["domain: partei.example", "", *(f"text {n}" for n in range(20))]


@pytest.fixture(params=[1, 2, 3, 40], ids="{} processors".format)
def processors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many there are; what is big begins at one character."""
    monkeypatch.setattr(parallel, "processors", lambda: request.param)
    monkeypatch.setattr(parallel, "BIG", 1)
    return int(request.param)


def made(text: str) -> bytes | None:
    """Nothing for what is to be read by whom is helped."""
    return f"{os.getpid()} {text}".encode() if text else None


def handed_over(texts: list[str]) -> list[str | None]:
    """What came from helpers, without who they are."""
    found = list(made_by_helpers(texts, made, sum(map(len, texts))))
    assert str(os.getpid()) not in {each.decode().partition(" ")[0] for each in found if each is not None}
    return [each.decode().partition(" ")[2] if each is not None else None for each in found]


def test_in_the_order_of_the_files(processors: int) -> None:
    """And nothing where there is one processor: then all are read here."""
    expected = [text or None for text in TEXTS]
    assert handed_over(TEXTS) == (expected if processors > 1 else [None] * len(TEXTS))
    assert handed_over([]) == []


def test_helpers_take_what_is_big(processors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else: a copy of the process takes longer than a small folder."""
    size = sum(map(len, TEXTS))
    monkeypatch.setattr(parallel, "BIG", size)
    assert any(handed_over(TEXTS)) == (processors > 1)
    monkeypatch.setattr(parallel, "BIG", size + 1)
    assert not any(handed_over(TEXTS))


@pytest.mark.parametrize("at", [0, 7, len(TEXTS) - 1])
def test_what_a_killed_helper_left_is_read_here(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def deadly(text: str) -> bytes | None:
        if text == TEXTS[at]:
            os.kill(os.getpid(), signal.SIGKILL)
        return made(text)

    monkeypatch.setattr(parallel, "processors", lambda: 2)
    found = list(made_by_helpers(TEXTS, deadly, parallel.BIG))
    assert len(found) == len(TEXTS)
    assert found[at:] == [None] * len(found[at:])


def test_a_helper_that_is_killed_while_it_hands_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a value has come then."""
    monkeypatch.setattr(parallel, "processors", lambda: 2)
    values = made_by_helpers(range(6), lambda _: b"much" * 1_000_000, parallel.BIG)
    found = [next(values)]
    time.sleep(0.5)  # by now both wait at a full pipe
    for helper in multiprocessing.active_children():
        helper.kill()
    assert [*found, *values] == [b"much" * 1_000_000, *[None] * 5]


def test_without_helpers_when_none_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(parallel, "processors", lambda: 3)
    monkeypatch.setattr(os, "fork", refused)
    assert list(made_by_helpers(TEXTS, made, parallel.BIG)) == [None] * len(TEXTS)


def test_one_file_needs_no_helper(processors: int) -> None:
    assert handed_over(TEXTS[:1]) == [None]


def test_a_folder_is_loaded_as_ever(tmp_path: Path, processors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind of entry; what is unusual or wrong is read here, with its words and places."""
    files = {f"{n}.yaml": f"mailboxes:\n  m{n}@partei.example: {{groupware: false, name: M {n}}}\n" for n in range(9)}
    files |= {
        "empty.yaml": "",
        "anchor.yaml": "aliases:\n  a@partei.example: &a [b@x.example]\n  c@partei.example: *a\n",
    }
    files["more.yaml"] = (
        "aliases: {z@partei.example: {goto: [y@x.example], active: false}}\n"
        "removals:\n  - {mailbox: gone@partei.example, date: 2026-12-01, reason: left}\n"
    )
    loaded = load(tmp_path, files)
    monkeypatch.setattr(parallel, "processors", lambda: 1)
    (tmp_path / "alone").mkdir()
    assert loaded.state == load(tmp_path / "alone", files).state
    assert [box.name for box in loaded.state.mailboxes.values()] == [f"M {n}" for n in range(9)]


def test_every_problem_has_its_place(tmp_path: Path, processors: int) -> None:
    files = {f"{n}.yaml": f"mailboxes:\n  m{n}@partei.example: {{groupware: false, nam: M}}\n" for n in range(5)}
    said = [text(error) for error in errors(tmp_path, files)]
    assert len(said) == 5
    assert all(f"{n}.yaml:2:" in line for n, line in enumerate(said))


def test_helpers_end_with_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that wait to hand over a value that nobody wants any more."""
    monkeypatch.setattr(parallel, "processors", lambda: 2)
    values = made_by_helpers(range(10), lambda _: b"much" * 100_000, parallel.BIG)
    next(values)
    assert len(multiprocessing.active_children()) == 2
    values.close()
    assert multiprocessing.active_children() == []


KILLED = """
import multiprocessing, os, signal
from reconciler.declared.parse import parallel
parallel.processors = lambda: 2
values = parallel.made_by_helpers(range(10), lambda _: b"much" * 100_000, parallel.BIG)
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
