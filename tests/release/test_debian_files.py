"""What the Debian package has beside the libraries, as docs/installing.md says it; whole and installed it is tried by
`make test-packages`."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from reconciler.cli.man_pages import pages
from release import build, deb
from release.source import copy_source
from tests.services.needs import require

ROOT = Path(__file__).parents[2]
UNITS = "usr/lib/systemd/system"
COMPLETIONS = (
    "usr/share/bash-completion/completions/reconciler",
    "usr/share/zsh/vendor-completions/_reconciler",
    "usr/share/fish/vendor_completions.d/reconciler.fish",
)
"""Where each shell looks."""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of this work tree, unpacked; for the libraries an environment that finds the tests' own."""
    (dpkg_deb,) = require("dpkg", "dpkg-deb")
    folder = tmp_path_factory.mktemp("debian")
    environment, minor = folder / "environment", build.debian_minor()
    here = environment / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    here.mkdir(parents=True)
    (here / "tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n", encoding="utf-8")
    (environment / "bin").mkdir()
    python = Path(sys.executable).resolve()
    (environment / "bin" / "python").symlink_to(python)
    (environment / "pyvenv.cfg").write_text(f"home = {python.parent}\n", encoding="utf-8")
    (folder / "deb").mkdir()
    package = deb.build(copy_source(folder / "source"), environment, minor, folder, folder / "deb")
    subprocess.run([dpkg_deb, "--raw-extract", str(package), str(folder / "unpacked")], check=True)
    return folder / "unpacked"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_each_path_that_the_page_names_is_there(unpacked: Path) -> None:
    page = (ROOT / "docs" / "installing.md").read_text(encoding="utf-8")
    section = page.partition("## Debian package\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`/([\w./-]+)`", section))
    assert named >= {"usr/lib/reconciler", "etc/reconciler", "usr/share/doc/reconciler", "var/lib/reconciler"}
    made = {path for path in named if f" /{path}" in (unpacked / "DEBIAN" / "postinst").read_text(encoding="utf-8")}
    assert made == {"var/lib/reconciler"}
    assert [path for path in sorted(named - made) if not (unpacked / path).exists()] == []
    assert (unpacked / "usr/share/doc/reconciler/docs/installing.md").exists()
    assert list((unpacked / "etc/reconciler").iterdir()) == []


def test_units_that_nothing_enables_and_their_user(unpacked: Path) -> None:
    assert names(unpacked / UNITS) == names(ROOT / "contrib" / "systemd")
    assert names(unpacked / "etc") == {"reconciler"}
    assert list(unpacked.rglob("*.wants")) == []
    assert (unpacked / "usr/bin/reconciler").resolve() == unpacked / "usr/lib/reconciler/bin/reconciler"
    (sysusers,) = require("systemd", "systemd-sysusers")
    subprocess.run([sysusers, f"--root={unpacked}", "reconciler.conf"], capture_output=True, check=True)
    passwd = (unpacked / "etc" / "passwd").read_text(encoding="utf-8")
    user, _, _, _, _, home, shell = passwd.strip().split(":")
    for service in (unpacked / UNITS).glob("*.service"):
        text = service.read_text(encoding="utf-8")
        assert re.findall(r"(?m)^User=(.*)$", text) == [user]
        assert re.findall(r"(?m)^StateDirectory=(.*)$", text) == [Path(home).relative_to("/var/lib").as_posix()]
    assert shell.endswith("nologin")


def test_what_comes_after_it_knows_each_unit(unpacked: Path) -> None:
    scripts = {name: unpacked / "DEBIAN" / name for name in ("postinst", "prerm", "postrm")}
    for script in scripts.values():
        assert "@" not in script.read_text(encoding="utf-8")
        subprocess.run(["sh", "-n", str(script)], check=True)
    for unit in names(unpacked / UNITS):
        assert unit in scripts["postrm"].read_text(encoding="utf-8")
        assert (unit in scripts["prerm"].read_text(encoding="utf-8")) == unit.endswith(".timer")
    written = set(
        re.findall(r"/var/lib/reconciler/(\S+)", "".join(path.read_text() for path in (unpacked / UNITS).iterdir()))
    )
    assert written == set(re.findall(r"-name (\S+\.json)", scripts["postrm"].read_text(encoding="utf-8")))


def test_manual_pages_and_the_tab_key(unpacked: Path) -> None:
    man = unpacked / "usr/share/man"
    assert {path.name.removesuffix(".gz") for path in man.glob("man?/*.gz")} == set(pages())
    for unit in (unpacked / UNITS).iterdir():
        ((page, section),) = re.findall(r"(?m)^Documentation=man:(\S+)\((\d)\)$", unit.read_text(encoding="utf-8"))
        assert (man / f"man{section}" / f"{page}.{section}.gz").exists()
    for path in COMPLETIONS:
        assert "_RECONCILER_COMPLETE" in (unpacked / path).read_text(encoding="utf-8")
