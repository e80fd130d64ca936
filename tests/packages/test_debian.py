"""The Debian package: clean to lintian; installed, used, upgraded and purged in a bare Debian of this release."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

from tests.packages.conftest import ROOT, only
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


def test_lintian_has_nothing_to_say(dist: Path) -> None:
    (lintian,) = require("lintian", "lintian")
    command = [lintian, "--no-cfg", "--fail-on", "error,warning", "--allow-root", str(only(dist, "*.deb"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_needs_the_python_that_it_was_built_for(dist: Path) -> None:
    asked = ["dpkg-deb", "--field", str(only(dist, "*.deb")), "Depends"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    minor = {"12": 11, "13": 13}[platform.freedesktop_os_release()["VERSION_ID"]]
    assert said.startswith(f"python3 (>= 3.{minor}), python3 (<< 3.{minor + 1})")


def test_installed_used_upgraded_and_purged(dist: Path, tmp_path: Path) -> None:
    """Nothing is left but what users made. The script says what is tried, and where it stopped."""
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    bare = str(ROOT / "scripts" / "bare")
    subprocess.run([bare, suite, "true"], check=True)
    package = only(dist, "*.deb")
    inside = Path(os.environ.get("BARE", "/var/tmp"), f"reconciler-{suite}", "srv", "packages")
    inside.mkdir(exist_ok=True)
    try:
        shutil.copy(package, inside / "new.deb")
        shutil.copy(older(package, tmp_path), inside / "old.deb")
        script = ["sh", "tests/packages/debian.sh", "/srv/packages/old.deb", "/srv/packages/new.deb"]
        done = subprocess.run([bare, suite, *script], capture_output=True, text=True, check=False)
    finally:
        shutil.rmtree(inside)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("== purged\n")
