"""Earlier runs: every step with its time, values and origin; nothing private, nothing that a terminal obeys."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace

import pytest

from reconciler.planning.ledger_state import PastRun, RunState, StepState
from reconciler.report.history_text import history_markdown, history_text, run_history_markdown, run_history_text
from reconciler.report.json import history_json
from reconciler.report.truncation import LIMIT
from tests.report import samples
from tests.report.hostile import NAMES

RUN = samples.past_run()


def _text(run: PastRun) -> str:
    return run_history_text(run, left=True, width=400, color=False)


def test_a_step_has_its_time_its_values_and_its_origin() -> None:
    """issue 3, part 1: "each step with times, old and new values and origin"."""
    text = _text(RUN)
    assert (
        'postfixadmin: update mailbox anna.muster@pirat.alt (name "Anna Muster" → "Anna Beispiel ehem. Muster")' in text
    )
    assert "✓ 09:58:04 postfixadmin: update mailbox" in text
    assert "openxchange: rename ox_user anna.muster@pirat.alt → anna.beispiel@pirat.alt" in text
    assert "anna.beispiel@pirat.alt  state/mailboxes.yaml:14 (9f3c21a, Klaus Beispiel)" in text


def test_what_nobody_knows_is_not_called_done() -> None:
    """A crash fell before or after the effect; the ledger alone cannot tell."""
    lines = [line for line in _text(RUN).splitlines() if "attachment" in line]
    said = 'openxchange: create attachment anna.muster@pirat.alt (name "Anna Muster")'
    assert lines == [f" ? 09:58:11 {said}  begun, and not known whether it happened"]


@pytest.mark.parametrize("state", StepState)
def test_every_state_of_a_step_can_be_shown(state: StepState) -> None:
    run = replace(RUN, steps=(RUN.steps[0]._replace(state=state, message="said"),))
    for text in (_text(run), run_history_markdown(run, left=True), history_json((run,))):
        assert "said" in text
    assert run_history_text(run, left=True, width=80, color=True)


@pytest.mark.parametrize(
    ("state", "last"),
    [
        (RunState.RUNNING, "it is under way, or its process died: reconciler unlock shows who holds the lock"),
        (RunState.PARTLY, "next: reconciler resume (finishes what no later run has done)"),
        (RunState.INTERRUPTED, "next: reconciler resume (finishes what no later run has done)"),
    ],
)
def test_a_run_that_did_not_end_well_says_what_to_do(state: RunState, last: str) -> None:
    run = samples.past_run(state=state)
    assert _text(run).splitlines()[-1] == last
    assert run_history_markdown(run, left=True).splitlines()[-1] == last


@pytest.mark.parametrize("state", [RunState.PARTLY, RunState.INTERRUPTED])
def test_a_run_that_a_later_one_finished_needs_nothing(state: RunState) -> None:
    run = samples.past_run(state=state)
    for text in (run_history_text(run, left=False, width=400, color=False), run_history_markdown(run, left=False)):
        assert text.splitlines()[-1] == "nothing is left open: a later run ended well"


def test_a_run_that_is_done_needs_nothing() -> None:
    done = samples.past_run(state=RunState.DONE)
    assert "next:" not in _text(done) + run_history_markdown(done, left=True)
    assert "2026-11-22 09:58:03 +0000, 6.0 s" in _text(done)


def test_an_empty_ledger_is_a_sentence() -> None:
    assert history_text((), width=80, color=False) == "no run is in the ledger yet\n"
    assert history_markdown(()) == "**no run is in the ledger yet**\n"


def test_a_private_address_that_slipped_into_the_ledger_is_not_shown() -> None:
    letter = next(step for step in RUN.steps if step.kind == "letter")
    leaky = letter._replace(after={**(letter.after or {}), "recipient": samples.PRIVATE})
    run = replace(RUN, steps=(leaky,))
    for text in (_text(run), run_history_markdown(run, left=True), history_json((run,))):
        assert samples.PRIVATE not in text
        assert "recipient" not in text


@pytest.mark.parametrize("name", NAMES)
def test_hostile_values_stay_values(name: str) -> None:
    step = RUN.steps[0]._replace(
        after={"key": name, "name": name, "goto": [name]}, message=name, hint=name, origin=name, key=name
    )
    run = replace(RUN, steps=(step,) * 3, who=name, host=name, commit=name)
    for text in (_text(run), history_text([run], width=80, color=False)):
        assert {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")} <= {"\n"}
    text = run_history_markdown(run, left=True)
    rows = [line for line in text.splitlines() if line.startswith("| ✓")]
    assert len(rows) == 3
    assert all(row.count("|") == 6 for row in rows)
    assert "`" not in text + history_markdown([run])
    assert json.loads(history_json((run,)))["runs"][0]["steps"][0]["change"]["system"] == "postfixadmin"


def test_long_histories_fit_into_a_comment() -> None:
    nasty = "<" * 5000
    step = RUN.steps[0]._replace(message=nasty, hint=nasty, origin=nasty)
    assert len(run_history_markdown(replace(RUN, steps=(step,) * 5000), left=True)) <= LIMIT
    text = history_markdown([replace(RUN, who=nasty)] * 5000)
    assert len(text) <= LIMIT
    assert "older ones" in text
