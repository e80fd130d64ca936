"""What a test needs from the machine. With CI=true a missing program is a failure, elsewhere a skip that names it."""

from __future__ import annotations

import os
import shutil

import pytest

_SBIN = "/usr/sbin:/sbin"


def require(package: str, *programs: str) -> tuple[str, ...]:
    """The paths of `programs`; when one is missing, the test fails (CI) or is skipped with the package's name."""
    search = f"{os.environ.get('PATH', '')}:{_SBIN}:/usr/lib/postfix/sbin:/usr/lib/postgresql/15/bin"
    found = [shutil.which(program, path=search) for program in programs]
    missing = [program for program, path in zip(programs, found, strict=True) if path is None]
    if missing:
        text = f"{', '.join(missing)} not found: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(text)
        pytest.skip(text)
    return tuple(path for path in found if path is not None)
