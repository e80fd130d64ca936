"""Markdown for merge requests, issues and job summaries, from documents.

Foreign text is escaped (`sanitize.markdown`), and no line starts with what a forge or a runner would obey
(facts/forges.md, rule 9). No report is longer than its limit in bytes: the harmless rows go first, and are counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.report import header_footer
from reconciler.report.documents.budget import SMALLEST, Block, Fitted, Weight, fit
from reconciler.report.documents.markdown_parts import all_by, more, remark
from reconciler.report.documents.plan_markdown import plan_markdown
from reconciler.report.documents.plan_review import place_text, plan_review
from reconciler.report.documents.run_markdown import run_markdown
from reconciler.report.json_models import FindingsDocument, RunDocument
from reconciler.report.json_part import FindingPart
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document
from reconciler.report.sanitize import markdown
from reconciler.translation import tr

LIMIT = 60_000
"""Bytes. GitHub and Forgejo take 65,536 characters in a comment; GitLab takes more."""

RULE = 8
"""Bytes between two documents."""


def markdown_report(documents: Sequence[Document]) -> str:
    """What `--markdown` writes."""
    return bounded_markdown(documents, limit=max(LIMIT, len(documents) * (SMALLEST + RULE))).text


def bounded_markdown(documents: Sequence[Document], *, limit: int = LIMIT, title: str = "") -> Fitted:
    """All documents, one below the other, in at most `limit` bytes; says whether anything was left out. Raises
    ValueError where that is less than SMALLEST for each."""
    each = limit // max(len(documents), 1) - RULE
    parts = [_document(document, each, title) for document in documents]
    return Fitted("\n---\n\n".join(part.text for part in parts), any(part.cut for part in parts))


def _document(document: Document, limit: int, title: str) -> Fitted:
    match document:
        case PlanDocument():
            return plan_markdown(plan_review(document, title), limit)
        case RunDocument():
            return run_markdown(document, limit, title or header_footer.APPLIED)
        case FindingsDocument():
            return findings_markdown(document, limit)


def findings_markdown(document: FindingsDocument, limit: int) -> Fitted:
    """Findings by file, line and column."""
    listed = sorted(document.findings, key=header_footer.by_place)
    block = Block((), listed, _with_column, cut=more("remark", all_by("reconciler validate")), weigh=_weight)
    head = [f"**{tr('Declared state')}: {header_footer.tally(listed)}**"]
    if any(finding.severity == "error" for finding in listed):
        step = tr("next: correct these lines; {command} checks them", command="reconciler validate")
        head += ["", f"**{markdown(step)}**"]
    return fit(head, [block], [], limit)


def _weight(finding: FindingPart) -> Weight:
    return Weight.DANGER if finding.severity in ("error", "refusal") else Weight.REMARK


def _with_column(finding: FindingPart) -> str:
    return remark(finding, f"{place_text(finding.place)}:{finding.place.column}" if finding.place else "")
