"""The picture of a rename: its stages from top to bottom over the systems, what is done, and where it stands. Values
for an inline SVG; the template draws them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import wrap
from typing import NamedTuple

from reconciler.planning.changes import Stage
from reconciler.report.json_models import TransitionRunPart
from reconciler.report.json_plan_models import TransitionPart
from reconciler.report.sanitize import clip
from reconciler.report.vocabulary import DOT, RESULT_WORDS
from reconciler.translation import marked, tr

_STAGES: Mapping[int, str] = {
    Stage.DOMAIN: marked("Domain"),
    Stage.MAIL_FLOW: marked("Mail flow"),
    Stage.REFERENCES: marked("References"),
    Stage.GROUPWARE: marked("Groupware"),
    Stage.FILTER: marked("Sender filter"),
    Stage.ATTACH: marked("Old mailbox"),
    Stage.LETTER: marked("Letter"),
    Stage.WELCOME: marked("Welcome mail"),
}
_DONE = ("done", "skipped")
_MARKS: Mapping[str, str] = {
    **dict.fromkeys(_DONE, "✓"),
    "failed": "✗",
    "uncertain": "?",
    "not tried": "·",
    "planned": "",
}
_WORST = ("failed", "uncertain", "not tried", "planned", *_DONE)
_WORDS: Mapping[str, str] = {**RESULT_WORDS, "skipped": marked("in place already"), "planned": marked("planned")}

_LANE, _LEFT, _TOP, _TEXT_GAP = 26, 16, 20, 18
_LINE, _GAP, WIDTH = 16, 26, 350
_LETTERS = 32
"""Of one line of text beside the tracks."""
_LINES = 3


class _Step(NamedTuple):
    """One step with its state."""

    system: str
    stage: int
    label: str
    state: str


@dataclass(frozen=True, slots=True)
class Stop:
    """One stage in one system: where it is drawn, and what stands beside it."""

    x: int
    y: int
    state: str
    mark: str
    heading: str
    lines: tuple[str, ...]

    @property
    def words(self) -> str:
        return tr(_WORDS[self.state])

    @property
    def rows(self) -> list[tuple[int, str]]:
        """(y, text) below the heading."""
        return [(self.y + 4 + _LINE * number, line) for number, line in enumerate(self.lines, 1)]


@dataclass(frozen=True, slots=True)
class Timeline:
    """One picture. `lanes` are the systems' tracks, `here` is the height at which it stands, None where it is done."""

    title: str
    lanes: tuple[int, ...]
    stops: tuple[Stop, ...]
    text_x: int
    height: int
    here: int | None
    description: str

    @property
    def standing(self) -> str:
        """What is written where it stands."""
        return tr("here it stands") if self.stops[0].state in _DONE else tr("not begun")

    @property
    def path(self) -> str:
        """The way from stop to stop."""
        return " ".join(f"{stop.x},{stop.y}" for stop in self.stops)

    @property
    def bottom(self) -> int:
        return self.stops[-1].y


def of_plan(part: TransitionPart) -> Timeline | None:
    """The rename that a plan would carry out; None when it is none. What of it is in place already is done."""
    steps = [_Step(step.system, step.stage, step.label, "planned") for step in part.steps]
    if steps and min(step.stage for step in steps) > Stage.MAIL_FLOW:
        earlier = tr("an earlier run or somebody by hand did it")
        steps.insert(0, _Step("postfixadmin", Stage.MAIL_FLOW, earlier, "skipped"))
    return _timeline(part.title, steps) if part.action == "rename" else None


def of_run(part: TransitionRunPart) -> Timeline | None:
    """The rename that a run carried out, or a part of it."""
    steps = [_Step(step.system, step.stage, step.label, step.result) for step in part.steps]
    return _timeline(part.title, steps) if part.action == "rename" else None


def _timeline(title: str, steps: Sequence[_Step]) -> Timeline | None:
    if not steps:
        return None
    systems = list(dict.fromkeys(step.system for step in steps))
    lanes = {system: _LEFT + _LANE * number for number, system in enumerate(systems)}
    stops = tuple(_stops(steps, lanes))
    left = next((stop for stop in stops if stop.state not in _DONE), None)
    here = None if left is None else left.y - _GAP // 2 - 8
    said = ". ".join(f"{stop.heading}: {stop.words}: {', '.join(stop.lines)}" for stop in stops)
    last = stops[-1]
    return Timeline(
        title,
        tuple(lanes.values()),
        stops,
        max(lanes.values()) + _TEXT_GAP,
        last.y + _LINE * len(last.lines) + _GAP,
        here,
        said,
    )


def _stops(steps: Sequence[_Step], lanes: Mapping[str, int]) -> Iterator[Stop]:
    y = _TOP + _GAP
    for (stage, system), group in groupby(steps, key=lambda step: (step.stage, step.system)):
        found = list(group)
        state = next(word for word in _WORST if any(step.state == word for step in found))
        lines = _wrapped(list(dict.fromkeys(step.label for step in found)))
        named = tr(_STAGES[stage]) if stage in _STAGES else tr("Stage {number}", number=stage)
        heading = clip(f"{named}{DOT}{system}", _LETTERS)
        yield Stop(lanes[system], y, state, _MARKS[state], heading, (*lines, *_said(state)))
        y += _LINE * (len(lines) + len(_said(state))) + _GAP + _LINE


def _said(state: str) -> tuple[str, ...]:
    """The state in words, below what it is about; that something is planned is said by the whole picture."""
    return () if state == "planned" else (tr(_WORDS[state]),)


def _wrapped(labels: Sequence[str]) -> list[str]:
    """Labels in a few lines; what finds no room stands in the steps."""
    lines = wrap(", ".join(labels), _LETTERS)
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], f"{clip(lines[_LINES - 1], _LETTERS - 6)} …"]
