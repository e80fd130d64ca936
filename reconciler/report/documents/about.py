"""Which command wrote a document, on which site, when, and how it ended: for monitoring and for programs."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from reconciler.planning.command_status import Status
from reconciler.report.documents.remarks import run_severity
from reconciler.report.json_models import FindingsDocument, RunDocument
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document


class About(NamedTuple):
    """`site` is empty and `when` None for findings, which do not say them. `when` is the end of the command."""

    command: str
    site: str
    when: datetime | None
    status: Status


def about(document: Document) -> About:
    """What the head of a report says."""
    match document:
        case PlanDocument():
            return About(document.purpose, document.site, document.made, Status(document.status))
        case RunDocument():
            return About("apply", document.site, document.finished, Status(document.status))
        case FindingsDocument():
            status = Status.INVALID if document.counts.get("error") else Status.DONE
            return About("validate", "", None, status)


def numbers(document: Document) -> dict[str, int]:
    """What is counted of it, under names that programs may depend on."""
    match document:
        case PlanDocument():
            counts = document.counts
            names = ("create", "update", "rename", "delete", "removals", "irreversible", "open")
            found = {name: getattr(counts, name) for name in names}
        case RunDocument():
            found = document.counts.model_dump()
        case FindingsDocument():
            found = {}
    for name, severity in (("errors", "error"), ("refusals", "refusal"), ("warnings", "warning")):
        found[name] = sum(finding.severity == severity for finding in document.findings)
    if isinstance(document, RunDocument) and document.error is not None and run_severity(document) == "error":
        found["errors"] += 1
    return found
