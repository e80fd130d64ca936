"""Reads a state folder: from files to the DesiredState, with every problem at once. The way in for the workflow.

Each step takes what the one before it gives, entry after entry, so that no more than a file is there in between.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from reconciler.declared.convert import convert
from reconciler.declared.git.commit import read_commit
from reconciler.declared.git.objects import Tree
from reconciler.declared.git.state_at_base import state_sources
from reconciler.declared.merge import merge
from reconciler.declared.parse.documents import parse
from reconciler.declared.parse.locator import Locator
from reconciler.declared.problems import Problems
from reconciler.declared.read.find import find_sources
from reconciler.declared.read.source import Source, shown
from reconciler.declared.read.text import read_texts
from reconciler.declared.section import Section
from reconciler.errors import InvalidInput
from reconciler.model.declared import DesiredState
from reconciler.planning.finding import Finding, Locate
from reconciler.settings import Settings

NOTHING: Mapping[str, bytes] = MappingProxyType({})


Taken = dict[str, tuple[str, list[tuple[Section, Any]]]]
"""By its name, the text of a file in which nothing was remarkable, and its entries. Whoever loads two commits of one
folder hands the same to both: of what is in both, the second takes the entries, the same objects."""


class Declaration(NamedTuple):
    """What git declares. `findings` are warnings and notes; errors never come this far."""

    state: DesiredState
    findings: tuple[Finding, ...]
    locate: Locate
    files: int
    folder: Path


def load_state(
    folder: Path,
    site: Settings,
    *,
    today: date,
    instead: Mapping[str, bytes] = NOTHING,
    taken: Taken | None = None,
) -> Declaration:
    """Everything declared below `folder`, as of `today` (in the site's time zone). `instead` has what files are to hold
    that do not hold it yet, by their names below the folder: then git is not asked.

    Raises InvalidInput with every problem and its place, UsageError when there is no such folder; nothing else,
    whatever the files hold.
    """
    problems = Problems()
    sources = _with_new(find_sources(folder, problems), folder, instead)
    texts = read_texts(sources, problems, instead)
    locator = Locator(texts)
    state = merge(_entries(texts, locator, site, today, problems, taken), site, today, problems)
    commit = "" if problems.any_error or instead else read_commit(folder, problems)
    return _declaration(replace(state, commit=commit), locator, problems, len(sources), folder)


def load_state_at(
    tree: Tree, name: str, ref: str, site: Settings, *, today: date, taken: Taken | None = None
) -> Declaration:
    """Everything that the commit REF declares below the folder `name` of the repository; nothing where it has no such
    folder. From git's objects: nothing is checked out. Raises InvalidInput with every problem, UsageError for a clone
    that has only some of the objects."""
    problems = Problems()
    contents = state_sources(tree, name, ref, problems)
    texts = read_texts(contents, problems, {source.name: content for source, content in contents.items()})
    locator = Locator(texts)
    state = merge(_entries(texts, locator, site, today, problems, taken), site, today, problems)
    return _declaration(replace(state, commit=tree.commit), locator, problems, len(texts), tree.top / name)


def _entries(
    texts: Mapping[Source, str], locator: Locator, site: Settings, today: date, problems: Problems, taken: Taken | None
) -> Iterator[tuple[Section, Any]]:
    """Every entry that is right by itself, in the order of the files."""
    taken = {} if taken is None else taken
    new = {source: text for source, text in texts.items() if taken.get(source.name, (None,))[0] != text}
    documents = parse(new, locator, problems)
    for source, text in texts.items():
        if source not in new:
            yield from taken[source.name][1]
            continue
        before = len(problems)
        entries = list(convert([next(documents)], site, today, problems))
        if len(problems) == before:
            taken[source.name] = (text, entries)
        yield from entries


def _declaration(state: DesiredState, locator: Locator, problems: Problems, files: int, folder: Path) -> Declaration:
    findings = problems.findings(locator.place_of)
    if problems.any_error:
        raise InvalidInput(findings)
    return Declaration(state, findings, locator, files, folder)


def _with_new(sources: list[Source], folder: Path, names: Iterable[str]) -> list[Source]:
    there = {source.name for source in sources}
    new = [Source(name, shown(folder / name), folder / name) for name in names if name not in there]
    return sorted([*sources, *new], key=lambda source: source.name)
