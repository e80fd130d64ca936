"""How forges name a file: by its path from the top of the repository."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


def path_in_repository(shown: str) -> str:
    """The path from the top of the repository; empty where that is what is shown, and outside of one. Asks no git: it
    would say nothing to another user than the files' owner."""
    try:
        file = Path(os.path.abspath(shown))  # noqa: PTH100  # Path.resolve would follow links and change the name
        top = _top(file.parent)
    except OSError:  # the current folder is deleted
        return ""
    path = str(file.relative_to(top)) if top else ""
    return "" if path == shown else path


@cache
def _top(folder: Path) -> Path | None:
    """The first folder with a `.git`, from this one upwards: a folder, or the file of a work tree."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)
