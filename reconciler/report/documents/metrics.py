"""Metrics for Prometheus' textfile collector (facts/forges.md 5): gauges without timestamps, each series with `site`
and `command`, so that files of several jobs do not say the same thing twice. No label has an address.

The time of the last success is what to alert on. A command that fails does not know it: it is kept from the file that
is replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from reconciler import __version__
from reconciler.planning.command_status import Status
from reconciler.report.documents.about import about
from reconciler.report.json_models import FindingsDocument, RunDocument
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document

SUCCESSES = (Status.DONE, Status.PENDING)
"""Statuses of a command that could do its work. That there is something to apply is no failure of `plan` or `drift`."""

_LAST_SUCCESS = "reconciler_last_success_timestamp_seconds"
_HELP: Mapping[str, str] = {
    "reconciler_build_info": "The version that wrote these metrics; always 1.",
    "reconciler_last_run_timestamp_seconds": "When the command last ran to its end, in seconds since 1970.",
    _LAST_SUCCESS: "When the command last ended with exit status 0 or 4, in seconds since 1970.",
    "reconciler_last_exit_status": "The exit status of the last run (docs/exit-statuses.md).",
    "reconciler_run_duration_seconds": "How long the last run took.",
    "reconciler_read_failed": "Whether a live system could not be read (1) or could (0).",
    "reconciler_changes": "What apply would do, or what has drifted, by what is done.",
    "reconciler_removals": "Accounts and aliases among the changes that go.",
    "reconciler_irreversible_changes": "Changes that nothing brings back.",
    "reconciler_run_changes": "What the last run carried out, by how it ended.",
    "reconciler_unmanaged_objects": "Live objects that git does not declare, by kind.",
    "reconciler_findings": "Remarks by severity; a refusal and an error stop something.",
}
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Sample(NamedTuple):
    """One number under its name; labels in their order."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


def metrics(documents: Sequence[Document], before: str = "") -> str:
    """The file for these documents; `before` is the content of the file that it replaces. Of several documents of one
    command on one site, the newest counts."""
    newest = {_job(document, documents): document for document in sorted(documents, key=_time)}
    found = [sample for job, document in newest.items() for sample in _samples(job, document)]
    known = {sample[:2] for sample in found}
    found += [kept for kept in _successes(before) if kept[:2] not in known]
    text = ""
    for name, said in _HELP.items():
        samples = sorted(sample for sample in found if sample.name == name)
        lines = "".join(f"{name}{{{_labels(s.labels)}}} {_number(s.value)}\n" for s in samples)
        text += f"# HELP {name} {said}\n# TYPE {name} gauge\n{lines}" if lines else ""
    return text


Job = tuple[tuple[str, str], ...]


def _job(document: Document, documents: Sequence[Document]) -> Job:
    """Which command, on which site; findings do not say that, and have the one site of the others, if it is one."""
    sites = {site for other in documents if (site := about(other).site)}
    command, site, _, _ = about(document)
    return (("site", site or (sites.pop() if len(sites) == 1 else "")), ("command", command))


def _time(document: Document) -> float:
    """Seconds since 1970; 0 for findings, which do not say it."""
    when = about(document).when
    return when.timestamp() if when else 0


def _samples(job: Job, document: Document) -> Iterator[Sample]:
    yield Sample("reconciler_build_info", (*job, ("version", __version__)), 1)
    status = about(document).status
    yield Sample("reconciler_last_exit_status", job, status)
    if when := _time(document):
        yield Sample("reconciler_last_run_timestamp_seconds", job, when)
        if status in SUCCESSES:
            yield Sample(_LAST_SUCCESS, job, when)
    severities = ("error", "refusal", "wait", "later", "warning", "note")
    for severity in severities:
        number = sum(finding.severity == severity for finding in document.findings)
        yield Sample("reconciler_findings", (*job, ("severity", severity)), number)
    if not isinstance(document, FindingsDocument):
        for read in document.reads:
            yield Sample("reconciler_read_failed", (*job, ("system", read.system)), bool(read.unknown))
    match document:
        case PlanDocument():
            yield from _planned(job, document)
        case RunDocument():
            yield Sample("reconciler_run_duration_seconds", job, document.seconds)
            for result, number in document.counts.model_dump().items():
                yield Sample("reconciler_run_changes", (*job, ("result", result)), number)
        case FindingsDocument():
            pass


def _planned(job: Job, document: PlanDocument) -> Iterator[Sample]:
    counts = document.counts
    actions = {"create": counts.create, "update": counts.update, "rename": counts.rename, "delete": counts.delete}
    for action, number in actions.items():
        yield Sample("reconciler_changes", (*job, ("action", action)), number)
    yield Sample("reconciler_removals", job, counts.removals)
    yield Sample("reconciler_irreversible_changes", job, counts.irreversible)
    for kind, number in counts.unmanaged.items():
        yield Sample("reconciler_unmanaged_objects", (*job, ("kind", kind)), number)


def _successes(before: str) -> Iterator[Sample]:
    """Those that the file has that is replaced; a line that is none of ours is left."""
    for line in before.splitlines():
        name, brace, rest = line.partition("{")
        labels, _, number = rest.rpartition("} ")
        found = tuple((name, _unescaped(value)) for name, value in _LABEL.findall(labels))
        ours = name == _LAST_SUCCESS and brace and [label for label, _ in found] == ["site", "command"]
        if ours and re.fullmatch(r"\d+(?:\.\d+)?", number):
            yield Sample(name, found, float(number))


def _labels(labels: Job) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], value)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3f}"
