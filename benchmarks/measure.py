"""Starts one command of reconciler in a fresh process, watches it, and says what it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from benchmarks.processes import Watcher
from benchmarks.spent import Spent, spent

_ROOT = Path(__file__).parent.parent
_TOOLS = ("listuser", "createuser")
_PLAIN = {"PYTHONDONTWRITEBYTECODE": "", "RECONCILER_CACHE": ""}
"""An installed program has its bytecode, and it has no cache unless it is told to."""
_ASKED = 2
"""Statements of our own between the two counts."""


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
    all_cpu: float
    """Of everything: the process, its helpers, the tools that it ran, the database server."""
    tool_seconds: Mapping[str, float]
    """How long at least one of them was running, for the tools of OX."""


class Failed(Exception):
    """The command did not end as expected; the text has its exit status and what it said."""


def measure(
    arguments: Sequence[str],
    server: Connection,
    *,
    folder: Path,
    expected: int,
    environment: Mapping[str, str] | None = None,
) -> Measurement:
    """Runs `reconciler ARGUMENTS`, with these variables beside the others. `server`: open, in autocommit, on a server
    that nobody else uses. Raises Failed."""
    notes = folder / "notes.json"
    before = _questions(server)
    with spent(server) as all_, (folder / "output").open("wb") as output:
        command = [sys.executable, "-m", "benchmarks.probe", str(notes), *arguments]
        variables = {**os.environ, **_PLAIN, **(environment or {})}
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=_ROOT, env=variables)
        watcher = Watcher(process.pid)
        watcher.start()
        status = process.wait()
    watcher.stop()
    if status != expected:
        said = (folder / "output").read_text(encoding="utf-8", errors="replace")
        raise Failed(f"{' '.join(arguments)}: status {status} instead of {expected}\n{said[-4000:]}")
    statements = _questions(server) - before - _ASKED
    return _read(json.loads(notes.read_text(encoding="utf-8")), all_, watcher, statements)


def _read(notes: Mapping[str, Any], all_: Spent, watcher: Watcher, statements: int) -> Measurement:
    commands = notes["commands"]
    spans = {tool: [(begin, end) for name, begin, end in commands if name == tool] for tool in _TOOLS}
    return Measurement(
        wall=all_.wall,
        cpu=notes["cpu"] + sum(watcher.helper_cpu.values()),
        peak=max(notes["peak_kb"], watcher.together_kb) * 1024 / 1e6,
        child_peak=watcher.peak_kb * 1024 / 1e6,
        statements=statements,
        commands=Counter(name for name, _, _ in commands),
        all_cpu=all_.cpu,
        tool_seconds={tool: covered(span) for tool, span in spans.items() if span},
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
