"""The locked packages: as constraints for pipx and uv, and as wheels, checked by their hashes."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parent.parent / "requirements" / "runtime.txt"
_GLIBC = 36
"""Of Debian 12: a wheel for a younger one would not start there."""


def constraints() -> str:
    """The lock without hashes, which `pipx --pip-args` and `uv --constraints` do not take beside an unhashed wheel."""
    lines = [line.rstrip(" \\") for line in LOCK.read_text(encoding="utf-8").splitlines() if "==" in line]
    assert all(re.match(r"[\w.-]+==[\w.+!]+( ; .+)?$", line) for line in lines)
    return "\n".join(lines) + "\n"


def compatible(minor: str) -> list[str]:
    """Options of pip for what runs on Python `minor` (3.11) of this machine's kind."""
    of_platform = [part for tag in platforms() for part in ("--platform", tag)]
    return ["--only-binary", ":all:", "--implementation", "cp", "--python-version", minor, *of_platform]


def platforms() -> list[str]:
    """Tags of the machine that this is, as Debian 12 has them, the best first."""
    machine = platform.machine()
    return [f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC, 16, -1)] + [f"manylinux2014_{machine}"]


def download(folder: Path, minor: str) -> None:
    """The wheel of every locked package for Python `minor`, into `folder`. Those that are there stay."""
    # from the index and by hash: what stands in the lock is what gets into a package
    pip(
        "download",
        "--require-hashes",
        "--no-deps",
        *compatible(minor),
        "--dest",
        str(folder),
        "--requirement",
        str(LOCK),
    )


def pip(*arguments: str) -> None:
    """The pip of the environment that builds."""
    command = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check"]
    subprocess.run([*command, *arguments], check=True)
