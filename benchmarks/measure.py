"""Starts one command of reconciler in a fresh process, watches it, and says what it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

_ROOT = Path(__file__).parent.parent
_LOOK_SECONDS = 0.02
_TOOLS = ("listuser", "createuser")
_HELPS = 0.1
"""Seconds of processor time by which a helper is known."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one command took. Times in seconds, memory in MB (1,000,000 bytes)."""

    wall: float
    """From the start of the process to its end, interpreter and imports included."""
    cpu: float
    """Of the process itself and its helpers."""
    peak: float
    """Resident memory of the process with its helpers (what they share counts once) and its files in memory."""
    child_peak: float
    """Resident memory of the biggest process that it started, as far as it was seen."""
    statements: int
    """As the server counted them, with what the driver sends on its own."""
    commands: Mapping[str, int]
    """Programs that were run on the host."""
    tool_seconds: Mapping[str, float]
    """How long at least one of them was running, for the tools of OX."""


class Failed(Exception):
    """The command did not end as expected; the text has its exit status and what it said."""


def measure(arguments: Sequence[str], server: Connection, *, folder: Path, expected: int) -> Measurement:
    """Runs `reconciler ARGUMENTS`. `server`: open, in autocommit, on a server that nobody else uses. Raises Failed."""
    notes = folder / "notes.json"
    before = _questions(server)
    began = time.monotonic()
    with (folder / "output").open("wb") as output:
        command = [sys.executable, "-m", "benchmarks.probe", str(notes), *arguments]
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=_ROOT)
        watcher = _Watcher(process.pid)
        watcher.start()
        status = process.wait()
    wall = time.monotonic() - began
    watcher.stop()
    if status != expected:
        said = (folder / "output").read_text(encoding="utf-8", errors="replace")
        raise Failed(f"{' '.join(arguments)}: status {status} instead of {expected}\n{said[-4000:]}")
    return _read(json.loads(notes.read_text(encoding="utf-8")), wall, watcher, _questions(server) - before)


def _read(notes: Mapping[str, Any], wall: float, watcher: _Watcher, statements: int) -> Measurement:
    commands = notes["commands"]
    spans = {tool: [(begin, end) for name, begin, end in commands if name == tool] for tool in _TOOLS}
    return Measurement(
        wall,
        notes["cpu"] + sum(watcher.helper_cpu.values()),
        max(notes["peak_kb"], watcher.together_kb) * 1024 / 1e6,
        watcher.peak_kb * 1024 / 1e6,
        statements - 1,  # the question itself is one of them
        Counter(name for name, _, _ in commands),
        {tool: covered(span) for tool, span in spans.items() if span},
    )


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """The length of the union of these spans of time."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def _questions(server: Connection) -> int:
    return int(server.execute(text("SHOW GLOBAL STATUS LIKE 'Questions'")).one()[1])


class _Watcher(threading.Thread):
    """Looks at the children of a process for as long as it lives."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_kb = 0
        self.together_kb = 0
        """The process with its helpers, which are copies of it, and its files in memory."""
        self.helper_cpu: dict[str, float] = {}
        """Seconds of each helper, as far as they were seen."""
        self._process = Path(f"/proc/{pid}")
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            helpers: list[Path] = []
            for child in self._children():
                process = Path(f"/proc/{child}")
                if self._is_copy(process):
                    seconds = _cpu(process)
                    if seconds < _HELPS:  # about to become a tool, its memory is still its parent's
                        continue
                    self.helper_cpu[child] = seconds
                    helpers.append(process)
                else:
                    self.peak_kb = max(self.peak_kb, _kb(process / "status", "VmHWM:"))
            if helpers:
                together = sum(_kb(process / "smaps_rollup", "Pss:") for process in (self._process, *helpers))
            else:
                together = _kb(self._process / "status", "VmRSS:")
            self.together_kb = max(self.together_kb, together + self._files_kb())

    def stop(self) -> None:
        self._over.set()
        self.join()

    def _files_kb(self) -> int:
        """Files in memory that the process has open; nobody's resident memory has them."""
        size = 0
        with suppress(OSError):  # the process, or one of the files, is just gone
            for number in (self._process / "fd").iterdir():
                if str(number.readlink()).startswith("/memfd:"):
                    size += number.stat().st_size
        return size // 1024

    def _children(self) -> list[str]:
        found: list[str] = []
        try:
            for task in (self._process / "task").iterdir():
                found += (task / "children").read_text(encoding="ascii").split()
        except OSError:
            return found  # it has just ended
        return found

    def _is_copy(self, child: Path) -> bool:
        """Whether it is a helper, or forked a moment ago to become a tool."""
        try:
            return (child / "cmdline").read_bytes() == (self._process / "cmdline").read_bytes()
        except OSError:
            return True  # it has just ended


def _cpu(process: Path) -> float:
    """Seconds of processor time so far; 0 when the process has just ended."""
    try:
        numbers = (process / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


def _kb(file: Path, name: str) -> int:
    """One line of a file that the kernel makes; 0 when the process has just ended."""
    try:
        lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)
