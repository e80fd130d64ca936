"""CI files on disk: new ones are written, those that nobody changed are brought up to date, others are left."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from reconciler.setup.ci_files import is_untouched


class Found(StrEnum):
    """What is where a file is to go."""

    NOTHING = "new"
    SAME = "unchanged"
    OLDER = "updated"
    """Some release wrote it, and nobody changed it."""
    CHANGED = "changed"
    """Somebody's, or no text file at all."""


def found(texts: Mapping[str, str], folder: Path) -> dict[str, Found]:
    """What is there, by path. Links count as somebody's: what they lead to is not ours to write."""
    return {path: _found(folder, path, text) for path, text in texts.items()}


def _found(folder: Path, path: str, text: str) -> Found:
    file = folder / path
    on_the_way = [folder / each for each in Path(path).parents if each != Path()]
    if any(each.is_symlink() or (each.exists() and not each.is_dir()) for each in on_the_way):
        return Found.CHANGED
    if not file.exists() and not file.is_symlink():
        return Found.NOTHING
    if file.is_symlink() or not file.is_file():
        return Found.CHANGED
    try:
        there = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return Found.CHANGED
    if there == text:
        return Found.SAME
    return Found.OLDER if is_untouched(there) else Found.CHANGED
