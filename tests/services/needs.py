"""What a test needs from the machine. With CI=true a missing program is a failure, elsewhere a skip that names it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

_SERVERS = ("/usr/sbin", "/sbin", "/usr/lib/postfix/sbin")
"""Where Debian has what is not in PATH; PostgreSQL has a folder for each version, the newest is taken."""


UNPRIVILEGED = os.geteuid() != 0 and os.environ.get("CI") != "true"
"""For `skipif`, of tests that only root can run: in CI they run in any case, and fail for who is not root."""


def require(package: str, *programs: str) -> tuple[str, ...]:
    """The paths of `programs`; when one is missing, the test fails (CI) or is skipped with the package's name."""
    versions = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda path: int(path.parent.name))
    search = os.pathsep.join([os.environ.get("PATH", ""), *_SERVERS, *map(str, reversed(versions))])
    found = [shutil.which(program, path=search) for program in programs]
    missing = [program for program, path in zip(programs, found, strict=True) if path is None]
    if missing:
        cannot(f"{', '.join(missing)} not found: apt-get install {package}")
    return tuple(path for path in found if path is not None)


def require_installed(name: str) -> str:
    """The path of a program that the virtual environment has from requirements/dev.txt."""
    program = Path(sys.prefix) / "bin" / name
    if not program.exists():
        cannot(f"{name} not found: pip install --no-deps --require-hashes -r requirements/dev.txt")
    return str(program)


def require_npm(name: str) -> list[str]:
    """How to call a program that scripts/node installed, from tests/pipelines/package-lock.json."""
    program = Path(sys.prefix) / "node" / "node_modules" / ".bin" / name
    if not program.exists():
        cannot(f"{name} not found: scripts/node .venv")
    return [require_installed("node"), str(program)]


def require_npm_file(path: str) -> Path:
    """A file of the packages that scripts/node installed."""
    file = Path(sys.prefix) / "node" / "node_modules" / path
    if not file.exists():
        cannot(f"{path} not found: scripts/node .venv")
    return file


def cannot(reason: str) -> NoReturn:
    """Skips the test; with CI=true it fails instead."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
