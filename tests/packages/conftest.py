"""A release, built once: `make test-packages` runs what is here, and `make test` does not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def make_dist(folder: Path, *, cwd: Path = ROOT, env: Mapping[str, str] | None = None, umask: int = 0o022) -> Path:
    """What `make dist` runs, as somebody with another folder, environment and umask would."""
    command = [sys.executable, "-m", "release", "dist", str(folder)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    subprocess.run(command, cwd=cwd, env=variables, umask=umask, stdout=subprocess.DEVNULL, check=True)
    return folder


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with everything that is built."""
    if prepared := os.environ.get("RECONCILER_DIST"):  # to work on these tests without a build each time
        return Path(prepared)
    return make_dist(tmp_path_factory.mktemp("dist"))


def only(dist: Path, pattern: str) -> Path:
    """The one file of that pattern."""
    (found,) = dist.glob(pattern)
    return found
