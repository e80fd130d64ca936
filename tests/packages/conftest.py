"""A release, built once: `make test-packages` runs what is here, and `make test` does not."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
HERE = platform.freedesktop_os_release()["VERSION_CODENAME"]
SUITE = os.environ.get("SUITE") or HERE
"""The Debian that the package is built for and tried on: bookworm or trixie."""


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


@pytest.fixture(scope="session")
def package(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian package for SUITE: of another Debian than this machine's it is built there."""
    if SUITE == HERE:
        return only(dist, "*.deb")
    done = bare("sh", "-c", "rm -rf /srv/built && make deb DIST=/srv/built", chroots=BUILDERS)
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(shutil.copy(only(BUILDERS / f"reconciler-{SUITE}/srv/built", "*.deb"), tmp_path_factory.mktemp("deb")))


BUILDERS = Path(os.environ.get("BARE", "/var/tmp"))
"""Where scripts/bare has its chroots: what was installed to build stays there."""
USERS = BUILDERS / "reconciler-packages"
"""Those in which nothing is installed but what is tried."""


def bare(*command: str, chroots: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs it in a bare Debian of SUITE, which is made the first time. `env`: what scripts/bare is told."""
    script, env = str(ROOT / "scripts" / "bare"), {**os.environ, **env, "BARE": str(chroots)}
    return subprocess.run([script, SUITE, *command], env=env, capture_output=True, text=True, check=False)


def only(dist: Path, pattern: str) -> Path:
    """The one file of that pattern."""
    (found,) = dist.glob(pattern)
    return found
