"""The files of a state folder: which ones are read, in which order, and what is wrong with one before YAML begins.

Called by `load`. Nothing here knows YAML; every complaint is a Problem with a place.
"""

from __future__ import annotations

import os
import re
import stat
from codecs import BOM_UTF8
from pathlib import Path
from typing import NamedTuple

from reconciler.declared.problems import Problems, printable
from reconciler.errors import UsageError
from reconciler.model.places import Place

SITE_FILE = "reconciler.yaml"
MAX_BYTES = 16 * 1024 * 1024
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# what no editor shows: control characters, line and paragraph separators, and line ends of old Macs
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_OLD_LINE_END = re.compile(r"\r(?!\n)")
_TAB_INDENT = re.compile(r"(?:^|\n) *(\t)[ \t]*[^\s#]")


class Source(NamedTuple):
    """One file. `name` is relative to the state folder (what an Origin says), `shown` is what people see."""

    name: str
    shown: str
    path: Path

    def place(self, line: int = 1, column: int = 1) -> Place:
        """A position in this file."""
        return Place(self.shown, line, column)


def find_sources(folder: Path, problems: Problems) -> list[Source]:
    """Every YAML file below `folder`, each real file once, sorted by name. Raises UsageError without a folder."""
    try:
        root = folder.resolve(strict=True)
    except (OSError, RuntimeError):
        root = folder
    if not root.is_dir():
        raise UsageError(
            f"there is no state folder {printable(str(folder))}",
            hint="make it, or name another one with `state:` in the site file",
        )
    sources = [
        Source(printable(str(path.relative_to(root))), shown(folder / path.relative_to(root)), path)
        for path in _walk(root, problems)
    ]
    return sorted(sources, key=lambda source: source.name)


def _walk(root: Path, problems: Problems) -> set[Path]:
    """The real path of every YAML file; each real folder is entered once, however many links lead to it."""
    files: set[Path] = set()
    entered = {root}
    open_folders: list[tuple[Path, tuple[Path, ...]]] = [(root, (root,))]
    while open_folders:
        folder, above = open_folders.pop()
        for entry in _entries(folder, problems):
            path = _real(entry, root, above, problems)
            if path is None:
                continue
            if path.is_dir():
                if path not in entered:
                    entered.add(path)
                    open_folders.append((path, (*above, path)))
            elif _wanted(entry.name):
                files.add(path)
    return files


def _entries(folder: Path, problems: Problems) -> list[Path]:
    """What lies in the folder, hidden entries left out."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        message = f"this folder cannot be read: {error.strerror}"
        problems.error_at(Place(shown(folder), 1), "file", message, "check its permissions")
        return []


def _wanted(name: str) -> bool:
    return name != SITE_FILE and name.lower().endswith((".yaml", ".yml"))


def _real(path: Path, root: Path, above: tuple[Path, ...], problems: Problems) -> Path | None:
    """Where `path` really is; None after a complaint about a link that loops, leaves the folder or leads nowhere."""
    if not path.is_symlink():
        return path
    place = Place(shown(path), 1)
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        problems.error_at(place, "link", "this link leads nowhere or in a circle", "remove the link or mend its target")
        return None
    if not real.is_relative_to(root):
        problems.error_at(
            place,
            "link",
            "this link leaves the state folder",
            "put the file itself here: git shows only what is inside",
        )
        return None
    if real in above:
        problems.error_at(place, "link", "this link leads back to a folder that it is in", "remove the link")
        return None
    return real


def read_text(source: Source, problems: Problems) -> str | None:
    """The file's text; None after a complaint (too big, unreadable, not UTF-8, invisible characters, tabs)."""
    content = _read_bytes(source, problems)
    if content is None:
        return None
    if content.startswith(_UTF16):
        problems.error_at(source.place(), "encoding", "the file is UTF-16", _UTF8)
        return None
    try:
        text = content.removeprefix(BOM_UTF8).decode("utf-8")  # editors of Windows write the mark
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        place = source.place(before.count(b"\n") + 1, column)
        problems.error_at(place, "encoding", f"byte 0x{content[error.start]:02x} is not UTF-8", _UTF8)
        return None
    return text if _clean(source, text, problems) else None


_UTF8 = "save the file as UTF-8"


def _clean(source: Source, text: str, problems: Problems) -> bool:
    bad = _INVISIBLE.search(text) or ("\r" in text and _OLD_LINE_END.search(text))
    if bad:
        message = f"an invisible character U+{ord(bad[0]):04X} stands here"
        problems.error_at(position(source, text, bad.start()), "encoding", message, "delete it")
        return False
    tab = _TAB_INDENT.search(text) if "\t" in text else None
    if tab:
        problems.error_at(position(source, text, tab.start(1)), "yaml", "a tab indents this line", "indent with spaces")
        return False
    return True


def _read_bytes(source: Source, problems: Problems) -> bytes | None:
    try:
        status = source.path.stat()
        if not stat.S_ISREG(status.st_mode):
            problems.error_at(source.place(), "file", "this is not a regular file", "remove it or name it otherwise")
            return None
        if status.st_size <= MAX_BYTES:
            return source.path.read_bytes()
    except OSError as error:
        problems.error_at(source.place(), "file", f"the file cannot be read: {error.strerror}", "check its permissions")
        return None
    size = status.st_size / 1024 / 1024
    message = f"the file has {size:.1f} MB, {MAX_BYTES // 1024 // 1024} are allowed"
    problems.error_at(source.place(), "file", message, "split it: any number of files is read together")
    return None


def position(source: Source, text: str, offset: int) -> Place:
    """Line and column of an offset in the file's text."""
    return source.place(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def shown(path: Path) -> str:
    """The path as people see it: relative to the current folder when it lies below it."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  # Path.resolve would follow links and change the name
    try:
        return printable(str(absolute.relative_to(Path.cwd())))
    except ValueError:
        return printable(str(absolute))
