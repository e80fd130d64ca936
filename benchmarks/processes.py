"""What the kernel tells of a process that runs, and of its children. For `measure` and `spent`."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

_LOOK_SECONDS = 0.02
_HELPS = 0.1
"""Seconds of processor time by which a helper is known."""


class Watcher(threading.Thread):
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
                    seconds = cpu_seconds(process)
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


def cpu_seconds(process: Path) -> float:
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
