"""The files of the work tree as every build sees them: a copy with one time, and modes that no umask changed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


class NotARelease(Exception):
    """Something about the version is wrong; the text says what."""


class Source(NamedTuple):
    """The copy, and what names it."""

    folder: Path
    version: str
    epoch: int
    """Seconds since 1970 that stand in everything built: of the commit, or SOURCE_DATE_EPOCH."""
    commit: str


def copy_source(folder: Path) -> Source:
    """Copies what git knows of or would add; other files of a work tree (caches, keys) never get into an archive."""
    names = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct"))
    for name in sorted(filter(None, names)):
        file, copy = ROOT / name, folder / name
        if not file.is_file():  # deleted, and not committed yet
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        copy.chmod(0o755 if os.access(file, os.X_OK) else 0o644)
    set_times(folder, epoch)
    return Source(folder, _version(), epoch, _git("rev-parse", "HEAD").strip())


def set_times(folder: Path, epoch: int) -> None:
    """Gives every file and folder one time, and folders one mode."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def check_release(source: Source) -> None:
    """Raises NotARelease unless HEAD is the tagged commit of this version, as it is, with its changes written down."""
    tag = f"v{source.version}"
    if changed := _git("status", "--porcelain").strip():
        raise NotARelease(f"there are changes that are not committed:\n{changed}")
    if tag not in _git("tag", "--points-at", "HEAD").split():
        raise NotARelease(f"this commit has no tag {tag} → git tag -s {tag}, or another __version__")
    changelog = (source.folder / "CHANGELOG.md").read_text(encoding="utf-8")
    first = re.search(r"^## (\S+)", changelog, re.MULTILINE)
    if first is None or first[1] != source.version:
        raise NotARelease(
            f"CHANGELOG.md begins with {first and first[1]} → write the section of {source.version} first"
        )


def _version() -> str:
    text = (ROOT / "reconciler" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(\d+\.\d+\.\d+)"$', text, re.MULTILINE)
    if found is None:
        raise NotARelease("reconciler/__init__.py has no __version__ of three numbers")
    return found[1]


def _git(*arguments: str) -> str:
    # the checkout may belong to another user; only this repository is asked
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
