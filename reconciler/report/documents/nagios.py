"""A check for Nagios and Icinga: `STATE: text | perfdata`, then details (facts/forges.md 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple

from reconciler.planning.command_status import Status
from reconciler.report.documents.about import about, numbers
from reconciler.report.documents.remarks import ERRORS, WARNINGS, remarks
from reconciler.report.json_models import RunDocument
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document
from reconciler.report.sanitize import clip, visible
from reconciler.report.vocabulary import result_word
from reconciler.translation import marked, tr, tr_number


class State(IntEnum):
    """Exit statuses of a check."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


_STATES: Mapping[Status, State] = {
    Status.DONE: State.OK,
    Status.PENDING: State.WARNING,
    Status.LOCKED: State.WARNING,
    Status.INVALID: State.CRITICAL,
    Status.REFUSED: State.CRITICAL,
    Status.STALE: State.CRITICAL,
    Status.PARTLY: State.CRITICAL,
    Status.BUG: State.UNKNOWN,
    Status.USAGE: State.UNKNOWN,
    Status.UNREADABLE: State.UNKNOWN,
}
"""Nothing is OK that is not known to be."""
_WORST = (State.CRITICAL, State.UNKNOWN, State.WARNING, State.OK)

_WORDS: Mapping[Status, str] = {
    Status.DONE: marked("nothing to do"),
    Status.PENDING: marked("changes are pending"),
    Status.INVALID: marked("the declared state is invalid"),
    Status.REFUSED: marked("a gate refuses something"),
    Status.STALE: marked("something is not as it was reviewed"),
    Status.LOCKED: marked("another run is under way"),
    Status.PARTLY: marked("partly applied"),
    Status.UNREADABLE: marked("a system could not be read"),
}
_AHEAD = timedelta(minutes=5)
"""How far clocks of two machines may differ."""
_DETAILS = 20
"""Lines of details; monitoring systems cut at some kilobytes."""


class Checked(NamedTuple):
    """What one document, or one that could not be read, means."""

    state: State
    text: str
    details: tuple[str, ...] = ()
    perfdata: tuple[str, ...] = ()


def unknown(why: str) -> Checked:
    """For a document that is not there: the command may have died before it wrote it."""
    return Checked(State.UNKNOWN, why)


def check(
    document: Document, now: datetime, max_age: timedelta | None, states: Mapping[Status, State] = _STATES
) -> Checked:
    """What it says of itself; UNKNOWN when it is older than `max_age`, or says that it is from the future. `states` are
    those that the site wants to be other ones."""
    command, site, when, status = about(document)
    name = f"{command} {site}".strip()
    age = now - when if when is not None else None
    state, words = states.get(status, _STATES[status]), _in_words(document, status)
    if doubt := _doubt(age, max_age, words):
        state, words = State.UNKNOWN, doubt
    return Checked(state, f"{name}: {words}", tuple(_details(document)), tuple(_perfdata(document, age, max_age)))


def _doubt(age: timedelta | None, max_age: timedelta | None, words: str) -> str:
    """Why a document cannot be relied on; empty when it can."""
    if age is None:
        return "" if max_age is None else tr("it does not say when it was made; leave out --max-age")
    if age < -_AHEAD:
        return tr("made {span} in the future; the clocks differ", span=_span(-age))
    if max_age is not None and age > max_age:
        return tr("made {span} ago, which is too old ({words})", span=_span(age), words=words)
    return ""


def check_text(checked: Sequence[Checked]) -> tuple[str, State]:
    """The whole answer with its state: the worst one's, whose words come first."""
    ordered = sorted(checked, key=lambda each: _WORST.index(each.state))
    state = ordered[0].state
    numbered = len(checked) > 1  # labels are unique in one answer
    data = [f"'{f'{place}_' if numbered else ''}{d}" for place, c in enumerate(checked, 1) for d in c.perfdata]
    first = f"{state.name}: {'; '.join(_harmless(each.text) for each in ordered)}"
    details = [_harmless(line) for each in ordered for line in each.details]
    more = [tr("and {number} more", number=len(details) - _DETAILS)] if len(details) > _DETAILS else []
    head = f"{first} | {' '.join(data)}" if data else first
    return "\n".join([head, *details[:_DETAILS], *more]) + "\n", state


def _harmless(text: str) -> str:
    """One line without the sign that perfdata begins with."""
    return clip(visible(text).replace("|", "/"), 500)


def _in_words(document: Document, status: Status) -> str:
    words = tr(_WORDS[status]) if status in _WORDS else tr("exit status {status}", status=int(status))
    if isinstance(document, RunDocument) and document.error is not None:
        return f"{words}: {document.error.message}"
    if not isinstance(document, PlanDocument):
        return result_word("done") if status is Status.DONE else words
    if document.purpose == "drift":
        words = {Status.DONE: tr("no drift"), Status.PENDING: tr("drift")}.get(status, words)
    lines, removals = len(document.transitions), document.counts.removals
    changes = tr_number("{number} change", "{number} changes", lines)
    of = tr_number(" ({number} removal)", " ({number} removals)", removals) if removals else ""
    return f"{words}, {changes}{of}" if lines else words


def _details(document: Document) -> Iterator[str]:
    """What went wrong, what waits, then what would change; who gets forwarded mail is nobody's to see here."""
    said = remarks((document,))
    for severities in (ERRORS, WARNINGS):
        yield from (remark.text for remark in said if remark.severity in severities)
    if isinstance(document, PlanDocument):
        yield from (f"{transition.action} {transition.scope} {transition.title}" for transition in document.transitions)


def _perfdata(document: Document, age: timedelta | None, max_age: timedelta | None) -> Iterator[str]:
    """`label'=value[unit];warn;crit;min`, the label's first quote is still to be set."""
    for name, number in numbers(document).items():
        yield f"{name}'={number};;;0"
    if age is not None:
        limit = int(max_age.total_seconds()) if max_age is not None else ""
        yield f"age'={max(int(age.total_seconds()), 0)}s;{limit};;0"


def _span(span: timedelta) -> str:
    """`26 h`, `3 d`."""
    hours = int(span.total_seconds()) // 3600
    return f"{hours // 24} d" if hours >= 72 else f"{hours} h" if hours else f"{int(span.total_seconds()) // 60} min"
