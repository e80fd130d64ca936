"""The files of a state folder: which ones are read, in which order, and what is wrong with one before YAML begins.

Called by `load`. Nothing here knows YAML; every complaint is a Problem with a place.
"""

from __future__ import annotations

import os
import re
import stat
from codecs import BOM_UTF8
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from reconciler.declared.common_mistakes import conflicts, odd_indent, unmeant_comments
from reconciler.declared.problems import Problems, printable
from reconciler.declared.unread_files import declared_in, meant_as_state, state_above, yaml_name
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
        beside = folder.parent.iterdir() if folder.parent.is_dir() else ()
        near = get_close_matches(folder.name, [path.name for path in beside if path.is_dir()], n=1)
        hint = f"did you mean `state: {near[0]}`? Otherwise make it" if near else "make it"
        raise UsageError(
            f"there is no state folder {printable(str(folder))}",
            hint=f"{hint}, or name another one with `state:` in the site file",
        )
    _outside(root, problems)
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
            elif meant_as_state(path, entry.name):
                _not_read(entry, problems)
    return files


def _not_read(entry: Path, problems: Problems) -> None:
    why = "its name does not end in .yaml"
    if entry.name == SITE_FILE:
        why = "it has the site file's name"
    elif entry.name.startswith("."):
        why = "its name begins with a dot"
    found = declared_in(entry)
    message = f"this file is not read: {why}" + (f", and it declares {found}" if found else "")
    name = "it otherwise" if entry.name == SITE_FILE else f"it {yaml_name(entry.name)}"
    problems.warn_at(
        Place(shown(entry), 1), "file", message, f"name {name} if it is to be read; else move it elsewhere"
    )


def _outside(root: Path, problems: Problems) -> None:
    """Warns of state files that lie one folder up from where they would be read."""
    for path in state_above(root, SITE_FILE):
        message = f"this file is not read: it lies outside the state folder, and declares {declared_in(path)}"
        hint = f"move it into {shown(root)} as {yaml_name(path.name)} if it is to be read"
        problems.warn_at(Place(shown(path), 1), "file", message, hint)


def _entries(folder: Path, problems: Problems) -> list[Path]:
    """What lies in the folder; hidden entries are left out, after a word about those that look like state."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        message = f"this folder cannot be read: {error.strerror}"
        problems.error_at(Place(shown(folder), 1), "file", message, "check its permissions")
        return []
    hidden = [path for path in entries if path.name.startswith(".")]
    for path in hidden:
        if meant_as_state(path, path.name):
            _not_read(path, problems)
    return [path for path in entries if path not in hidden]


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
    slips = list(conflicts(text)) or [slip for slip in [odd_indent(text)] if slip]
    for slip in slips:
        problems.error_at(source.place(slip.line, slip.column), "yaml", slip.message, slip.hint)
    if slips:
        return False
    for slip in unmeant_comments(text):
        problems.warn_at(source.place(slip.line, slip.column), "comment", slip.message, slip.hint)
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
    try:
        absolute = Path(os.path.abspath(path))  # noqa: PTH100  # Path.resolve would follow links and change the name
        return printable(str(absolute.relative_to(Path.cwd())))
    except ValueError:
        return printable(str(absolute))
    except OSError:  # the current folder is deleted
        return printable(str(path))
