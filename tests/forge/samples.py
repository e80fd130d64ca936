"""Documents for comments and issues, and a writer of a few words for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.report.json import plan_document, run_json
from reconciler.report.json_models import FindingsDocument, RunCountsPart, RunDocument
from reconciler.report.json_part import FindingPart
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document
from tests.report import samples

MADE = datetime(2026, 11, 22, 10, 58, tzinfo=UTC)
ERROR = FindingPart(
    severity="error", rule="quota", subject="anna", message="expected a number", hint="", place=None, owner=None
)


def plan(minutes: int = 0, **changes: Any) -> PlanDocument:
    """A plan with some lines, made so many minutes later."""
    return _made(samples.busy(), minutes, changes)


def empty(minutes: int = 0, **changes: Any) -> PlanDocument:
    """A plan that changes nothing."""
    return _made(samples.plan(()), minutes, {"findings": (), **changes})


def _made(found: Any, minutes: int, changes: dict[str, Any]) -> PlanDocument:
    made = MADE + timedelta(minutes=minutes)
    return plan_document(found).model_copy(update={"made": made, **changes}).with_checksum()


def run(minutes: int = 0, **changes: Any) -> RunDocument:
    """A run that carried out some of its plan and left something over."""
    finished = MADE + timedelta(minutes=minutes)
    document = RunDocument.model_validate_json(run_json(samples.half_run()))
    return document.model_copy(update={"finished": finished, **changes})


def run_of_nothing(minutes: int = 0, status: int = 0) -> RunDocument:
    """One that found nothing to do, or, with a status, died before it did anything."""
    none = dict.fromkeys(RunCountsPart.model_fields, 0)
    counts = RunCountsPart.model_validate(none)
    return run(minutes, transitions=(), findings=(), counts=counts, complete=status == 0, status=status)


def findings(*listed: FindingPart) -> FindingsDocument:
    return FindingsDocument(findings=listed, counts={"error": len(listed)})


def write(documents: Sequence[Document], limit: int) -> tuple[str, bool]:
    """One line a document, and its lines."""
    lines = []
    for document in documents:
        if isinstance(document, PlanDocument):
            lines += [f"**plan of {document.site}**", *(f"- {line.title}" for line in document.transitions)]
        else:
            lines.append(f"**{type(document).__name__}**")
    return "\n".join(lines) + "\n", False
