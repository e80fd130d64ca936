"""Files of the declared state on disk, for the commands that edit them: read, compared, written whole or not at all."""

from __future__ import annotations

import difflib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from reconciler.declared.read.source import Source
from reconciler.errors import UsageError

_OTHERS = "see what git diff shows of the others, and run it again"


def content_of(source: Source) -> bytes:
    try:
        return source.path.read_bytes()
    except OSError as error:
        raise UsageError(f"{source.shown} cannot be read: {error.strerror}", hint="check its permissions") from None


def refuse_unwritable(path: Path, old: bytes, name: str) -> None:
    """Before the first file is written. Raises UsageError."""
    if not path.exists():
        return
    if not path.stat().st_mode & 0o222 or not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise UsageError(f"{name} is read-only; nothing was written", hint="change its permissions, and run it again")
    if path.read_bytes() != old:
        raise UsageError(f"{name} was changed meanwhile; nothing was written", hint="run it again")


def refuse_other_kinds(file: Path, option: str, elsewhere: str) -> None:
    """Follows no link and replaces nothing but a file: in a folder that others can write, a link leads where they like,
    and a device or a pipe would be replaced by a file. `elsewhere` says how the text comes to standard output. Raises
    UsageError and OSError."""
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        hint = f"name the file itself: {option} {file.readlink()}"
        raise UsageError(f"{file} cannot be written: it is a symbolic link, and none is followed", hint=hint)
    if not stat.S_ISREG(mode):
        hint = f"name a file with {option}; on standard output it is: {elsewhere}"
        raise UsageError(f"{file} cannot be written: it is there and is not a file", hint=hint)


def write_file(path: Path, content: bytes, name: str, *, mode: int | None = None, hint: str = _OTHERS) -> None:
    """The file with this content, whole or not at all; with the rights of the one that was there, or `mode`. `hint`
    says what to do when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content)
            if mode is not None:
                Path(beside).chmod(mode)
            elif path.exists():
                shutil.copymode(path, beside)
            else:
                Path(beside).chmod(0o666 & ~_umask())
            Path(beside).replace(path)
        except OSError:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror}", hint=hint) from None


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def difference(name: str, old: bytes, new: bytes) -> Iterator[str]:
    """As git shows it."""
    before, after = (_lines(content) for content in (old, new))
    from_name = name if old else "/dev/null"
    yield from (line.rstrip("\r\n") for line in difflib.unified_diff(before, after, from_name, name))


def _lines(content: bytes) -> list[str]:
    text = content.decode("utf-8").removeprefix("\ufeff")
    lines = text.split("\n")
    return lines[:-1] if not lines[-1] else [*lines[:-1], lines[-1] + "  (no newline at the end)"]
