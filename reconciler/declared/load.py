"""Reads a state folder: from files to the DesiredState, with every problem at once. The way in for the workflow.

Each step takes what the one before it gives, entry after entry, so that no more than a file is there in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from reconciler.declared.fields.state_file import SiteFacts
from reconciler.declared.git.commit import read_commit
from reconciler.declared.git.objects import Tree
from reconciler.declared.git.state_at_base import state_sources
from reconciler.declared.lazy import PartlyRead, read_beside, read_lazily
from reconciler.declared.merge import check, merge
from reconciler.declared.parse.locator import Locator
from reconciler.declared.problems import Problems
from reconciler.declared.read.find import find_sources
from reconciler.declared.read.source import Source, shown
from reconciler.declared.section import Batch
from reconciler.declared.values import Load, read_values
from reconciler.errors import InvalidInput
from reconciler.model.declared import DesiredState
from reconciler.planning.finding import Finding, Locate
from reconciler.settings import Settings

if TYPE_CHECKING:  # whoever has none needs none of it
    from reconciler.declared.cache.entries import Cache

NOTHING: Mapping[str, bytes] = MappingProxyType({})


class Declaration(NamedTuple):
    """What git declares."""

    state: DesiredState
    said: Callable[[], tuple[Finding, ...]]
    """Warnings and notes; errors never come this far. Of a state that is read in part those of what was read by now."""
    locate: Locate
    files: int
    folder: Path
    partly: PartlyRead | None = None
    """Where not all files were read."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See `said`. Raises Unsound where not all was read, and something is wrong."""
        return self.said()

    @property
    def unread(self) -> int:
        """How many files nobody needed by now."""
        return self.partly.unread if self.partly is not None else 0


def load_state(
    folder: Path,
    site: Settings,
    *,
    today: date,
    instead: Mapping[str, bytes] = NOTHING,
    cache: Cache | None = None,
    lazily: bool = False,
) -> Declaration:
    """Everything declared below `folder`, as of `today` (in the site's time zone). `instead` has what files are to hold
    that do not hold it yet, by their names below the folder: then git is not asked.

    Raises InvalidInput with every problem and its place, UsageError when there is no such folder; nothing else,
    whatever the files hold. `cache` has what files were read as; whoever loads two commits of one folder hands the
    same to both: of what is in both, the second has the same objects. `lazily`: of a big state files may be read when
    something in them is asked for; then that raises Unsound where something is wrong with them.
    """
    problems = Problems()
    sources = _with_new(find_sources(folder, problems), folder, instead)
    load = Load(Locator(), SiteFacts.of(site), today, problems, cache, {})
    if lazily and not instead and (partly := read_lazily(sources, _anew(load), site)) is not None:
        return _partly(partly, read_commit(folder, partly.load.problems), len(sources), folder)
    state = _merged(read_values(sources, instead, load), load, site)
    commit = "" if problems.any_error or instead else read_commit(folder, problems)
    return _declaration(replace(state, commit=commit), load.locator, problems, len(sources), folder)


def load_state_at(
    tree: Tree,
    name: str,
    ref: str,
    site: Settings,
    *,
    today: date,
    cache: Cache | None = None,
    beside: PartlyRead | None = None,
) -> Declaration:
    """Everything that the commit REF declares below the folder `name` of the repository; nothing where it has no such
    folder. From git's objects: nothing is checked out. Raises InvalidInput with every problem, UsageError for a clone
    that has only some of the objects. `beside`: the state that it is compared with, where not all of that was read:
    then not all is read here."""
    problems = Problems()
    if beside is not None:
        tree.know(beside.contents.values())
    contents = state_sources(tree, name, ref, problems)
    load = Load(Locator(), SiteFacts.of(site), today, problems, cache, {})
    count, folder = len(contents), tree.top / name
    if beside is not None and (partly := read_beside(beside, contents, _anew(load), site)) is not None:
        return _partly(partly, tree.commit, count, folder)
    instead = {source.name: content for source, content in contents.items()}
    state = _merged(read_values(contents, instead, load), load, site)
    return _declaration(replace(state, commit=tree.commit), load.locator, problems, count, folder)


def _anew(load: Load) -> Load:
    """The same load, which may be given up: what it finds wrong so far, and places of its own."""
    problems = Problems()
    problems.add(load.problems.since(0))
    return load._replace(locator=Locator(), problems=problems, entries={})


def _partly(partly: PartlyRead, commit: str, files: int, folder: Path) -> Declaration:
    state = replace(partly.state, commit=commit)
    return Declaration(state, partly.findings, partly.load.locator, files, folder, partly)


def _merged(batches: Iterable[Batch], load: Load, site: Settings) -> DesiredState:
    """All entries together, and what is wrong with them, or as it was said before of the same ones."""
    problems, cache = load.problems, load.cache
    state = merge(batches, load.today, problems)
    if cache is None or problems.any_error:
        check(state, site, problems)
        return state
    name = cache.load_name(load.entries, site, load.today)
    if (remarks := cache.remarks(name)) is None:
        before = len(problems)
        check(state, site, problems)
        if not problems.any_error:
            cache.put_remarks(name, problems.since(before))
    else:
        problems.add(remarks)
    cache.tidy()
    return state


def _declaration(state: DesiredState, locator: Locator, problems: Problems, files: int, folder: Path) -> Declaration:
    findings = problems.findings(locator.place_of)
    if problems.any_error:
        raise InvalidInput(findings)
    return Declaration(state, lambda: findings, locator, files, folder)


def _with_new(sources: list[Source], folder: Path, names: Iterable[str]) -> list[Source]:
    there = {source.name for source in sources}
    new = [Source(name, shown(folder / name), folder / name) for name in names if name not in there]
    return sorted([*sources, *new], key=lambda source: source.name)
