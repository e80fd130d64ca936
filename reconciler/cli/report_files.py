"""The files of `reconciler report`: what it reads, and what it may replace by a report."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.cli.state_files import refuse_other_kinds
from reconciler.errors import UsageError
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document, read_document
from reconciler.systems.registry import register_kinds

_BIGGEST = 1 << 30
"""Bytes of one document. A device like /dev/zero never ends, and takes all memory first."""

CANNOT_WRITE = "make room, or make its folder writable for this user, or name another file; then run it again"


def read_documents(files: Sequence[Path | PlanDocument]) -> list[Document]:
    """What other commands wrote; `-` is standard input. Raises UsageError."""
    register_kinds()  # plans say what a transition is about in their words
    return [read_file(file) if isinstance(file, Path) else file for file in files]


def read_file(file: Path) -> Document:
    """One of them."""
    try:
        text = _content(file).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = _why(error) if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"{file} cannot be read: {why}", hint="make it with: reconciler plan --out plan.json"
        ) from None
    try:
        return read_document(text)
    except UsageError as error:
        raise UsageError(f"{file} is no document to report: {error.message}", hint=error.hint) from None


def _content(file: Path) -> bytes:
    if str(file) == "-":
        content = sys.stdin.buffer.read(_BIGGEST + 1)
    else:
        with file.open("rb") as opened:
            content = opened.read(_BIGGEST + 1)
    if len(content) > _BIGGEST:
        raise UsageError(f"{file} is no document to report: it is longer than {_BIGGEST >> 20} MB", hint="name another")
    return content


def _why(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"{error.strerror} (who made it, alone may read it: run this as that user)"
    return str(error.strerror)


def asked(outputs: Mapping[str, Path | None], files: Sequence[Path]) -> dict[str, Path]:
    """The reports that are written to files, and `-`. Raises UsageError where two would be written to one place, where
    one would replace what it is made from, or what is no file."""
    found = {name: path for name, path in outputs.items() if path is not None}
    twice = next((path for path in found.values() if list(found.values()).count(path) > 1), None)
    if twice is not None:
        where = "standard output" if str(twice) == "-" else str(twice)
        raise UsageError(f"two reports would be written to {where}", hint="name another file for one of them")
    for name, path in found.items():
        if str(path) != "-":
            _refuse(path, f"--{name.replace('_', '-')}", files)
    return found


def _refuse(path: Path, option: str, files: Sequence[Path]) -> None:
    try:
        refuse_other_kinds(path, option, f"{option} -")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint=CANNOT_WRITE) from None
    if any(_is_same(path, file) for file in files):
        raise UsageError(f"{path} would be replaced by its own report", hint=f"name another file with {option}")


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False  # one of them is not there
