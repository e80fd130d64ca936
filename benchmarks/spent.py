"""What a block of work costs on the clock and in processor time, that of the database server included."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from benchmarks.processes import cpu_seconds


@dataclass(slots=True)
class Spent:
    """Seconds; known after the block."""

    wall: float = 0.0
    cpu: float = 0.0
    """Of the processes that were started and ended meanwhile, and of the server."""


@contextmanager
def spent(server: Connection) -> Iterator[Spent]:
    """Measures the block. `server`: on this machine, and nobody else uses it."""
    pid = Path(str(server.execute(text("SELECT @@pid_file")).scalar_one()))
    process = Path("/proc") / pid.read_text(encoding="ascii").strip()
    found = Spent()
    cpu, began = _ours() + cpu_seconds(process), time.monotonic()
    yield found
    found.wall, found.cpu = time.monotonic() - began, _ours() + cpu_seconds(process) - cpu


def _ours() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
