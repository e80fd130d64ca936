"""The Debian package: clean to lintian; installed, used, upgraded and purged in a bare Debian, of SUITE."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.packages.conftest import SUITE, USERS, bare
from tests.services.needs import require


def older(package: Path, folder: Path) -> Path:
    """The same with a lower version, and a file more that the next one has no more."""
    tree = folder / "older"
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(tree)], check=True)
    control = tree / "DEBIAN" / "control"
    text = control.read_text(encoding="utf-8")
    control.write_text(text.replace("\nVersion: ", "\nVersion: 0.0~"), encoding="utf-8")
    (tree / "usr" / "lib" / "reconciler" / "only-in-the-older-one").touch()
    built = folder / "older.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(built)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return built


def test_lintian_has_nothing_to_say(package: Path) -> None:
    (lintian,) = require("lintian", "lintian")
    command = [lintian, "--no-cfg", "--fail-on", "error,warning", "--allow-root", str(package)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_needs_the_python_that_it_was_built_for(package: Path) -> None:
    asked = ["dpkg-deb", "--field", str(package), "Depends"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    minor = {"bookworm": 11, "trixie": 13}[SUITE]
    assert said.startswith(f"python3 (>= 3.{minor}), python3 (<< 3.{minor + 1})")


def test_installed_used_upgraded_and_purged(dist: Path, package: Path, tmp_path: Path) -> None:
    """Nothing is left but what users made, and the user. The script says what is tried, and where it stopped."""
    made = bare("true", chroots=USERS)
    assert made.returncode == 0, made.stderr
    inside = USERS / f"reconciler-{SUITE}" / "srv" / "packages"
    inside.mkdir(exist_ok=True)
    try:
        shutil.copy(package, inside / "new.deb")
        shutil.copy(older(package, tmp_path), inside / "old.deb")
        shutil.copy(dist / "reconciler.pyz", inside)
        files = [f"/srv/packages/{name}" for name in ("old.deb", "new.deb", "reconciler.pyz")]
        done = bare("sh", "tests/packages/debian.sh", *files, chroots=USERS)
    finally:
        shutil.rmtree(inside)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("== purged\n")
