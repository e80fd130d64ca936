"""What the terminal report promises beside its golden files: next commands, two lines for nothing, runs that died."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.planning.changes import Outcome, Result
from reconciler.planning.finding import StateEntry
from reconciler.planning.plan import Counts, Plan
from reconciler.planning.run_outcome import Run, TransitionRun
from reconciler.report.address_facts import AddressFacts, address_facts_text
from reconciler.report.json import run_json
from reconciler.report.markdown import plan_markdown, run_markdown
from reconciler.report.text import findings_text, plan_text, run_text
from tests.report import samples

REFUSED = samples.new_account(refused=("register",))
WAITS = samples.new_account(refused=("unknown-system",))
UNKNOWN = (samples.READS[0], samples.OX_UNKNOWN)


def _plan(plan: Plan, title: str = "mail plan") -> list[str]:
    return plan_text(plan, width=120, color=False, title=title).splitlines()


def _run(run: Run) -> list[str]:
    return run_text(run, width=120, color=False).splitlines()


def test_an_empty_plan_is_short_in_both_forms() -> None:
    empty = samples.plan(counts=Counts({"mailbox": 412}, {"mailbox": 0}))
    assert len(_plan(empty)) == 2
    assert len([line for line in plan_markdown(empty).splitlines() if line]) == 3


def test_what_nobody_declares_is_counted_even_when_there_is_nothing_to_do() -> None:
    """`drift --strict` counts it, so it must be seen."""
    for text in (plan_text(samples.plan(), width=100, color=False), plan_markdown(samples.plan())):
        assert "left alone: 5 unmanaged mailboxes, 3 aliases" in text


@pytest.mark.parametrize(
    ("plan", "last"),
    [
        (samples.plan([samples.block()]), "next: reconciler apply"),
        (samples.busy(), "next: reconciler apply (9 of 10, the rest stays as it is)"),
        (samples.stopped(), "next: resolve what refuses the whole plan, then reconciler plan"),
        (
            samples.plan([REFUSED], [samples.refusal(REFUSED.owner)]),
            "next: resolve what is refused, then reconciler plan",
        ),
        (
            samples.plan([WAITS], [samples.wait(WAITS.owner)], UNKNOWN),
            "next: see whether the host is up; then reconciler plan",
        ),
        (samples.plan([], [], UNKNOWN), "next: see whether the host is up; then reconciler plan"),
    ],
)
def test_the_last_line_of_a_plan_names_the_next_command(plan: Plan, last: str) -> None:
    assert _plan(plan)[-1] == last
    assert plan_markdown(plan).splitlines()[2] == f"**{last}**"


def test_drift_says_both_ways_out() -> None:
    said = _plan(samples.plan([samples.changed_alias()]), "mail drift")
    assert said[0].startswith("mail drift for nrw · 1 change")
    assert "reconciler apply puts the declared state back; what should stay" in said[-1]


def test_a_system_that_could_not_be_read_is_never_taken_for_nothing_to_do() -> None:
    for text in (
        plan_text(samples.plan([], [], UNKNOWN), width=120, color=False),
        plan_markdown(samples.plan([], [], UNKNOWN)),
    ):
        assert "everything is as declared" not in text
        assert "openxchange could not be read" in text
        assert "no answer from mail.example within 30 s" in text


def test_what_must_be_known_first_is_red() -> None:
    """Bold red, in an order that no theme of a terminal makes faint."""
    merging = samples.merging(replace(samples.BASE, contained=False))
    deep = samples.merging(replace(samples.BASE, contained=None))
    unread = samples.plan([samples.block()], [], UNKNOWN)
    for plan, words in (
        (merging, "this branch is behind origin/main"),
        (merging, "this merge request changes where reconciler connects"),
        (merging, "reconciler.yaml: postfixadmin.url is another one"),
        (deep, "this branch may be behind origin/main"),
        (unread, "openxchange: no answer"),
    ):
        (line,) = (line for line in plan_text(plan, width=400, color=True).splitlines() if words in line)
        assert line.split(words)[0].rpartition("\x1b")[2] == "[1;31m", line


def test_a_refusal_without_a_transition_is_not_nothing_to_do() -> None:
    said = _plan(samples.plan([], [samples.refusal(samples.account("anna.neu"), "rename")]))
    assert said[0] == "mail plan for nrw: nothing that could be carried out · 1 refused"


def test_the_first_line_of_markdown_tells_routine_from_what_must_be_looked_at() -> None:
    assert plan_markdown(samples.plan([samples.new_alias()])).startswith("**mail plan for nrw: routine** · 1 alias")
    for plan in (samples.busy(), samples.waiting(), samples.stopped(), samples.plan([samples.removed_alias()])):
        assert ": look closer**, " in plan_markdown(plan).splitlines()[0]


def _died_after(steps: int) -> Run:
    """A run of one new account that ended after some steps."""
    new = samples.new_account()
    outcomes = [(s, Outcome(Result.DONE if n < steps else Result.NOT_TRIED)) for n, s in enumerate(new.steps)]
    return Run(
        samples.plan([new]), samples.MADE, samples.MADE, (TransitionRun(new, tuple(outcomes)),), interrupted=True
    )


@pytest.mark.parametrize("steps", range(6))
def test_a_run_that_died_anywhere_is_finished_by_resume(steps: int) -> None:
    """The ledger knows what no system can show (a letter, a password), so `resume` finishes that as well."""
    run = _died_after(steps)
    said = run_text(run, width=400, color=False).splitlines()
    whom = (
        f"; at once, for {samples.new_account().owner.subject}: half-done, so login or mail may not work"
        if steps
        else ""
    )
    assert said[-1] == f"next: reconciler resume (finishes this run; what is in place is skipped){whom}"
    again = ". In a pipeline, run the apply job again: it resumes."
    assert run_markdown(run).splitlines()[2] == f"**{said[-1]}{again}**"
    assert said[-2].startswith(f"interrupted: 0 done · 1 {'half-done' if steps else 'not tried'}")


def test_a_run_that_failed_in_part_is_finished_by_resume_too() -> None:
    plan = samples.plan([samples.block(), samples.new_alias()])
    assert "reconciler resume" in _run(samples.ended(plan, "block", "postmap: fatal"))[-1]


def test_after_a_lost_race_a_person_looks_before_anything_is_finished() -> None:
    """`resume` would plan again, over what somebody did by hand."""
    run = samples.ended(samples.plan([samples.block(), samples.new_alias()]), "block", "quota is 5, expected was 20480")
    (step, outcome), *others = run.transitions[0].outcomes
    raced = replace(run.transitions[0], outcomes=((step, outcome._replace(raced=True)), *others))
    lost = replace(run, transitions=(raced, *run.transitions[1:]))
    last = "next: reconciler plan (somebody changed example.org meanwhile; look first)"
    assert (_run(lost)[-1], run_markdown(lost).splitlines()[2]) == (last, f"**{last}**")
    assert [step["raced"] for t in json.loads(run_json(lost))["transitions"] for step in t["steps"]] == [True, False]
    many = replace(lost, transitions=(raced,) * 5)
    assert "example.org, example.org, example.org and 2 others meanwhile" in _run(many)[-1]


def test_what_waits_for_its_date_is_no_trouble_and_not_nothing() -> None:
    later = samples.plan(findings=[samples.LATER])
    for text in (plan_text(later, width=120, color=False), plan_markdown(later)):
        assert "nothing to do today, 1 waiting for its date" in text
        assert "dora.alt@pirat.alt becomes dora.neu@pirat.alt on 2026-12-01" in text
    assert plan_text(later, width=120, color=True)
    both = samples.plan([samples.new_alias()], [samples.LATER])
    assert plan_markdown(both).startswith("**mail plan for nrw: routine** · 1 alias · 0 removals")


def test_what_becomes_ours_is_counted_even_when_nothing_else_is_to_do() -> None:
    for plan in (samples.plan(counts=samples.ADOPTING), samples.plan([samples.block()], counts=samples.ADOPTING)):
        for text in (plan_text(plan, width=120, color=False), plan_markdown(plan)):
            assert "412 rows become ours with the next apply: 200 mailboxes, 212 aliases" in text
    one = samples.plan(counts=Counts(adopted={"alias": 1}))
    assert "1 row becomes ours with the next apply: 1 alias" in plan_text(one, width=120, color=False)


def test_what_the_gates_looked_at_stands_in_the_footer() -> None:
    plan = samples.plan([samples.block()], gates=samples.GATES)
    for text in (plan_text(plan, width=200, color=False), plan_markdown(plan)):
        for line in samples.GATES:
            assert line in text


def test_a_removal_counts_once_whether_it_is_switched_off_or_purged() -> None:
    """Switching off on a removal's date and the purge count as one removal each."""
    said = _plan(samples.plan([samples.switched_off(), samples.purged("hilde.weg"), samples.changed_account()]))
    assert said[0] == "mail plan for nrw · 1 change · 2 removals · 1 cannot be undone"


def test_a_run_twice_says_what_was_in_place_already() -> None:
    new = samples.block()
    outcomes = tuple((step, Outcome(Result.SKIPPED, "in place already")) for step in new.steps)
    run = Run(samples.plan([new]), samples.MADE, samples.MADE, (TransitionRun(new, outcomes),))
    assert "(was in place already)" in _run(run)[2]
    assert _run(run)[-2] == "1 done · 0.0 s"


def test_a_run_that_gates_kept_things_from_explains_them_and_names_plan() -> None:
    plan = samples.plan([REFUSED, samples.block()], [samples.refusal(REFUSED.owner)])
    said = _run(samples.ended(plan))
    assert "refused, and what would allow it:" in said
    assert said[-2] == "1 done · 1 refused · 2.4 s"
    assert said[-1] == "next: resolve what was refused, then reconciler plan"


def test_a_failure_says_why_and_what_to_do() -> None:
    plan = samples.plan([samples.block()])
    text = run_text(samples.ended(plan, "block", "postmap: fatal", "look at the map"), width=120, color=False)
    assert "failed: sender block: postmap: fatal\n" in text
    assert "look at the map\n" in text


def test_findings_stand_in_the_order_of_the_files_whatever_their_order_was() -> None:
    backwards = findings_text(reversed(samples.FINDINGS), width=80, color=False)
    assert backwards == findings_text(samples.FINDINGS, width=80, color=False)
    assert findings_text((), width=80, color=False) == "no problems found\n"


def test_facts_about_nothing_say_where_nobody_could_look() -> None:
    nothing = AddressFacts("x@pirat.alt", (), {})
    assert (
        address_facts_text(nothing, width=80, color=False)
        == "x@pirat.alt: nothing is declared, and nothing was found\n"
    )
    blind = address_facts_text(AddressFacts("x@pirat.alt", (), {"postfix": "no route"}), width=80, color=False)
    assert "nothing was found where it could be looked" in blind
    assert "postfix could not be read: no route; what it holds is not known" in blind


def test_what_was_stopped_between_two_steps_is_no_harmless_line() -> None:
    """A password that is new in one system only: nobody logs in until it is finished."""
    new, block = samples.new_account(), samples.block()
    outcomes = [(step, Outcome(Result.NOT_TRIED)) for step in new.steps]
    outcomes[0] = (new.steps[0], Outcome(Result.DONE))
    untouched = TransitionRun(block, tuple((step, Outcome(Result.NOT_TRIED)) for step in block.steps))
    halves = (TransitionRun(new, tuple(outcomes)), untouched)
    run = Run(samples.plan([new, block]), samples.MADE, samples.MADE, halves, interrupted=True)
    lines = _run(run)
    title = next(line for line in lines if line.startswith(" ! "))
    assert new.owner.subject in title
    assert [line for line in lines if line.startswith(" · ") and "not tried" in line]
    assert "interrupted: 0 done · 1 half-done · 1 not tried" in "\n".join(lines)
    last = f"next: reconciler resume (finishes this run; what is in place is skipped); at once, for {new.owner.subject}"
    assert last in " ".join(" ".join(lines).split())
    said = run_markdown(run)
    assert "1 half-done · 1 not tried" in said
    assert f"| ! | {new.owner.subject} |" in said
    assert "**half-done**" in said
    result = json.loads(run_json(run))
    assert {step["result"] for step in result["transitions"][0]["steps"]} == {"done", "not tried"}


def test_no_report_asks_the_clock_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = plan_text(samples.busy(), width=100, color=True)
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb"), ("COLUMNS", "20"), ("TZ", "Pacific/Apia")):
        monkeypatch.setenv(name, value)
    assert plan_text(samples.busy(), width=100, color=True) == before


def test_entries_are_whole_on_the_narrowest_page_and_their_section_stands_once() -> None:
    """They are copied from the terminal into a state file."""
    (kept, later), other = (
        samples.dangerous().findings,
        StateEntry("confirm", f"{{gate: register, subject: {'x' * 80}}}"),
    )
    entries = (*kept.entries, other, StateEntry("renames", "{from: a, to: b}"))
    plan = samples.plan([REFUSED], [later, kept._replace(entries=entries), kept._replace(entries=entries)])
    block = f"confirm:\n  - {kept.entries[0].item}\n  - {other.item}\n"
    for said in (
        plan_text(plan, width=40, color=False),
        run_text(samples.ended(plan), width=40, color=False),
        plan_markdown(plan),
        run_markdown(samples.ended(plan)),
    ):
        assert said.count(block) == 1
        assert said.count("confirm:\n") == 1
        assert "renames:\n  - {from: a, to: b}\n" in said
