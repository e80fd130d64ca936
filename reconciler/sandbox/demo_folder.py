"""The demo's folder: made anew each time, unless somebody wrote something in it; then it is kept beside the new one.

`demo_site` clears it before it builds, `reconciler demo` remembers at its end what it wrote itself.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
from pathlib import Path

from reconciler.errors import UsageError

MARK = ".reconciler-demo"
DATABASE = "postfixadmin.sqlite"
MAP = "sender_access"
OX = "openxchange"
OUTBOX = "outbox"
_LIVE = {MARK, DATABASE, f"{DATABASE}-journal", MAP, OX, OUTBOX}  # what commands change; the rest is what people write


def clear(folder: Path) -> Path | None:
    """An empty folder; returns where the old one was kept when somebody had written in it.

    A folder that is not the demo's is never touched. Raises UsageError.
    """
    hint = "name a new folder: reconciler demo FOLDER"
    kept = None
    try:
        if folder.exists() and any(folder.iterdir()):
            if not (folder / MARK).exists():
                raise UsageError(f"{folder} is not empty and not a demo site", hint=hint)
            if Path.cwd().is_relative_to(folder.resolve()):
                raise UsageError(f"{folder} is the folder that you are in", hint="leave it first: cd")
            kept = _put_aside(folder.resolve())
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made anew: {error.strerror}", hint=hint) from None
    return kept


def remember(folder: Path) -> None:
    """Notes what the demo wrote, so that the next one sees what somebody wrote since."""
    (folder / MARK).write_text(_digest(folder) + "\n", encoding="ascii")


def _put_aside(folder: Path) -> Path | None:
    # a demo that was stopped half-way left no digest: it may have been edited
    if (folder / MARK).read_text(encoding="utf-8").strip() == _digest(folder):
        return None
    places = (folder.with_name(f"{folder.name}.old-{number}") for number in itertools.count(1))
    return folder.rename(next(place for place in places if not place.exists()))


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        if file.is_file() and name.parts[0] not in _LIVE:
            digest.update(f"{name}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
