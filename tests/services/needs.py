"""What a test needs from the machine. With CI=true a missing program is a failure, elsewhere a skip that names it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

_SERVERS = ("/usr/sbin", "/sbin", "/usr/lib/postfix/sbin")
"""Where Debian has what is not in PATH; PostgreSQL has a folder for each version, the newest is taken."""


def require(package: str, *programs: str) -> tuple[str, ...]:
    """The paths of `programs`; when one is missing, the test fails (CI) or is skipped with the package's name."""
    versions = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda path: int(path.parent.name))
    search = os.pathsep.join([os.environ.get("PATH", ""), *_SERVERS, *map(str, reversed(versions))])
    found = [shutil.which(program, path=search) for program in programs]
    missing = [program for program, path in zip(programs, found, strict=True) if path is None]
    if missing:
        text = f"{', '.join(missing)} not found: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(text)
        pytest.skip(text)
    return tuple(path for path in found if path is not None)
