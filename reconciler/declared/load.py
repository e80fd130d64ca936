"""Reads a state folder: from files to the DesiredState, with every problem at once. The way in for the workflow.

Each step takes what the one before it gives, entry after entry, so that no more than a file is there in between.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from reconciler.declared.convert import convert
from reconciler.declared.git.commit import read_commit
from reconciler.declared.merge import merge
from reconciler.declared.parse.documents import parse
from reconciler.declared.parse.locator import Locator
from reconciler.declared.problems import Problems
from reconciler.declared.read.find import find_sources
from reconciler.declared.read.text import read_texts
from reconciler.errors import InvalidInput
from reconciler.model.declared import DesiredState
from reconciler.planning.finding import Finding, Locate
from reconciler.settings import Settings


class Declaration(NamedTuple):
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
    problems = Problems()
    sources = find_sources(folder, problems)
    texts = read_texts(sources, problems)
    locator = Locator(texts)
    state = merge(convert(parse(texts, locator, problems), site, today, problems), site, today, problems)
    commit = "" if problems.any_error else read_commit(folder, problems)
    findings = problems.findings(locator.place_of)
    if problems.any_error:
        raise InvalidInput(findings)
    return Declaration(replace(state, commit=commit), findings, locator, len(sources), folder)
