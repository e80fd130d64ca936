"""What git knows of the state: the commit that was read, and who wrote a line. Reads only, and does without git.

`load` asks for the commit; whoever shows a plan asks `blame` for the few places in it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from reconciler.model.places import Place

_SECONDS = 30
_LINES_AT_ONCE = 500  # an argument list has its limits
_UNCOMMITTED = "0" * 40
_NEEDED = re.compile(r"PATH|HOME|USER|LOGNAME|LANG|XDG_CONFIG_HOME|SUDO_UID|GIT_(CEILING_DIRECTORIES|CONFIG_\w+)")
"""What git gets of our environment: configuration is how people set safe.directory."""


def repository(folder: Path) -> Path:
    """The top folder of the repository that holds `folder`; without one the folder itself. Links are followed, and git
    is not asked: in containers it often refuses, and that would be another answer."""
    real = folder.resolve()
    return next((path for path in (real, *real.parents) if os.path.lexists(path / ".git")), real)


def refusal(folder: Path) -> str:
    """Why git says nothing of this folder although it is in a repository: in git's own words, empty when it does not
    refuse. Repositories of another user are refused (safe.directory in git-config(1)), as in containers."""
    done = _run(folder, "rev-parse", "--verify", "HEAD")
    said = done.stderr.decode("utf-8", "replace") if done is not None else ""
    return said.strip().partition("\n")[0] if "dubious ownership" in said else ""


def commit_of(folder: Path) -> str:
    """The commit of the folder's repository, with `+` when files in the folder differ from it; empty without git, and
    when git is told to ignore all of the folder's state."""
    commit = ask(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return ""
    changed = ask(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    # which `status` would list by folder, with what is no state
    ignored = ask(folder, "ls-files", "--others", "--ignored", "--exclude-standard", "--", "*.yaml", "*.yml")
    if ignored and not ask(folder, "ls-files", "--", "*.yaml", "*.yml"):
        return ""
    return commit.strip() + ("+" if changed is None or changed.strip() or ignored else "")


def uncommitted(folder: Path) -> list[str]:
    """The YAML files below the folder that are not as the commit has them, by their paths in the repository: changed,
    new, ignored or deleted."""
    options = ("--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignored=matching")
    said = ask(folder, "status", *options, "--", "*.yaml", "*.yml") or ""
    return [entry[3:] for entry in said.split("\0") if entry]


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
    # otherwise the first commit of all counts as a boundary, too
    root = () if (ask(path.parent, "rev-parse", "--is-shallow-repository") or "").strip() == "true" else ("--root",)
    for start in range(0, len(lines), _LINES_AT_ONCE):
        ranges = [f"-L{line},{line}" for line in lines[start : start + _LINES_AT_ONCE]]
        output = ask(path.parent, "blame", "--porcelain", *root, *ranges, "--", path.name)
        if output is not None:
            yield from _read_porcelain(output)


def _read_porcelain(output: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """`COMMIT OLD NEW [COUNT]`, then headers (the author only where a commit is first met), then a tab and the line.
    The boundary of a shallow clone wrote nothing: what is older is cut off there."""
    authors: dict[str, str] = {}
    nobody = {_UNCOMMITTED}
    commit, line = "", 0
    for text in output.splitlines():
        if text.startswith("\t"):
            if commit not in nobody:
                yield line, (commit, authors.get(commit, ""))
            commit = ""
        elif not commit:
            commit, _, numbers = text.partition(" ")
            line = int(numbers.split()[1])
        elif text == "boundary":
            nobody.add(commit)
        elif text.startswith("author "):
            authors[commit] = text.removeprefix("author ")


def ask(folder: Path, *arguments: str) -> str | None:
    """git's answer; None when it has none: no git, no repository, not ours, too slow."""
    done = _run(folder, *arguments)
    return done.stdout.decode("utf-8", "replace") if done is not None and done.returncode == 0 else None


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    # no passwords for it; and a hook tells its children which repository it runs for, we ask for that of the folder
    environment = {name: value for name, value in os.environ.items() if _NEEDED.fullmatch(name)}
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            timeout=_SECONDS,
            env={**environment, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
