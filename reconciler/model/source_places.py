"""Where something was declared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple


class Origin(NamedTuple):
    """What a declaration is called: file relative to the state folder, section, and key (or list index as text).

    `declared.parse.locator` turns one into a Place when it is shown. Of a million entries nearly all are called as
    their address is, or its local part: those of a file have one Origin together, whose key says that, and `of` gives
    theirs.
    """

    file: str
    section: str
    key: str

    def of(self, address: str) -> Origin:
        """The origin of the entry of this address, which keeps this one."""
        if self.key == LOCAL_PART:
            return self._replace(key=address.rpartition("@")[0])
        return self._replace(key=address) if self.key == ADDRESS else self


ADDRESS, LOCAL_PART = "@", ""
"""Keys that no entry of an address can have: what stands for its address, and for the local part."""


def kept_key(key: str, address: str) -> str:
    """What an entry of this address keeps of its key: `Origin.of` makes the key of it again."""
    if key == address:
        return ADDRESS
    return LOCAL_PART if address.startswith(key) and address.rpartition("@")[0] == key else key


PLACES = ("written", "origin")
"""The fields of a declared value that say where it stands; it has the first of them that it has."""


def without_place(entry: Any) -> Any:
    """A declared value without what says where it stands, to be compared with others."""
    nowhere = {next(name for name in PLACES if hasattr(entry, name)): None}
    return entry._replace(**nowhere) if hasattr(entry, "_replace") else replace(entry, **nowhere)


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
