"""The page of what `validate` found."""

from __future__ import annotations

from reconciler import __version__
from reconciler.report import header_footer
from reconciler.report.documents.html_page import Fact, Page
from reconciler.report.json_models import FindingsDocument
from reconciler.translation import tr


def findings_page(document: FindingsDocument, job: str) -> Page:
    """By file and line."""
    listed = sorted(document.findings, key=header_footer.by_place)
    wrong = any(finding.severity == "error" for finding in listed)
    facts: list[Fact] = [(tr("tool"), f"reconciler {__version__}")]
    facts += [(tr("job"), job)] if job else []
    level = "danger" if wrong else "warn" if listed else "good"
    sign = "✗" if wrong else "!" if listed else "✓"
    return Page(tr("Declared state"), level, f"{sign} {header_footer.tally(listed)}", stops=listed, facts=facts)
