"""The formats of a report, and what writes each kind of report in each of them: `--format`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:  # only the chosen format's writers are imported
    from reconciler.planning.finding import Finding
    from reconciler.planning.ledger_state import PastRun
    from reconciler.planning.plan import Plan
    from reconciler.planning.run_outcome import Run
    from reconciler.report.address_facts import AddressFacts
    from reconciler.report.address_history_text import PastChange

    class PlanWriter(Protocol):
        """Writes a plan; `verbose` shows every field that changes."""

        def __call__(self, plan: Plan, /, *, title: str, verbose: bool = False) -> str: ...

    class RunHistoryWriter(Protocol):
        """Writes one earlier run with its steps; `left` says whether the ledger has anything open."""

        def __call__(self, run: PastRun, /, *, left: bool) -> str: ...


class Format(StrEnum):
    """How a report is written to standard output."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class Writers(NamedTuple):
    """What one format writes each kind of report with. A format without one of them is a type error."""

    findings: Callable[[Sequence[Finding]], str]
    plan: PlanWriter
    run: Callable[[Run], str]
    show: Callable[[AddressFacts], str]
    history: Callable[[Sequence[PastRun]], str]
    run_history: RunHistoryWriter
    address_history: Callable[[str, Sequence[PastChange]], str]


def writers(output: Format) -> Writers:
    """The table: what writes reports in this format. A format that is forgotten here is a type error."""
    match output:
        case Format.TEXT:
            return _text()
        case Format.JSON:
            return _json()
        case Format.MARKDOWN:
            return _markdown()


def _text() -> Writers:
    from reconciler.cli.terminal import colored, console
    from reconciler.report import address_facts, address_history_text, history_text, text

    width, color = console.width, colored()
    return Writers(
        findings=partial(text.findings_text, width=width, color=color),
        plan=partial(text.plan_text, width=width, color=color),
        run=partial(text.run_text, width=width, color=color),
        show=partial(address_facts.address_facts_text, width=width, color=color),
        history=partial(history_text.history_text, width=width, color=color),
        run_history=partial(history_text.run_history_text, width=width, color=color),
        address_history=partial(address_history_text.address_history_text, width=width, color=color),
    )


def _json() -> Writers:
    from reconciler.report import json

    return Writers(
        findings=json.findings_json,
        plan=lambda plan, /, *, title, verbose=False: json.plan_json(plan),  # noqa: ARG005  # it has everything
        run=json.run_json,
        show=json.address_facts_json,
        history=json.history_json,
        run_history=lambda run, /, *, left: json.history_json((run,)),  # noqa: ARG005  # a state of today, not of the run
        address_history=lambda _asked, changes: json.address_history_json(changes),
    )


def _markdown() -> Writers:
    from reconciler.report import address_facts, address_history_text, history_text, markdown

    return Writers(
        findings=markdown.findings_markdown,
        plan=lambda plan, /, *, title, verbose=False: markdown.plan_markdown(plan, title=title),  # noqa: ARG005  # folded
        run=markdown.run_markdown,
        show=address_facts.address_facts_markdown,
        history=history_text.history_markdown,
        run_history=history_text.run_history_markdown,
        address_history=address_history_text.address_history_markdown,
    )
