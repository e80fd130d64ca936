"""A unified diff as `git apply` takes it: paths from the top of the repository, byte for byte what the files hold."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.declared.git.run_git import repository


def git_patch(folder: Path, changed: Mapping[str, tuple[bytes, bytes]]) -> str:
    """`changed` has, by name below `folder`, what a file holds (nothing when it is new) and what it is to hold; in
    UTF-8. Outside a repository paths start at the current folder, where `git apply` works as well."""
    top = repository(folder)
    start = top if os.path.lexists(top / ".git") else Path.cwd()
    return "".join(
        line
        for name, (old, new) in changed.items()
        for line in _of_file(os.path.relpath(folder.resolve() / name, start), old, new)
    )


def _of_file(path: str, old: bytes, new: bytes) -> Iterator[str]:
    yield f"diff --git {_name('a/' + path)} {_name('b/' + path)}\n"
    if not old:
        yield "new file mode 100644\n"
    end = "\t" if " " in path else ""  # as git does, so that a name with spaces ends where it ends
    yield f"--- {_name('a/' + path) + end if old else '/dev/null'}\n"
    yield f"+++ {_name('b/' + path)}{end}\n"
    _, _, *hunks = difflib.unified_diff(_lines(old), _lines(new))
    for line in hunks:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(content: bytes) -> list[str]:
    """Lines end at a line feed alone; for Python at more."""
    return re.findall(r"[^\n]*\n|[^\n]+", content.decode("utf-8"))


def _name(path: str) -> str:
    """In quotes, as git writes it, where a sign in it would be read as something else."""
    if not re.search(r'["\\\x00-\x1f\x7f]', path):
        return path
    escaped = re.sub(r'["\\]', r"\\\g<0>", path)
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda sign: f"\\{ord(sign[0]):03o}", escaped) + '"'
