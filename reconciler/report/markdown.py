"""Markdown of a plan, a run or findings at hand: `--format markdown`. It is written from their documents."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.planning.finding import Finding
from reconciler.planning.plan import Plan
from reconciler.planning.run_outcome import Run
from reconciler.report.documents.markdown import bounded_markdown
from reconciler.report.json import findings_document, plan_document, run_document


def plan_markdown(plan: Plan, title: str = "mail plan") -> str:
    """A plan for a merge request."""
    return bounded_markdown([plan_document(plan)], title=title).text


def run_markdown(run: Run, title: str = "mail apply") -> str:
    """What is true after a run."""
    return bounded_markdown([run_document(run)], title=title).text


def findings_markdown(findings: Iterable[Finding]) -> str:
    """Findings by file, line and column."""
    return bounded_markdown([findings_document(findings)]).text
