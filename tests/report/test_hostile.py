"""Whatever stands in the systems, a report stays a report: one line is one line, markup is text, size is bounded."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.queued_mail import QueueOutcome, QueueResult
from reconciler.planning.finding import Finding, Severity
from reconciler.report.address_facts import AddressFacts, address_facts_markdown
from reconciler.report.json import findings_json, plan_json, run_json
from reconciler.report.json_queue import queue_json, queue_run_json
from reconciler.report.markdown import findings_markdown, plan_markdown, run_markdown
from reconciler.report.queue_markdown import queue_markdown, queue_run_markdown
from reconciler.report.queue_text import queue_run_text, queue_text
from reconciler.report.read_document import read_plan
from reconciler.report.sanitize import markdown, visible
from reconciler.report.text import findings_text, plan_text, run_text
from reconciler.report.truncation import LIMIT
from tests.report import queue_samples, samples
from tests.report.hostile import NAMES, plan_named

_ROW = re.compile(r"\| [+~→−‼] \| [^|]* \| [^|]* \| [^|]* \|")
_OURS = {"<details>", "</details>", "<summary>", "</summary>", "<br>"}


@pytest.mark.parametrize("name", NAMES)
def test_text_without_color_holds_nothing_that_a_terminal_obeys(name: str) -> None:
    plan = plan_named(name)
    for text in (
        plan_text(plan, width=80, color=False, verbose=True),
        run_text(samples.ended(plan, "mailbox", name, name), width=80, color=False, verbose=True),
        findings_text(plan.findings, width=80, color=False),
    ):
        assert {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")} <= {"\n"}
        text.encode("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_colored_text_holds_no_escape_sequence_but_our_own_colors(name: str) -> None:
    text = plan_text(plan_named(name), width=80, color=True, verbose=True)
    assert "\x1b" not in re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert re.sub(r"\x1b\[[0-9;]*m", "", text) == plan_text(plan_named(name), width=80, color=False, verbose=True)


@pytest.mark.parametrize("name", NAMES)
def test_markdown_stays_one_table_with_four_cells_a_row_and_no_foreign_html(name: str) -> None:
    text = plan_markdown(plan_named(name))
    start, block = 2, text.split("\n\n")
    table = next(part for part in block if part.startswith("| | what")).split("\n")
    assert len(table) == start + 2
    assert all(_ROW.fullmatch(row) for row in table[start:])
    assert set(re.findall(r"<[^>]*>", text)) <= _OURS
    assert "`" not in text
    assert len(text) <= LIMIT


@pytest.mark.parametrize("name", NAMES)
def test_a_login_of_ox_cannot_break_the_line_of_a_rename(name: str) -> None:
    """OX lets quotes and newlines into names (facts/open-xchange.md)."""
    second = samples.ox_user(samples.NEW)._replace(key=f"openxchange/{name}", id=name, login=name)
    plan = samples.plan([samples.rename((second, None), samples.ox_rename(f"{name}@pirat.alt"))])
    text = plan_markdown(plan)
    (row,) = (line for line in text.splitlines() if line.startswith("| ‼"))
    assert _ROW.fullmatch(row)
    assert len(text) <= LIMIT
    shown = plan_text(plan, width=80, color=False, verbose=True)
    assert {c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")} <= {"\n"}


@pytest.mark.parametrize("name", NAMES)
def test_a_row_of_a_run_keeps_its_three_cells(name: str) -> None:
    text = run_markdown(samples.ended(plan_named(name), "mailbox", name, name))
    rows = [line for line in text.splitlines() if line.startswith(("| ✗", "| ✓", "| ·"))]
    assert len(rows) == 1  # the block is refused
    assert len(re.findall(r"\|", rows[0])) == 4


@pytest.mark.parametrize("name", NAMES)
def test_json_is_read_back_whatever_the_names_are(name: str) -> None:
    plan = plan_named(name)
    text = plan_json(plan)
    text.encode("utf-8")
    assert read_plan(text).transitions[0].subject == "anna.beispiel@pirat.alt"
    json.loads(run_json(samples.ended(plan, "mailbox", name, name)))
    json.loads(findings_json(plan.findings))


def test_a_long_name_is_cut_in_words_and_whole_in_json() -> None:
    plan = plan_named("x" * 5000)
    assert "x" * 200 not in plan_text(plan, width=80, color=False).split("refused, and")[0].splitlines()[2]
    after = read_plan(plan_json(plan)).transitions[0].changes[0].after
    assert after is not None
    assert after["name"] == "x" * 5000


@pytest.mark.parametrize(
    "text", ["@everyone", "x @team", "*@mail.example", "#12", "http://evil.example", "www.a.example"]
)
def test_markdown_calls_nobody_and_links_nowhere(text: str) -> None:
    """Forges scan the rendered text for mentions, references and links; a zero-width space ends them."""
    assert "&#8203;" in markdown(text)


def test_an_address_stays_one_that_can_be_copied() -> None:
    assert markdown("anna.beispiel@pirat.alt") == "anna.beispiel@pirat.alt"


@given(st.text())
def test_escaped_text_holds_no_markup_and_no_line_end(text: str) -> None:
    escaped = markdown(text)
    assert not set("`*[]<>|~$\n\r") & set(escaped)
    assert "\\" not in escaped.replace("\\_", "")


@given(st.text())
def test_visible_text_is_one_line_and_the_same_when_shown_twice(text: str) -> None:
    shown = visible(text)
    assert len((shown + "x").splitlines()) == 1
    assert visible(shown) == shown


def test_5000_transitions_fit_and_what_is_cut_is_counted() -> None:
    changes = [samples.removed_alias(), samples.changed_account()]
    creations = [samples.new_account(f"neu{number}", str(20000 + number)) for number in range(5000)]
    text = plan_markdown(samples.plan([*changes, *creations]))
    assert LIMIT * 0.9 < len(text.encode()) <= LIMIT
    shown = len(re.findall(r"^\| [+~−] \|", text, re.MULTILINE))
    cut = re.search(r"… and (\d+) more lines \((\d+) accounts · 0 removals\)", text)
    assert cut is not None
    assert int(cut[1]) == int(cut[2]) == 5002 - shown
    assert "| − | alt.vorstand@pirat.alt |" in text
    assert text.splitlines()[0].startswith("**mail plan for nrw: look closer**, 1 removal")
    assert "**next: reconciler apply**" in text


def test_5000_refusals_leave_room_for_the_table() -> None:
    refused = [samples.new_account(f"neu{n}", str(20000 + n), refused=("register",)) for n in range(5000)]
    findings = [samples.refusal(t.owner) for t in refused]
    text = plan_markdown(samples.plan([samples.removed_alias(), *refused], findings))
    assert len(text) <= LIMIT
    assert "| − | alt.vorstand@pirat.alt |" in text
    assert re.search(r"… and \d+ more remarks", text)
    assert re.search(r"… and the steps of \d+ more lines", text)


def test_every_other_markdown_report_fits_too() -> None:
    nasty = "<" * 5000
    many = samples.plan([samples.new_account(f"neu{n}", str(20000 + n)) for n in range(3000)])
    findings = [Finding(Severity.ERROR, "x", nasty, nasty, nasty) for _ in range(3000)]
    facts = AddressFacts(nasty, samples.ADDRESS_FACTS.facts * 1000, {"openxchange": nasty})
    for text in (
        run_markdown(samples.ended(many, "letter", nasty, nasty)),
        findings_markdown(findings),
        address_facts_markdown(facts),
        plan_markdown(plan_named(nasty)),
    ):
        assert len(text) <= LIMIT


def test_text_shows_all_of_5000_transitions() -> None:
    plan = samples.plan([samples.new_account(f"neu{n}", str(20000 + n)) for n in range(5000)])
    assert plan_text(plan, width=100, color=False).count("account: mailbox") == 5000


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_wider_than_the_terminal(width: int, name: str) -> None:
    from rich.cells import cell_len

    for plan in (samples.busy(), plan_named(name)):
        for line in plan_text(plan, width=width, color=False, verbose=True).splitlines():
            assert cell_len(line) <= width


def test_a_width_that_nobody_has_is_taken_as_forty_cells() -> None:
    assert plan_text(samples.busy(), width=1, color=False) == plan_text(samples.busy(), width=40, color=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_stranger_who_writes_mail_cannot_write_into_the_list_of_the_queue(name: str) -> None:
    """Sender, recipient and reason are theirs."""
    message = queue_samples.message("47F2C2128F1", 60, name, (name, name), (name, name))
    listing = replace(queue_samples.LISTING, messages=(message,))
    run = replace(queue_samples.QUEUE_RUN, about=name, outcomes=(QueueOutcome(message, QueueResult.LEFT, name),))
    for text in (
        *(queue_text(listing, width=80, color=False, verbose=verbose) for verbose in (False, True)),
        queue_run_text(run, width=80, color=False),
    ):
        assert {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")} <= {"\n"}
        text.encode("utf-8")
    for text in (queue_markdown(listing), queue_markdown(listing, verbose=True), queue_run_markdown(run)):
        assert set(re.findall(r"<[^>]*>", text)) <= _OURS
        assert len(text) <= LIMIT
        (row,) = (line for line in text.splitlines() if "47F2C2128F1" in line)
        assert row.count("|") in (4, 8)
    for text in (queue_json(listing), queue_run_json(run)):
        assert json.loads(text.encode("utf-8"))
        assert "\x1b" not in text
