"""JUnit's XML, for the test summaries of GitLab, Jenkins and others: one suite a document, one case each for what is
declared, each system that was read, each change, the run as a whole, and each other finding.

A failure is what a person must see to: a refusal, an error, drift, what a run did not carry out. What waits is skipped.
A change that `plan` shows has passed: it waits for its merge. The format is Jenkins' (junit-10.xsd)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Literal, NamedTuple
from xml.etree import ElementTree

from reconciler.planning.command_status import UNDECLARED
from reconciler.planning.plan import MISSED
from reconciler.report.documents.about import about
from reconciler.report.documents.remarks import DIFFERS, RUN, run_severity
from reconciler.report.json_models import DifferingPart, FindingsDocument, RunDocument, TransitionRunPart
from reconciler.report.json_part import FindingPart, PlacePart
from reconciler.report.json_plan_models import PlanDocument, ReadPart, TransitionPart
from reconciler.report.read_document import Document
from reconciler.report.vocabulary import result_word, severity_word
from reconciler.translation import tr

Outcome = Literal["failure", "error", "skipped", ""]

_FINDINGS: Mapping[str, Outcome] = {"error": "failure", "refusal": "failure", "wait": "skipped", "later": "skipped"}
_RUN: Mapping[str, Outcome] = {"failed": "failure", "uncertain": "failure", "not tried": "skipped", "done": ""}
_WHOLE: Mapping[str, Outcome] = {"note": "skipped", "warning": "failure", "error": "failure"}
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even as an entity (2.2)."""


class Case(NamedTuple):
    """`group` and `name` stay the same when lines move: forges compare them with those of the target branch."""

    group: str
    name: str
    outcome: Outcome
    kind: str = ""
    text: str = ""
    place: PlacePart | None = None


def junit(documents: Sequence[Document]) -> str:
    """All suites in one file."""
    root = ElementTree.Element("testsuites", name="reconciler")
    everything = Counter[str]()
    for document in documents:
        cases = list(_cases(document))
        number = Counter[str](case.outcome for case in cases)
        suite = ElementTree.SubElement(root, "testsuite", _head(document) | _numbers(number))
        seen = Counter[tuple[str, str]]()
        for case in cases:
            seen[case[:2]] += 1
            suite.append(_element(case, seen[case[:2]]))
        everything += number
    root.attrib |= _numbers(everything)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _numbers(number: Counter[str]) -> dict[str, str]:
    names = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {"tests": str(number.total())} | {name: str(number[outcome]) for name, outcome in names.items()}


def _head(document: Document) -> dict[str, str]:
    """Its name; its time is xs:dateTime without a zone, as the format has it: in UTC."""
    command, site, when, _ = about(document)
    head = {"name": _xml(f"{command} {site}".strip())}
    if when is not None:
        head["timestamp"] = f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
    return head | {"time": f"{document.seconds:.3f}" if isinstance(document, RunDocument) else "0"}


def _element(case: Case, occurrence: int) -> ElementTree.Element:
    name = case.name if occurrence == 1 else f"{case.name} ({occurrence})"
    element = ElementTree.Element("testcase", classname=_xml(case.group), name=_xml(name), time="0")
    if case.place is not None:
        element.set("file", _xml(case.place.path or case.place.file))
    text = f"{case.place.path or case.place.file}:{case.place.line}: {case.text}" if case.place else case.text
    if case.outcome:
        first, _, _ = case.text.partition("\n")
        ElementTree.SubElement(element, case.outcome, message=_xml(first), type=_xml(case.kind)).text = _xml(text)
    elif case.text:
        ElementTree.SubElement(element, "system-out").text = _xml(text)
    return element


def _xml(text: str) -> str:
    return _ILLEGAL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def _cases(document: Document) -> Iterator[Case]:
    match document:
        case FindingsDocument():
            errors = document.counts.get("error", 0)
            yield Case(
                "state",
                tr("the declared state is valid"),
                "failure" if errors else "",
                "error",
                tr("errors: {number}", number=errors) if errors else "",
            )
            rest: Sequence[FindingPart] = document.findings
        case PlanDocument():
            by_owner = _by_owner(document.findings)
            yield from map(_read, document.reads)
            for transition in document.transitions:
                yield _planned(transition, by_owner.get(transition.id, []), drift=document.purpose == "drift")
            shown = {transition.id for transition in document.transitions}
            rest = [f for f in document.findings if f.owner not in shown or f.severity not in ("refusal", "wait")]
        case RunDocument():
            yield _whole(document)
            yield from map(_read, document.reads)
            yield from map(_ended, document.transitions)
            yield from map(_differing, document.binding.differing if document.binding is not None else ())
            rest = document.findings
    drift = isinstance(document, PlanDocument) and document.purpose == "drift"
    yield from (_finding(finding, drift=drift) for finding in rest)


def _by_owner(findings: Sequence[FindingPart]) -> Mapping[str, list[FindingPart]]:
    """Refusals and waits by the transition that they stop: they are its outcome, and no cases of their own."""
    found = defaultdict[str, list[FindingPart]](list)
    for finding in findings:
        if finding.owner is not None and finding.severity in ("refusal", "wait"):
            found[finding.owner].append(finding)
    return found


def _read(read: ReadPart) -> Case:
    text = "\n".join(filter(None, (read.unknown, read.hint)))
    return Case(
        "systems", tr("{system} can be read", system=read.system), "error" if read.unknown else "", "unread", text
    )


def _planned(transition: TransitionPart, stops: Sequence[FindingPart], *, drift: bool) -> Case:
    name = f"{transition.action} {transition.subject}"
    stop = next((f for f in stops if f.severity == "refusal"), stops[0] if stops else None)
    text = "\n".join([*map(_said, stops), transition.summary])
    outcome, kind = (_FINDINGS[stop.severity], stop.rule) if stop else ("failure" if drift else "", "drift")
    return Case(transition.scope, name, outcome, kind, text, transition.place)


def _whole(run: RunDocument) -> Case:
    """Whether the run came to its end, whatever it carried out."""
    outcome: Outcome = "" if run.error is None else _WHOLE[run_severity(run)]
    text = "\n".join(filter(None, (run.error.message, run.error.hint))) if run.error else ""
    return Case(RUN, tr("the run came to its end"), outcome, RUN, text)


def _ended(ended: TransitionRunPart) -> Case:
    said = [
        f"{result_word(s.result)}: {s.text}: {s.message}" for s in ended.steps if s.result not in ("done", "skipped")
    ]
    text = "\n".join([ended.summary, *said])
    name = f"{ended.action} {ended.subject}"
    return Case(ended.scope, name, _RUN[ended.result], ended.result, text, ended.place)


def _differing(line: DifferingPart) -> Case:
    return Case(RUN, line.title, "failure", DIFFERS, "\n".join((line.summary, *line.why)))


def _finding(finding: FindingPart, *, drift: bool) -> Case:
    """For `drift`, what nobody declares and dates that were missed are drift, as its exit status says."""
    name = f"{finding.rule} {finding.subject}".strip()
    drifted = drift and finding.rule in (UNDECLARED, MISSED) and finding.severity == "warning"
    outcome: Outcome = "failure" if drifted else _FINDINGS.get(finding.severity, "")
    return Case("findings", name, outcome, finding.rule, _said(finding), finding.place)


def _said(finding: FindingPart) -> str:
    return "\n".join(
        (f"{severity_word(finding.severity)}: {finding.message}", *filter(None, (finding.hint, *finding.entries)))
    )
