"""The marker in a comment: read back as it was written, and nothing that somebody else wrote is taken for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.forge.marker import (
    LINES_BUDGET,
    BadMarker,
    Marker,
    fingerprint_hash,
    id_hash,
    line_hashes,
    marker_in,
    sealed_marker_in,
    with_marker,
)

MADE = datetime(2026, 11, 22, 10, 58, tzinfo=UTC)
LINES = {"account:anna@mail.example": "a" * 64, "alias:presse@mail.example": "b" * 64}
PLAN = Marker(site="nrw", purpose="plan", digest="7" * 64, made=MADE, lines=line_hashes(LINES.items()))
BODY = with_marker("## mail plan\n\n2 changes", PLAN)


def tampered(**changes: object) -> str:
    """The comment with other values in its marker, as somebody writes them by hand."""
    words, _, rest = BODY.partition("<!-- reconciler ")
    values = json.loads(rest.removesuffix(" -->\n")) | changes
    return f"{words}<!-- reconciler {json.dumps(values, separators=(',', ':'))} -->\n"


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=200), st.sampled_from([None, b"key"]))
def test_what_was_written_is_read_back(site: str, job: str, words: str, key: bytes | None) -> None:
    marker = Marker(site=site, purpose="plan", digest="7" * 64, made=MADE, job=job, lines=PLAN.lines)
    if "<!-- reconciler " in words or any(0xD800 <= ord(c) <= 0xDFFF for c in site + job):
        return
    body = with_marker(words, marker, key)
    comment = body.removeprefix(words.rstrip())
    assert comment.count("--") == 2  # what opens the HTML comment, and what ends it
    assert comment.strip().count("\n") == 0
    assert not set("@&`") & set(comment)
    read = sealed_marker_in(body, key)
    assert read is not None
    assert read.model_copy(update={"seal": ""}) == marker


def test_forges_may_change_line_ends_and_spaces() -> None:
    assert sealed_marker_in(BODY.strip().replace("\n", "\r\n")) == marker_in(BODY)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (BODY.replace("2 changes", "0 changes"), "edited"),
        (tampered(digest="8" * 64), "edited"),
        (tampered(lines={}), "edited"),
        (tampered(cut=True), "edited"),
        (BODY.replace('"cut":false', '"cut": false'), "as this program writes"),
        (BODY + "and more\n", "end"),
        (BODY + BODY, "not the only one"),
        ("<!-- reconciler {} -->\n" + BODY, "not the only one"),
        (BODY.replace(" -->", " ", 1), "end"),
        (tampered(version=2), "another version"),
        (tampered(version=True), "as this program writes"),
        (tampered(force=True), "damaged at force"),
        (tampered(digest="7" * 63), "damaged at digest"),
        (tampered(made="2026-11-22"), "damaged at made"),
        (tampered(purpose="apply"), "damaged at purpose"),
        (tampered(site="a--b"), "two hyphens"),
        (tampered(job="x" * 50_000), "too long"),
        (tampered(lines={"a": "b"}), "damaged at lines"),
        (BODY.replace('"cut":false', '"cut":true,"cut":false'), "not JSON"),
        ("<!-- reconciler {" + '"a":[' * 20_000 + "} -->", "too long"),
        ("<!-- reconciler {" + "[" * 9_000 + "} -->", "not JSON"),
        ("<!-- reconciler {nonsense} -->", "not JSON"),
        ('<!-- reconciler {"version":1} -->', "damaged at site"),
    ],
    ids=lambda value: value if len(value) < 25 else "",
)
def test_what_is_not_as_we_write_it_is_refused(body: str, why: str) -> None:
    with pytest.raises(BadMarker, match=why):
        sealed_marker_in(body)


def test_a_key_makes_the_seal_one_that_nobody_else_can_make() -> None:
    body = with_marker("words", PLAN, b"key")
    assert sealed_marker_in(body, b"key") is not None
    for key in (None, b"other"):
        with pytest.raises(BadMarker, match="key"):
            sealed_marker_in(body, key)
    with pytest.raises(BadMarker, match="edited"):
        sealed_marker_in(BODY, b"key")


def test_a_comment_without_a_marker_is_somebody_elses() -> None:
    for body in ("", "## mail plan", "<!-- other {} -->", "<!--reconciler {} -->"):
        assert marker_in(body) is None


def test_words_that_hold_a_marker_are_not_written() -> None:
    with pytest.raises(ValueError, match="already"):
        with_marker(BODY, PLAN)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"cut": True}, "cut"),
        ({"masked": True}, "masked"),
        ({"stopped": True}, "refuses"),
        ({"digest": ""}, "no plan"),
        ({"purpose": "drift"}, "no plan"),
        ({"purpose": "run"}, "no plan"),
    ],
    ids=str,
)
def test_a_comment_that_nobody_could_review_approves_nothing(changes: dict[str, object], why: str) -> None:
    assert not PLAN.approves_nothing
    assert why in PLAN.model_copy(update=changes).approves_nothing


def test_a_line_is_agreed_to_as_it_was_shown() -> None:
    assert PLAN.agrees("account:anna@mail.example", "a" * 64) is True
    assert PLAN.agrees("account:anna@mail.example", "b" * 64) is False
    assert PLAN.agrees("account:bernd@mail.example", "a" * 64) is None


def test_too_many_lines_are_approved_as_a_whole() -> None:
    few = line_hashes((f"account:{n}@mail.example", f"{n:064x}") for n in range(400))
    assert few is not None
    assert len(few) == 400
    assert line_hashes((f"account:{n}@mail.example", f"{n:064x}") for n in range(600)) is None
    body = with_marker("x", PLAN.model_copy(update={"lines": few, "job": "j" * 500, "site": "s" * 500}))
    assert len(body) < LINES_BUDGET + 3_000
    assert sealed_marker_in(body) is not None


def test_the_hashes_are_short_and_hold_what_must_withstand() -> None:
    assert len(id_hash("account:anna@mail.example")) == 12
    assert len(fingerprint_hash("a" * 64)) == 22  # 128 bits
