"""The files of this repository: what git tracks and what is new, without what a build or a demo left behind."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from tests.services.needs import require

ROOT = Path(__file__).parent.parent


@cache
def tracked() -> frozenset[Path]:
    """As scripts/bare and release/source.py take them. The tree may be another user's: in a chroot, say."""
    (git,) = require("git", "git")
    command = [git, "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return frozenset(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


@cache
def tracked_folders() -> frozenset[Path]:
    """Those that such a file is in."""
    return frozenset(parent for path in tracked() for parent in path.parents if parent.is_relative_to(ROOT))


def tracked_in(folder: str, suffix: str = "") -> list[Path]:
    """Those below a folder of this repository, in order; `suffix` is how their names end."""
    return sorted(path for path in tracked() if path.is_relative_to(ROOT / folder) and path.name.endswith(suffix))
