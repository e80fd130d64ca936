"""What no report may show: passwords (rows hold none) and the private address that a letter goes to."""

from __future__ import annotations

import pytest

from reconciler.model.records import LetterRow, PasswordRow
from reconciler.report.documents.html import html_report
from reconciler.report.documents.junit import junit
from reconciler.report.history_text import run_history_markdown, run_history_text
from reconciler.report.json import history_json, plan_document, plan_json, run_json
from reconciler.report.markdown import plan_markdown, run_markdown
from reconciler.report.text import plan_text, run_text
from tests.report import samples

PLAN = samples.busy()
ECHOED = samples.half_run()
"""The mail server's answer repeats the recipient, in capitals."""

REPORTS = {
    "plan text": plan_text(PLAN, width=400, color=False, verbose=True),
    "plan markdown": plan_markdown(PLAN),
    "plan json": plan_json(PLAN),
    "run text": run_text(ECHOED, width=400, color=False, verbose=True),
    "run markdown": run_markdown(ECHOED),
    "run json": run_json(ECHOED),
    "rename text": plan_text(samples.dangerous(), width=400, color=False, verbose=True),
    "rename markdown": plan_markdown(samples.dangerous()),
    "rename json": plan_json(samples.dangerous()),
    "rename html": html_report([plan_document(samples.dangerous())]),
    "rename junit": junit([plan_document(samples.dangerous())]),
    "history text": run_history_text(samples.past_run(), left=True, width=400, color=False),
    "history markdown": run_history_markdown(samples.past_run(), left=True),
    "history json": history_json((samples.past_run(),)),
}


@pytest.mark.parametrize("name", REPORTS)
def test_the_register_address_is_in_no_report(name: str) -> None:
    text = REPORTS[name].lower()
    assert samples.PRIVATE not in text
    assert "recipient" not in text
    assert "bernd.privat" not in text


@pytest.mark.parametrize("name", ["rename markdown", "rename html", "rename junit"])
def test_where_somebody_forwards_their_mail_is_counted(name: str) -> None:
    assert "anna@extern.example" not in REPORTS[name]
    assert "1 address elsewhere" in REPORTS[name]


@pytest.mark.parametrize("name", REPORTS)
def test_the_letter_is_named_all_the_same(name: str) -> None:
    assert "letter" in REPORTS[name]


def test_rows_about_passwords_and_letters_have_no_field_for_one() -> None:
    """A field that is added to these rows must be looked at before it can reach a report."""
    assert PasswordRow._fields == ("key", "account", "target")
    assert LetterRow._fields == ("key", "account", "member", "recipient", "template", "language")


def test_what_the_server_said_is_kept_but_for_the_address() -> None:
    text = run_text(ECHOED, width=400, color=False)
    assert "550 5.1.1 <their register address>: no such user" in text
    assert "ask the member administration whether their register address is right" in text
