"""What a page of the HTML report is made of: values with raw strings, which the template escapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from reconciler.report.documents.plan_review import Alert
from reconciler.report.documents.rename_timeline import Timeline
from reconciler.report.json_models import ErrorPart
from reconciler.report.json_part import FindingPart
from reconciler.report.shown import ShownRead
from reconciler.translation import marked

Fact = tuple[str, str | tuple[str, str]]
"""A name and its value; a moment as (for programs, for people)."""


class Note(NamedTuple):
    """A line below a row's words; `level` is danger or empty."""

    text: str
    level: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. `style` is its class, `sign` and `word` say its kind without colour."""

    style: str
    sign: str
    word: str
    title: str
    place: str
    summary: str
    refused: Sequence[str] = ()
    waits: Sequence[str] = ()
    notes: Sequence[Note] = ()


class Table(NamedTuple):
    """Rows under a caption; `heads` stand over the kind and the words, for `tr`."""

    title: str
    numbers: str
    lines: Sequence[Row]
    heads: tuple[str, str] = (marked("kind"), marked("happens"))


class Steps(NamedTuple):
    """The steps of one line; those of a dangerous one are `open`, the others may be folded."""

    title: str
    number: str
    texts: Sequence[str]
    open: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One document; `level` is danger, warn or good."""

    name: str
    level: str
    verdict: str
    numbers: str = ""
    next: str = ""
    alerts: Sequence[Alert] = ()
    errors: Sequence[ErrorPart] = ()
    unread: Sequence[ShownRead] = ()
    stops: Sequence[FindingPart] = ()
    entries: Sequence[tuple[str, list[str]]] = ()
    groups: Sequence[Table] = ()
    timelines: Sequence[Timeline] = ()
    flow: Sequence[tuple[str, str, str]] = ()
    remarks: Sequence[FindingPart] = ()
    healed: Sequence[str] = ()
    steps: Sequence[Steps] = ()
    untouched: Sequence[str] = ()
    facts: Sequence[Fact] = field(default=())


def moment(when: datetime) -> tuple[str, str]:
    """For `<time>`."""
    return when.isoformat(), f"{when:%Y-%m-%d %H:%M:%S %z}"
