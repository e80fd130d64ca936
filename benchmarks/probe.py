"""The measured process: `python -m benchmarks.probe NOTES COMMAND …` runs one command of reconciler, as the console
script does, and writes into NOTES what it took. `measure` starts it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from reconciler.cli.main import run
from reconciler.cli.process_tuning import leave
from reconciler.remote.host import Completed
from reconciler.remote.local_host import LocalHost

_commands: list[tuple[str, float, float]] = []
"""Program, begin and end of every command on the host (monotonic seconds)."""


def _watch_commands() -> None:
    original = LocalHost._run

    async def watched(self: LocalHost, argv: Any, *rest: Any) -> Completed:
        began = time.monotonic()
        try:
            return await original(self, argv, *rest)
        finally:
            _commands.append((Path(argv[0]).name, began, time.monotonic()))

    LocalHost._run = watched  # type: ignore[method-assign, assignment]  # the one way that all commands go


def _note(file: Path) -> None:
    usage = time.process_time()
    notes = {"peak_kb": _peak_kb(), "cpu": usage, "commands": _commands}
    file.write_text(json.dumps(notes), encoding="utf-8")


def _peak_kb() -> int:
    """Of this process alone: `getrusage` would count what the one that started us had."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError("the kernel does not tell the peak memory: /proc/self/status has no VmHWM")


if __name__ == "__main__":
    _watch_commands()
    notes = Path(sys.argv[1])
    sys.argv = ["reconciler", *sys.argv[2:]]
    try:
        run()
    except SystemExit as end:
        _note(notes)
        leave(int(end.code or 0))
