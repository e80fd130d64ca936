"""Asks git about a folder. Reads only; no answer where there is no git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_SECONDS = 30
NEEDED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "XDG_CONFIG_HOME", "SUDO_UID", "GIT_CEILING_DIRECTORIES")
"""What git gets of our environment: configuration is how people set safe.directory."""
BARE = "safe.bareRepository"
"""Is in the words with which git refuses such a folder."""
NO_BARE = ("-c", f"{BARE}=explicit")
"""git takes a folder for a repository that has HEAD, objects and refs in it, as a merge request may bring one, and runs
what the `config` there names. With this (git 2.38) it refuses."""


def ask(folder: Path, *arguments: str) -> str | None:
    """git's answer; None when it has none: no git, no repository, not ours, too slow."""
    done = _run(folder, *arguments)
    return done.stdout.decode("utf-8", "replace") if done is not None and done.returncode == 0 else None


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    if not os.path.lexists(repository(folder) / ".git"):
        return None
    # no passwords for it; and a hook tells its children which repository it runs for, we ask for that of the folder
    environment = {
        name: value for name, value in os.environ.items() if name in NEEDED or name.startswith("GIT_CONFIG_")
    }
    # a job's clone often belongs to another user of the same job, and its machine to nobody else
    ours = ("-c", f"safe.directory={repository(folder)}") if os.environ.get("CI") else ()
    try:
        return subprocess.run(
            ["git", *NO_BARE, *ours, "-C", str(folder), *arguments],
            capture_output=True,
            timeout=_SECONDS,
            env={**environment, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def refusal(folder: Path) -> str:
    """Why git says nothing of this folder although it is in a repository: in git's own words, empty when it does not
    refuse. Repositories of another user are refused (safe.directory in git-config(1)), as in containers, and folders
    that look like a bare one."""
    done = _run(folder, "rev-parse", "--verify", "HEAD")
    output = done.stderr.decode("utf-8", "replace") if done is not None else ""
    refused = "dubious ownership" in output or BARE in output
    return output.strip().partition("\n")[0] if refused else ""


def repository(folder: Path) -> Path:
    """The top folder of the repository that holds `folder`; without one the folder itself. Links are followed, and git
    is not asked: in containers it often refuses, and that would be another answer."""
    real = folder.resolve()
    return next((path for path in (real, *real.parents) if os.path.lexists(path / ".git")), real)
