"""The files that decide where the tool connects and what it sends, as the base of a merge request has them.

With `plan --base REF` every path of the site file goes through here (`Settings.path`), and the site file itself:

    outside of the repository, or tracked neither by REF nor by HEAD   as it is on disk: CI put it there
    tracked at REF                                                    REF's version
    tracked at HEAD alone, also as a link on the way to it            absent: the merge request planted it

So a merge request can change all of them, and nothing of that is used before it is merged.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from reconciler.declared.git.objects import Kind, Tree
from reconciler.errors import UsageError

_MOST_LINKS = 40


class Found(NamedTuple):
    """Where a path leads: `name` is in the repository, None outside of it. It is the base's, or on disk, or neither."""

    path: Path
    name: str | None = None
    in_base: bool = False
    planted: bool = False
    links: tuple[str, ...] = ()
    """The links of the base on the way, by their names in the repository."""


@dataclass(frozen=True, slots=True)
class PinnedFiles:
    """Both commits, and a folder of our own for what the base has."""

    ref: str
    base: Tree
    head: Tree
    store: Path
    _whole: set[str] = field(default_factory=set, compare=False, repr=False)
    """The files and folders that are written in there."""

    def path(self, path: Path) -> Path:
        """Where this path's content is read. Raises UsageError for links in a circle."""
        found = self.find(path)
        if found.planted:
            return self.store / "not at the base" / (found.name or "top")
        return self._written(found.name or "") if found.in_base else found.path

    def find(self, path: Path) -> Found:
        """Where this path leads, with the links of the base."""
        at, pending, planted, links = Path("/"), list((Path.cwd() / path).parts[1:]), False, list[str]()
        while pending:
            part = pending.pop(0)
            here = at.parent if part == ".." else at / part
            name = self._name(here)
            theirs, ours = (tree.kind(name) if name else None for tree in (self.base, self.head))
            if name and theirs in (Kind.FILE, Kind.PROGRAM, Kind.SUBMODULE):
                in_base = theirs is not Kind.SUBMODULE and not pending
                return Found(here, name, in_base=in_base, planted=not in_base, links=tuple(filter(None, links)))
            # what lies behind it on disk is the merge request's choice
            planted |= theirs is not Kind.LINK and _is_planted(theirs, ours, last=not pending)
            target = None if planted else self._target(here, name, theirs)
            if target is None:
                at = here
                continue
            links.append(name or "")
            if len(links) > _MOST_LINKS:
                raise UsageError(f"{path}: links lead in a circle", hint="correct the path in the site file")
            at = Path("/") if target.is_absolute() else at
            pending = [*target.parts[target.is_absolute() :], *pending]
        name = self._name(at)
        in_base = name is not None and self.base.kind(name) is not None
        return Found(at, name, in_base=in_base, planted=planted and not in_base, links=tuple(filter(None, links)))

    def _target(self, here: Path, name: str | None, theirs: Kind | None) -> Path | None:
        """Where a link leads, of the base or of what nobody tracks; None for what is no link."""
        if name and theirs is Kind.LINK:
            return Path(os.fsdecode(self.base.content(name)))
        return here.readlink() if theirs is None and here.is_symlink() else None

    def _name(self, path: Path) -> str | None:
        """The path in the repository; "" is its top, None outside of it."""
        if not path.is_relative_to(self.base.top):
            return None
        name = str(path.relative_to(self.base.top))
        return "" if name == "." else name

    def _written(self, name: str) -> Path:
        """The base's file or folder, written into our folder."""
        target = self.store / "base" / name
        if name in self._whole:
            return target
        self._whole.add(name)
        if self.base.kind(name) is not Kind.FOLDER:
            self._write(name, target)
            return target
        target.mkdir(parents=True, mode=0o700, exist_ok=True)
        below = self.base.below(name)
        self.base.load(path for path, entry in below.items() if entry.is_file)
        for path, entry in below.items():
            if entry.is_file:
                self._write(path, self.store / "base" / path)
            elif entry.kind is Kind.LINK:
                self._link(path, self.store / "base" / path)
        return target

    def _write(self, name: str, target: Path) -> None:
        target.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        target.write_bytes(self.base.content(name))
        target.chmod(0o700 if self.base.kind(name) is Kind.PROGRAM else 0o600)

    def _link(self, name: str, target: Path) -> None:
        """A link inside of a folder, to what it leads to by the rule; without what it may not lead to."""
        found = self.find(self.base.top / name)
        if found.planted or target.is_symlink():
            return
        target.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        target.symlink_to(self.store / "base" / (found.name or "") if found.in_base else found.path)


def _is_planted(theirs: Kind | None, ours: Kind | None, *, last: bool) -> bool:
    """Whether the merge request has put something where the base has nothing, or a folder."""
    return ours not in (None, Kind.FOLDER) or (theirs is None and ours is Kind.FOLDER and last)
