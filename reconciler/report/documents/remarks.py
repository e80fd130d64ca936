"""What is to be said about places in files, from any document: one list for code quality, SARIF and annotations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from reconciler.planning.command_status import Status
from reconciler.report.json_models import DifferingPart, RunDocument, TransitionRunPart
from reconciler.report.json_part import FindingPart, PlacePart
from reconciler.report.json_plan_models import PlanDocument, ReadPart
from reconciler.report.read_document import Document
from reconciler.report.sanitize import visible
from reconciler.report.vocabulary import result_word
from reconciler.translation import tr

ERRORS, WARNINGS = ("error", "refusal", "unread", "failed", "uncertain"), ("wait", "warning", "not tried")
"""Severities that stop something, and those that somebody should see; all others are notes."""

RUN = "run"
"""The rule of a remark about a whole run."""
DIFFERS = "not-as-reviewed"
"""That of a line that a run left, since it was reviewed as another one."""

_NOWHERE = "reconciler.yaml"
"""Where a remark is shown that has no place, by formats that want one: the name of the site file."""


class Remark(NamedTuple):
    """`path` is relative to the repository where there is one, and empty for what has no place; `line` and `column`
    count from 1. `severity` is a finding's, `unread` of a system, or the result of what a run did not carry out."""

    severity: str
    rule: str
    subject: str
    message: str
    hint: str
    path: str
    line: int
    column: int

    @property
    def text(self) -> str:
        """All of it in one line."""
        return f"{self.message} → {self.hint}" if self.hint else self.message

    @property
    def file(self) -> str:
        """Where a format shows it that wants a file for everything."""
        return self.path or _NOWHERE

    @property
    def apart_from_lines(self) -> str:
        """What it is, wherever it has moved to."""
        return "\0".join((self.rule, self.file, self.subject, self.message))


def remarks(documents: Sequence[Document]) -> list[Remark]:
    """Those of all documents, each once, by place. A transition that is only to be carried out is none."""
    found = dict.fromkeys(chain.from_iterable(map(_of_document, documents)))
    return sorted(found, key=lambda r: (r.path, r.line, r.column, r.rule, r.subject, r.message))


def _of_document(document: Document) -> Iterator[Remark]:
    places = (
        {} if not isinstance(document, PlanDocument | RunDocument) else {t.id: t.place for t in document.transitions}
    )
    for finding in document.findings:
        yield _finding(finding, finding.place or places.get(finding.owner or ""))
    if isinstance(document, PlanDocument | RunDocument):
        yield from (_unread(read) for read in document.reads if read.unknown)
    if isinstance(document, RunDocument):
        yield from (_ended(ended) for ended in document.transitions if ended.result != "done")
        if document.error is not None:
            yield _remark(run_severity(document), RUN, "", document.error.message, document.error.hint, None)
        yield from map(_differing, document.binding.differing if document.binding is not None else ())


def run_severity(document: RunDocument) -> str:
    """Of the error of a run that did not come to its end, or did not begin: nobody agreed, another run is under way, or
    something is wrong."""
    return {Status.PENDING: "note", Status.LOCKED: "warning"}.get(Status(document.status), "error")


def _finding(finding: FindingPart, place: PlacePart | None) -> Remark:
    named = finding.subject and finding.subject not in finding.message
    message = f"{finding.subject}: {finding.message}" if named else finding.message
    return _remark(finding.severity, finding.rule, finding.subject, message, finding.hint, place)


def _unread(read: ReadPart) -> Remark:
    message = tr("{system} could not be read: {reason}", system=read.system, reason=read.unknown)
    return _remark("unread", "unread", read.system, message, read.hint, None)


def _ended(ended: TransitionRunPart) -> Remark:
    step = next((step for step in ended.steps if step.result == ended.result), None)
    why, hint = (step.message, step.hint) if step else ("", "")
    message = f"{result_word(ended.result)}: {ended.summary}" + (f": {why}" if why else "")
    return _remark(ended.result, ended.result.replace(" ", "-"), ended.subject, message, hint, ended.place)


def _differing(line: DifferingPart) -> Remark:
    message = f"{tr('not done')}: {'; '.join((f'{line.title}: {line.summary}', *line.why))}"
    return _remark("failed", DIFFERS, line.title, message, "", None)


def _remark(severity: str, rule: str, subject: str, message: str, hint: str, place: PlacePart | None) -> Remark:
    path, line, column = (place.path or place.file, place.line, place.column) if place else ("", 1, 1)
    return Remark(severity, rule, visible(subject), visible(message), visible(hint), path, line, column)
