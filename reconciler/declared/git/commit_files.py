"""Commits files of the state that were just written. The only place where git is told to do something."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from reconciler.declared.git.run_git import NO_BARE, ask
from reconciler.errors import UsageError

_SECONDS = 120
_NEEDED = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TZ|TERM|TMPDIR|XDG_\w+|SUDO_UID|EMAIL|VIRTUAL_ENV"
    r"|SSH_AUTH_SOCK|GPG_TTY|GNUPGHOME|GIT_(?:CEILING_DIRECTORIES|CONFIG_\w+|AUTHOR_\w+|COMMITTER_\w+)"
)
"""What git and its hooks get of our environment: who commits, and with which key; no password of the site."""


def refuse_uncommitted(folder: Path, files: Sequence[Path]) -> None:
    """Raises UsageError when a commit of these files could not be made, or would hold more than one command's edit."""
    if ask(folder, "rev-parse", "--is-inside-work-tree") is None:
        raise UsageError(f"{folder} is in no git repository", hint="leave --commit out, or: git init")
    said = ask(folder, "status", "--porcelain", "--", *map(str, files)) or ""
    if said:
        named = ", ".join(line[3:] for line in said.splitlines())
        raise UsageError(
            f"not committed yet: {named}; the commit would hold those changes, too",
            hint="commit them first (git commit), or leave --commit out",
        )


def commit_files(folder: Path, files: Sequence[Path], message: str) -> str:
    """The new commit, which holds these files and nothing else that is staged. Raises UsageError with git's words."""
    _run(folder, "add", "--", *map(str, files))
    _run(folder, "commit", "--quiet", "--only", "-m", message, "--", *map(str, files))
    return (ask(folder, "rev-parse", "--short", "HEAD") or "").strip()


def _run(folder: Path, *arguments: str) -> None:
    environment = {name: value for name, value in os.environ.items() if _NEEDED.fullmatch(name)}
    try:
        done = subprocess.run(
            ["git", *NO_BARE, "-C", str(folder), *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            env=environment,
            check=False,
        )
        said = (done.stderr + done.stdout).decode("utf-8", "replace").strip() if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        said = str(error)
    if said:
        raise UsageError(
            f"the files are written, and git did not commit them: {said}",
            hint="look at git status, and commit them yourself",
        )
