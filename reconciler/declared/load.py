"""Reads a state folder: from files to the DesiredState, with every problem at once. The way in for the workflow.

    find files → text → plain values → checked entries → values of the model → merged → compared with each other

A file is read quickly first; only when anything in it is wrong or unusual it is read again exactly (`tree`), so that
messages show what was written and where.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from shlex import quote
from types import MappingProxyType
from typing import Any

from reconciler.declared.checks import CHECKS
from reconciler.declared.converter import Converter
from reconciler.declared.error_messages import Sentence
from reconciler.declared.files import Source, find_sources, read_text, shown
from reconciler.declared.git import commit_of, refusal, repository, uncommitted
from reconciler.declared.locator import Locator
from reconciler.declared.merged_entries import Found, Tables
from reconciler.declared.parallel_parser import Reading, read_all
from reconciler.declared.problems import Problems, Spot, printable
from reconciler.declared.section_checks import read_sections
from reconciler.errors import InvalidInput
from reconciler.model.declared import DesiredState
from reconciler.model.places import Origin, Place
from reconciler.planning.findings import Finding, Locate
from reconciler.settings import Settings


@dataclass(frozen=True, slots=True)
class Declaration:
    """What git declares. `findings` are warnings and notes; errors never come this far."""

    state: DesiredState
    findings: tuple[Finding, ...]
    locate: Locate
    files: int
    folder: Path


def load_state(folder: Path, site: Settings, *, today: date) -> Declaration:
    """Everything declared below `folder`, as of `today` (in the site's time zone).

    Raises InvalidInput with every problem and its place, UsageError when there is no such folder; nothing else,
    whatever the files hold.
    """
    problems, locator = Problems(), Locator()
    sources = find_sources(folder, problems)
    with _collector_paused():
        tables = _read_all(sources, Tables(site, today), locator, problems)
        for check in CHECKS:
            check(tables, problems)
    commit = "" if problems.any_error else _commit(folder, problems)
    findings = problems.findings(locator.place_of)
    if problems.any_error:
        raise InvalidInput(findings)
    return Declaration(_state(tables, commit), findings, locator, len(sources), folder)


def _commit(folder: Path, problems: Problems) -> str:
    """The commit that was read. What is wrong with it is a warning: people may try things before they commit."""
    commit, place = commit_of(folder), Place(shown(folder), 1)
    if not commit and (words := refusal(folder)):
        # git compares with the top of the repository, letter for letter
        hint = f"run: git config --global --add safe.directory {quote(str(repository(folder)))}"
        problems.warn_at(place, "git", f"git says nothing of the state: {words}", hint)
    if commit.endswith("+") and (names := uncommitted(folder)):
        named = ", ".join(map(printable, names[:_NAMED])) + (" and more" if len(names) > _NAMED else "")
        message = f"not committed, and read all the same: {named}"
        hint = "commit before you apply; otherwise nobody reviewed it, and no commit says what was done"
        problems.warn_at(place, "uncommitted", message, hint)
    return commit


_NAMED = 5


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Loading makes millions of values and no circles; looking for circles would take a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read_all(sources: list[Source], tables: Tables, locator: Locator, problems: Problems) -> Tables:
    texts = {source: text for source in sources if (text := read_text(source, problems)) is not None}
    for (source, text), value in zip(texts.items(), read_all(list(texts.values())), strict=True):
        locator.add(source, text)
        tables.add(_read_file(source, value, tables, locator, problems), problems)
    tables.close(complete=not problems.any_error)
    return tables


class _NeedsExactReading(Exception):
    """Something in the file is wrong: the exact reading will say what and where."""


def _read_file(source: Source, value: Any, tables: Tables, locator: Locator, problems: Problems) -> Found:
    said_quickly = Problems()
    try:
        found = _convert(source, value, tables, said_quickly, exact=False)
        if said_quickly.any_error:  # its places need the exact reading anyway, which may know better what was meant
            raise _NeedsExactReading
    except _NeedsExactReading:
        tree = locator.tree(source.name)
        for remark in tree.remarks:
            problems.error_at(source.place(*remark.mark), remark.rule, remark.message, remark.hint)
        return _convert(source, tree.root.data() if tree.root else None, tables, problems, exact=True)
    problems.take(said_quickly)
    return found


def _convert(source: Source, data: Any, tables: Tables, problems: Problems, *, exact: bool) -> Found:
    """The entries of one file. Raises _NeedsExactReading at the first that fits no model, unless this is exact."""
    if data is Reading.UNUSUAL:
        raise _NeedsExactReading
    domain = data.get("domain") if isinstance(data, dict) else None
    converter = Converter(source.name, domain, tables.site, tables.today, problems)
    for item in read_sections(data):
        if not isinstance(item, Sentence):
            converter.take(item)
        elif exact:
            _say(source, item, problems)
        else:
            raise _NeedsExactReading
    return converter.found


def _say(source: Source, sentence: Sentence, problems: Problems) -> None:
    section, key, *rest = (*sentence.path, "", "")[: max(2, len(sentence.path))]
    spot = Spot(Origin(source.name, str(section), str(key)), tuple(rest), sentence.on_key)
    subject = str(key if isinstance(key, str) and key else section or source.shown)
    problems.error("field", subject, sentence.message, sentence.hint, spot)


def _state(tables: Tables, commit: str) -> DesiredState:
    return DesiredState(
        today=tables.today,
        mailboxes=MappingProxyType(tables.mailboxes),
        aliases=MappingProxyType(tables.aliases),
        renames=tuple(tables.renames),
        removals=tuple(tables.removals.values()),
        sender_blocks=MappingProxyType(tables.sender_blocks),
        confirm=tuple(tables.confirm.values()),
        commit=commit,
    )
