"""One file that is read, and what people see of its path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from reconciler.declared.problems import printable
from reconciler.model.source_places import Place
from reconciler.repository_paths import path_in_repository

SITE_FILE = "reconciler.yaml"
SITE_PLACES = (Path(SITE_FILE), Path("state") / SITE_FILE)
"""Where the site file is looked for, when nothing names one."""
SITE_VARIABLE = "RECONCILER_SITE"
"""The environment variable that names it."""


class Source(NamedTuple):
    """One file. `name` is relative to the state folder (what an Origin says), `shown` is what people see: its path, of
    a file that is read at a commit `REF:path`."""

    name: str
    shown: str
    path: Path

    def place(self, line: int = 1, column: int = 1) -> Place:
        """A position in this file."""
        place = place_of(self.path, line, column)
        if place.file == self.shown:
            return place
        return place._replace(file=self.shown, path=place.path or ("" if place.file.startswith("/") else place.file))


def place_of(path: Path, line: int = 1, column: int = 1) -> Place:
    """A position in a file."""
    name = shown(path)
    return Place(name, line, column, path=path_in_repository(name))


def shown(path: Path) -> str:
    """The path as people see it: relative to the current folder when it lies below it."""
    try:
        absolute = Path(os.path.abspath(path))  # noqa: PTH100  # Path.resolve would follow links and change the name
        return printable(str(absolute.relative_to(Path.cwd())))
    except ValueError:
        return printable(str(absolute))
    except OSError:  # the current folder is deleted
        return printable(str(path))
