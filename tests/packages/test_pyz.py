"""`reconciler.pyz`: started by anybody, from anywhere, in twos, and on the wrong Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler import __version__
from tests.services.needs import require

NOBODY = 54321
PATH = "/usr/bin:/bin"


@pytest.fixture(scope="module")
def program(dist: Path) -> Iterator[Path]:
    """In a folder that nobody writes and everybody reads, as pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="read-only-") as name:
        copy = shutil.copy(dist / "reconciler.pyz", name)
        Path(name).chmod(0o555)
        yield Path(copy)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def start(program: Path, *arguments: str, env: dict[str, str], cwd: Path = Path("/")) -> subprocess.Popen[str]:
    whole = {"PATH": PATH, **env}
    pipe = subprocess.PIPE
    return subprocess.Popen([str(program), *arguments], env=whole, cwd=cwd, text=True, stdout=pipe, stderr=pipe)


def test_two_that_start_together_the_first_time(program: Path, home: Path) -> None:
    started = [start(program, "--version", env={"HOME": str(home)}) for _ in range(3)]
    assert [each.communicate() for each in started] == [(f"reconciler {__version__}\n", "")] * 3
    assert [path.name for path in (home / ".cache").iterdir()] == ["reconciler"]


def test_its_own_processes_find_its_packages(program: Path, home: Path, tmp_path: Path) -> None:
    """The demo starts `sys.executable -m reconciler`; big states are read by helper processes."""
    started = start(program, "demo", str(tmp_path / "site"), env={"HOME": str(home)}, cwd=tmp_path)
    out, err = started.communicate(timeout=120)
    assert started.returncode == 0, out + err
    assert "Traceback" not in err


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """Where a user without a name and a home has their part of /tmp."""
    folder = Path("/tmp", f"reconciler-{NOBODY}")
    shutil.rmtree(folder, ignore_errors=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def as_nobody(program: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    (setpriv,) = require("util-linux", "setpriv")
    ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    command = [setpriv, *ids, str(program), "--version"]
    return subprocess.run(command, env={"PATH": PATH}, cwd=cwd, capture_output=True, text=True, check=False)


def test_a_user_without_name_and_home(program: Path, nobodys_folder: Path) -> None:
    """Unpacks into a folder of their own, and leaves nothing where they stand."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, NOBODY, NOBODY)
        done = as_nobody(program, Path(name))
        assert list(Path(name).iterdir()) == []
    assert (done.returncode, done.stdout, done.stderr) == (0, f"reconciler {__version__}\n", "")
    assert (nobodys_folder.stat().st_uid, nobodys_folder.stat().st_mode & 0o777) == (NOBODY, 0o700)


def test_a_folder_in_tmp_that_is_somebody_elses_is_not_used(program: Path, nobodys_folder: Path) -> None:
    nobodys_folder.mkdir(mode=0o777)
    nobodys_folder.chmod(0o777)
    done = as_nobody(program, Path("/"))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{nobodys_folder} is somebody else's" in done.stderr
    assert "PEX_ROOT=FOLDER" in done.stderr
    assert list(nobodys_folder.iterdir()) == []


def test_another_python_is_said_in_one_sentence(program: Path, tmp_path: Path) -> None:
    """Here a Python 3.12 is the only one; what it is called is all that is looked at."""
    for name in ("sh", "uname", "id", "getent", "cut"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    (tmp_path / "python3").write_text("#!/bin/sh\necho Python 3.12.1\n", encoding="utf-8")
    (tmp_path / "python3").chmod(0o755)
    started = start(program, "--version", env={"PATH": str(tmp_path), "HOME": str(tmp_path)})
    out, err = started.communicate()
    assert (started.returncode, out) == (2, "")
    assert "runs on Python 3.11 or 3.13" in err
    assert "found: Python 3.12.1" in err
    assert "docs/installing.md" in err
