"""Whether the process that holds a lock is alive, as far as its own host can tell. The lock names host and process; a
stamp behind the host says the machine's boot, the process namespace (containers have their own) and when the process
began, so that another process with the same number is not taken for it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_BOOT, _NAMESPACE = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")


def stamped(host: str) -> str:
    """The host with the stamp of this process; the host alone where there is no /proc to ask."""
    here, began = _here(), _began(os.getpid())
    return f"{host}/{here}.{began}" if here and began else host


def is_alive(host: str, pid: int) -> bool | None:
    """Whether that very process is alive; None when that is not known here."""
    here, _, began = host.partition("/")[2].partition(".")
    if not here or here != _here():
        return None
    return _began(pid) == began


def _here() -> str:
    try:
        place = _BOOT.read_text(encoding="ascii") + str(_NAMESPACE.readlink())
    except OSError:
        return ""
    return hashlib.sha256(place.encode()).hexdigest()[:12]


def _began(pid: int) -> str:
    """When the process began, in ticks since the boot (proc(5), field 22); empty when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
