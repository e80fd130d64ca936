"""The Debian package of one release of Debian: /usr/lib/reconciler is an environment of its own, built here, not there.

By dpkg-deb alone: debhelper would bring 300 MB to the machine that builds, to write six small files.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from release import tree
from release.copyright import copyright_text
from release.source import Source, set_times

LIBRARY = "/usr/lib/reconciler"
PARTS = Path(__file__).parent / "parts" / "deb"
_CONTRIB = "contrib"
"""Units for systemd, the user that they run as, and what else is an example."""
_SHELLS = {
    "bash": "usr/share/bash-completion/completions/reconciler",
    "zsh": "usr/share/zsh/vendor-completions/_reconciler",
    "fish": "usr/share/fish/vendor_completions.d/reconciler.fish",
}


def build(source: Source, environment: Path, minor: str, folder: Path, scratch: Path) -> Path:
    """Packs `environment` (tree.build) with what Debian's admins expect beside it. The package's path."""
    version = f"{source.version}+{debian()}"
    root = scratch / "root"
    library = root / LIBRARY.lstrip("/")
    shutil.copytree(environment, library, symlinks=True)
    _program(root, library)
    _man_pages(source, root, library)
    _completions(root, library)
    units = _units(source, root)
    (root / "etc" / "reconciler").mkdir(parents=True)
    overrides = root / "usr" / "share" / "lintian" / "overrides"
    overrides.mkdir(parents=True)
    shutil.copy(PARTS.parent / "lintian-overrides", overrides / "reconciler")
    _documents(source, root, library, version)
    tree.compile_all(library, LIBRARY, minor)
    python = library / "bin" / "python"
    python.unlink()
    python.symlink_to(f"../../../bin/python{minor}")  # as Debian wants links inside of /usr
    _modes(root)
    _control(root, version, minor, units)
    set_times(root, source.epoch)
    package = folder / f"reconciler_{version}_{architecture()}.deb"
    # one thread: with more, xz cuts the data into blocks by their number. Level 1: a third of the time of 6
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--threads-max=1", "--build", str(root), str(package)]
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(source.epoch)}
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    return package


def debian() -> str:
    """The running release, as deb12: a package for it holds its Python's modules, and no other's."""
    release = platform.freedesktop_os_release()
    if release.get("ID") != "debian" or "VERSION_ID" not in release:
        raise RuntimeError(f"this is {release.get('PRETTY_NAME')}: a Debian package is built on its Debian release")
    return f"deb{release['VERSION_ID']}"


def architecture() -> str:
    """As dpkg calls this machine's kind."""
    asked = ["dpkg", "--print-architecture"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def _program(root: Path, library: Path) -> None:
    program = library / "bin" / "reconciler"
    # -I: no PYTHONPATH of somebody's shell gets into a program that has the platform's passwords
    program.write_text(f"#!{LIBRARY}/bin/python -I\nfrom reconciler.cli.main import main\n\nmain()\n", encoding="utf-8")
    program.chmod(0o755)
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "usr" / "bin" / "reconciler").symlink_to("../lib/reconciler/bin/reconciler")


def _man_pages(source: Source, root: Path, library: Path) -> None:
    pages = root / "pages"
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(source.epoch)}
    command = [str(library / "bin" / "python"), "-IB", "-m", "reconciler.cli.man_pages", str(pages)]
    subprocess.run(command, env=env, check=True)
    for page in sorted(pages.iterdir()):
        folder = root / "usr" / "share" / "man" / f"man{page.suffix[1:]}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{page.name}.gz").write_bytes(gzip.compress(page.read_bytes(), mtime=0))
    shutil.rmtree(pages)


def _completions(root: Path, library: Path) -> None:
    for shell, path in _SHELLS.items():
        env = {"PATH": os.environ["PATH"], "_RECONCILER_COMPLETE": f"source_{shell}"}
        command = [str(library / "bin" / "python"), "-IB", str(library / "bin" / "reconciler")]
        written = subprocess.run(command, env=env, capture_output=True, check=True).stdout
        (root / path).parent.mkdir(parents=True)
        (root / path).write_bytes(written)


def _units(source: Source, root: Path) -> list[str]:
    """Copies the systemd units, which nothing enables, and the user that they need. The units' names."""
    units = sorted(path for path in (source.folder / _CONTRIB).rglob("*") if path.suffix in {".service", ".timer"})
    folder = root / "usr" / "lib" / "systemd" / "system"
    folder.mkdir(parents=True)
    for unit in units:
        shutil.copy(unit, folder)
    users = root / "usr" / "lib" / "sysusers.d"
    users.mkdir()
    shutil.copy(source.folder / _CONTRIB / "sysusers.d" / "reconciler.conf", users)
    return [unit.name for unit in units]


def _documents(source: Source, root: Path, library: Path, version: str) -> None:
    folder = root / "usr" / "share" / "doc" / "reconciler"
    shutil.copytree(source.folder / "docs", folder / "docs")
    shutil.copytree(source.folder / "state", folder / "examples" / "state")
    if (cron := source.folder / _CONTRIB / "cron").is_dir():
        shutil.copytree(cron, folder / "examples" / "cron")
    (folder / "copyright").write_text(copyright_text(library), encoding="utf-8")
    changes = (source.folder / "CHANGELOG.md").read_bytes()
    (folder / "CHANGELOG.md.gz").write_bytes(gzip.compress(changes, mtime=0))
    date = format_datetime(datetime.fromtimestamp(source.epoch, UTC))
    entry = (
        f"reconciler ({version}) stable; urgency=medium\n\n  * Built from {source.commit[:12]}; see CHANGELOG.md.gz.\n"
    )
    entry += f"\n -- {maintainer()}  {date}\n"
    (folder / "changelog.gz").write_bytes(gzip.compress(entry.encode(), mtime=0))


def maintainer() -> str:
    """Who answers for the package: as Debian's own tools ask for it."""
    name = os.environ.get("DEBFULLNAME", "The reconciler authors")
    return f"{name} <{os.environ.get('DEBEMAIL', 'reconciler@mail.example')}>"


def _modes(root: Path) -> None:
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o755 if path.parent.name == "bin" else 0o644)


def _control(root: Path, version: str, minor: str, units: list[str]) -> None:
    folder = root / "DEBIAN"
    size = sum(max(1, (path.lstat().st_size + 1023) // 1024) for path in root.rglob("*"))
    sums = [
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(root)}\n"
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    ]
    major, number = minor.split(".")
    values = {
        "VERSION": version,
        "ARCHITECTURE": architecture(),
        "SIZE": str(size),
        "MAINTAINER": maintainer(),
        "PYTHON": minor,
        "NEXT": f"{major}.{int(number) + 1}",
        "UNITS": " ".join(units),
        "TIMERS": " ".join(unit for unit in units if unit.endswith(".timer")),
    }
    folder.mkdir()
    (folder / "md5sums").write_text("".join(sums), encoding="utf-8")
    for part in sorted(PARTS.iterdir()):
        text = part.read_text(encoding="utf-8")
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        (folder / part.name).write_text(text, encoding="utf-8")
        (folder / part.name).chmod(0o644 if part.name == "control" else 0o755)
