"""What git knows of the state: the commit that was read, and who wrote a line. Reads only, and does without git.

`load` asks for the commit; whoever shows a plan asks `blame` for the few places in it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from reconciler.model.places import Place

_SECONDS = 30
_LINES_AT_ONCE = 500  # an argument list has its limits
_UNCOMMITTED = "0" * 40


def commit_of(folder: Path) -> str:
    """The commit of the folder's repository, with `+` when files in the folder differ from it; empty without git, and
    when git is told to ignore all of the folder's state."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return ""
    changed = _git(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    # which `status` would list by folder, with what is no state
    ignored = _git(folder, "ls-files", "--others", "--ignored", "--exclude-standard", "--", "*.yaml", "*.yml")
    if ignored and not _git(folder, "ls-files", "--", "*.yaml", "*.yml"):
        return ""
    return commit.strip() + ("+" if changed is None or changed.strip() or ignored else "")


def blame(places: Iterable[Place]) -> list[Place]:
    """The same places, with commit and author where git knows them. Asks git once a file."""
    wanted = list(places)
    lines: dict[str, set[int]] = {}
    for place in wanted:
        lines.setdefault(place.file, set()).add(place.line)
    known = {(file, line): who for file, numbers in lines.items() for line, who in _blame_file(file, sorted(numbers))}
    return [
        place._replace(commit=known[where][0], author=known[where][1]) if where in known else place
        for place in wanted
        for where in [(place.file, place.line)]
    ]


def _blame_file(file: str, lines: Sequence[int]) -> Iterator[tuple[int, tuple[str, str]]]:
    path = Path(file)
    for start in range(0, len(lines), _LINES_AT_ONCE):
        ranges = [f"-L{line},{line}" for line in lines[start : start + _LINES_AT_ONCE]]
        output = _git(path.parent, "blame", "--porcelain", *ranges, "--", path.name)
        if output is not None:
            yield from _read_porcelain(output)


def _read_porcelain(output: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """`COMMIT OLD NEW [COUNT]`, then headers (the author only where a commit is first met), then a tab and the line."""
    authors: dict[str, str] = {}
    commit, line = "", 0
    for text in output.splitlines():
        if text.startswith("\t"):
            if commit != _UNCOMMITTED:
                yield line, (commit, authors.get(commit, ""))
            commit = ""
        elif not commit:
            commit, _, numbers = text.partition(" ")
            line = int(numbers.split()[1])
        elif text.startswith("author "):
            authors[commit] = text.removeprefix("author ")


def _git(folder: Path, *arguments: str) -> str | None:
    """git's answer; None when it has none: no git, no repository, not ours, too slow."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            timeout=_SECONDS,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
