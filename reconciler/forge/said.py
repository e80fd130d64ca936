"""Which documents have something to say in a merge request, and about which site. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from reconciler.forge.marker import Marker
from reconciler.forge.plan_marker import plan_marker, run_marker
from reconciler.report.json_models import FindingsDocument, RunDocument
from reconciler.report.json_part import FindingPart
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document

Purpose = Literal["plan", "drift", "run"]
_STOPS = ("error", "refusal", "wait")
_UNSETTLED = ("failed", "not_tried", "uncertain", "refused", "waiting", "differing", "left")


class Subject(NamedTuple):
    """What one comment is about. `site` is empty for findings alone: they name none."""

    site: str
    purpose: Purpose
    documents: tuple[Document, ...]

    def says_something(self) -> bool:
        """Whether somebody must know: something changes, is refused or could not be read."""
        return any(map(_speaks, self.documents))

    def settles(self, earlier: Marker) -> bool:
        """Whether it has something to say where that was said before. A plan without changes has: that there are none.
        A run that carried out nothing has only where an earlier one left something over, or did nothing either."""
        unsettled = any(earlier.counts.get(name, 0) for name in _UNSETTLED) or not earlier.counts.get("done", 0)
        return self.purpose != "run" or unsettled or self.says_something()

    def marker(self, *, now: datetime, commit: str, link: str, cut: bool) -> Marker:
        """Of its first plan or run; of findings alone, one that approves nothing."""
        for document in self.documents:
            if isinstance(document, PlanDocument):
                return plan_marker(document, job=link, cut=cut, masked=document.masked)
            if isinstance(document, RunDocument):
                return run_marker(document, job=link, cut=cut, masked=document.masked)
        return Marker(site="", purpose="plan", made=now, commit=commit, job=link, cut=cut)


def subjects(documents: Sequence[Document]) -> list[Subject]:
    """One for each site and purpose. Findings name no site: they go with the first plan, and alone where there is
    none."""
    keys: dict[tuple[str, Purpose], list[Document]] = {}
    findings = [document for document in documents if isinstance(document, FindingsDocument)]
    for document in documents:
        if isinstance(document, PlanDocument):
            keys.setdefault((document.site, document.purpose), []).append(document)
        elif isinstance(document, RunDocument):
            keys.setdefault((document.site, "run"), []).append(document)
    if findings:
        keys.setdefault(next((key for key in keys if key[1] == "plan"), ("", "plan")), []).extend(findings)
    return [Subject(site, purpose, tuple(found)) for (site, purpose), found in keys.items()]


def _speaks(document: Document) -> bool:
    match document:
        case PlanDocument():
            # what is declared for a later day is approved by a comment, too
            base = document.base
            moved = base is not None and (bool(base.site_changes) or base.yaml_changed)
            changes = document.transitions or document.taken_back or document.healed
            # 4 is also a date that was missed, 9 a system that could not be read
            return bool(changes) or moved or document.status != 0 or _stops(document.findings)
        case RunDocument():
            return bool(document.transitions) or document.status != 0 or _stops(document.findings)
        case FindingsDocument():
            return _stops(document.findings)


def _stops(findings: Iterable[FindingPart]) -> bool:
    """Refusals and the like, and what the merge request itself brings to attention."""
    return any(f.severity in _STOPS or (f.severity == "warning" and f.cause == "merge request") for f in findings)
