"""An examination as text, Markdown and JSON."""

from __future__ import annotations

import json

from reconciler.doctor.json_report import examination_json
from reconciler.doctor.markdown import examination_markdown
from reconciler.doctor.report import Examination
from reconciler.doctor.text import examination_text
from tests.doctor.samples import CHECKS, FOUND, NOTHING


def test_the_text_has_each_area_once_and_a_sign_for_each_verdict() -> None:
    shown = examination_text(FOUND, width=70, color=False).splitlines()
    assert shown[0] == "mail doctor for nrw · 1 failed · 1 unknown · 1 warning · 1 ok"
    assert [line for line in shown if line in ("database", "dns")] == ["database", "dns"]
    assert [line[1] for line in shown if line[:1] == " " and line[1:2].strip()] == ["✗", "?", "✓", "!"]


def test_what_is_to_be_pasted_is_on_one_line() -> None:
    (line,) = [line for line in examination_text(FOUND, width=60, color=False).splitlines() if "GRANT" in line]
    assert line.strip() == CHECKS[0].fix[1]


def test_no_terminal_obeys_what_a_server_says() -> None:
    assert "\x1b" not in examination_text(FOUND, width=60, color=False)
    assert "\x1b[2J" not in examination_text(FOUND, width=60, color=True)
    assert "\\x1b[2J" in examination_text(FOUND, width=60, color=True)


def test_markdown_shows_foreign_text_as_it_is() -> None:
    shown = examination_markdown(FOUND)
    assert "<b>" not in shown
    assert shown.count("\n### ") == 2
    assert "- ✓ **engines**: all InnoDB" in shown


def test_markdown_is_bounded_and_says_what_was_cut() -> None:
    shown = examination_markdown(Examination("nrw", CHECKS * 1 + (CHECKS[3],) * 2000))
    assert len(shown) < 60_000
    assert "more checks." in shown


def test_json_has_everything() -> None:
    document = json.loads(examination_json(FOUND))
    assert [check["name"] for check in document["checks"]] == [check.name for check in CHECKS]
    assert document["checks"][0]["fix"] == list(CHECKS[0].fix)
    assert document["counts"] == {"failed": 1, "unknown": 1, "warning": 1, "ok": 1}
    assert json.loads(examination_json(NOTHING))["checks"] == []


def test_nothing_to_look_at_is_said() -> None:
    assert "nothing to look at" in examination_text(NOTHING, width=80, color=False)
