"""A git of nobody's, for tests of what git knows of the state."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.services.needs import require


def git(folder: Path, *arguments: str) -> str:
    """`git ARGUMENTS` in this folder, under a name of its own; what it said."""
    (program,) = require("git", "git")
    identity = ["-c", "user.name=Anna Beispiel", "-c", "user.email=anna@mail.example", "-c", "commit.gpgsign=false"]
    done = subprocess.run([program, *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()
