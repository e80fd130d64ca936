"""Where something was declared."""

from typing import NamedTuple


class Origin(NamedTuple):
    """What a declaration is called: file relative to the state folder, section, and key (or list index as text).

    Cheap enough for a million of them; `declared.parse.locator` turns one into a Place when it is shown.
    """

    file: str
    section: str
    key: str


class Place(NamedTuple):
    """A position that an editor can jump to, both counted from 1; `commit` and `author` where git knows them. `path` is
    the file from the top of its repository; empty where that is `file`, and outside of one."""

    file: str
    line: int
    column: int = 1
    commit: str = ""
    author: str = ""
    path: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"
