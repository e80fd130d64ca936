"""Golden reports: what people and programs see, byte for byte.

After a wanted change of a report run `UPDATE_GOLDEN=1 pytest tests/report/test_golden.py` and review the difference
in git; a run that writes golden files fails, so that it is never taken for a passed one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.report.address_facts import address_facts_markdown, address_facts_text
from reconciler.report.documents.html import html_report
from reconciler.report.history_check_text import history_check_markdown, history_check_text
from reconciler.report.history_text import history_markdown, history_text, run_history_markdown, run_history_text
from reconciler.report.json import (
    address_facts_json,
    findings_json,
    history_json,
    plan_document,
    plan_json,
    run_json,
)
from reconciler.report.json_history_check import history_check_json
from reconciler.report.json_queue import queue_json, queue_run_json
from reconciler.report.markdown import findings_markdown, plan_markdown, run_markdown
from reconciler.report.queue_markdown import queue_markdown, queue_run_markdown
from reconciler.report.queue_text import queue_run_text, queue_text
from reconciler.report.text import findings_text, plan_text, run_text
from tests.report import history_check_samples as checks
from tests.report import queue_samples, samples
from tests.report.languages import in_german

GOLDEN = Path(__file__).parent / "golden"
EMPTY, BUSY, WAITING, STOPPED = samples.plan(), samples.busy(), samples.waiting(), samples.stopped()
DANGEROUS, LATER = samples.dangerous(), samples.plan(findings=[samples.LATER], counts=samples.ADOPTING)
MOVED = samples.plan([samples.moved(), samples.switched_off()], gates=samples.GATES)
CRASHED = samples.crashed_rename()
HALF, WHOLE = samples.half_run(), samples.ended(samples.plan([samples.new_account(), samples.block()]))


def without_style(page: str) -> str:
    """A page without its style sheet and the hash of it."""
    return re.sub(r"<style>.*?</style>|'sha256-[^']*'", "", page, flags=re.DOTALL)


REPORTS: dict[str, Callable[[], str]] = {
    "plan_empty.txt": lambda: plan_text(EMPTY, width=100, color=False),
    "plan_empty.md": lambda: plan_markdown(EMPTY),
    "plan_busy.txt": lambda: plan_text(BUSY, width=100, color=False),
    "plan_busy_verbose.txt": lambda: plan_text(BUSY, width=100, color=False, verbose=True),
    "plan_busy_narrow.txt": lambda: plan_text(BUSY, width=60, color=False),
    "plan_busy_color.ansi": lambda: plan_text(BUSY, width=100, color=True),
    "plan_busy.md": lambda: plan_markdown(BUSY),
    "plan_busy.json": lambda: plan_json(BUSY),
    "plan_waiting.txt": lambda: plan_text(WAITING, width=100, color=False),
    "plan_waiting.md": lambda: plan_markdown(WAITING),
    "plan_stopped.txt": lambda: plan_text(STOPPED, width=100, color=False),
    "plan_stopped.md": lambda: plan_markdown(STOPPED),
    "run_half.txt": lambda: run_text(HALF, width=100, color=False),
    "run_half.md": lambda: run_markdown(HALF),
    "run_half.json": lambda: run_json(HALF),
    "run_whole.txt": lambda: run_text(WHOLE, width=100, color=False),
    "run_whole.md": lambda: run_markdown(WHOLE),
    "run_bound.md": lambda: run_markdown(samples.bound_run(WHOLE)),
    "plan_dangerous.txt": lambda: plan_text(DANGEROUS, width=100, color=False),
    "plan_dangerous_verbose.txt": lambda: plan_text(DANGEROUS, width=100, color=False, verbose=True),
    "plan_dangerous.md": lambda: plan_markdown(DANGEROUS),
    "plan_dangerous.json": lambda: plan_json(DANGEROUS),
    "plan_later.txt": lambda: plan_text(LATER, width=100, color=False),
    "plan_later.md": lambda: plan_markdown(LATER),
    "plan_merging.md": lambda: plan_markdown(samples.merging()),
    "plan_merging.json": lambda: plan_json(samples.merging()),
    "queue.txt": lambda: queue_text(queue_samples.LISTING, width=100, color=False),
    "queue_narrow.txt": lambda: queue_text(queue_samples.LISTING, width=50, color=False),
    "queue_color.ansi": lambda: queue_text(queue_samples.LISTING, width=100, color=True),
    "queue.md": lambda: queue_markdown(queue_samples.LISTING),
    "queue.json": lambda: queue_json(queue_samples.LISTING),
    "queue_one.txt": lambda: queue_text(queue_samples.ONE, width=100, color=False, verbose=True),
    "queue_one.md": lambda: queue_markdown(queue_samples.ONE, verbose=True),
    "queue_empty.txt": lambda: queue_text(queue_samples.EMPTY, width=100, color=False),
    "queue_run.txt": lambda: queue_run_text(queue_samples.QUEUE_RUN, width=100, color=False),
    "queue_run.md": lambda: queue_run_markdown(queue_samples.QUEUE_RUN),
    "queue_run.json": lambda: queue_run_json(queue_samples.QUEUE_RUN),
    "plan_moved.txt": lambda: plan_text(MOVED, width=100, color=False),
    "run_rename.txt": lambda: run_text(CRASHED, width=100, color=False),
    "run_rename.md": lambda: run_markdown(CRASHED),
    "history.txt": lambda: history_text(samples.PAST_RUNS, width=100, color=False),
    "history.md": lambda: history_markdown(samples.PAST_RUNS),
    "history.json": lambda: history_json(samples.PAST_RUNS),
    "history_run.txt": lambda: run_history_text(samples.past_run(), left=True, width=100, color=False),
    "history_run.md": lambda: run_history_markdown(samples.past_run(), left=True),
    "history_run.json": lambda: history_json((samples.past_run(),)),
    "history_check.txt": lambda: history_check_text(checks.SOUND, checks.ZONE, width=100, color=False),
    "history_check_faults.txt": lambda: history_check_text(checks.FORGED, checks.ZONE, width=100, color=False),
    "history_check_faults.md": lambda: history_check_markdown(checks.FORGED, checks.ZONE),
    "history_check_faults.json": lambda: history_check_json(checks.FORGED),
    "findings.txt": lambda: findings_text(samples.FINDINGS, width=80, color=False),
    "findings.md": lambda: findings_markdown(samples.FINDINGS),
    "findings.json": lambda: findings_json(samples.FINDINGS),
    "show.txt": lambda: address_facts_text(samples.ADDRESS_FACTS, width=100, color=False),
    "show.md": lambda: address_facts_markdown(samples.ADDRESS_FACTS),
    "plan_busy.de.txt": in_german(lambda: plan_text(BUSY, width=80, color=False)),
    "plan_merging.de.md": in_german(lambda: plan_markdown(samples.merging())),
    "plan_moved.de.html": in_german(lambda: without_style(html_report([plan_document(MOVED)]))),
    "run_half.de.txt": in_german(lambda: run_text(HALF, width=80, color=False)),
    "run_bound.de.md": in_german(lambda: run_markdown(samples.bound_run(WHOLE))),
    "show.json": lambda: address_facts_json(samples.ADDRESS_FACTS),
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_what_its_golden_file_says(name: str) -> None:
    path, text = GOLDEN / name, REPORTS[name]()
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(text.encode("utf-8"))
        pytest.fail(f"wrote {path.name}; review it, then run again without UPDATE_GOLDEN")
    assert text == path.read_bytes().decode("utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(REPORTS)
