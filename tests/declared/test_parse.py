"""YAML itself: 1.2 and nothing unseen, what we do not allow, and texts that want to hurt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.declared.parse.exact import read_tree
from reconciler.declared.parse.fast import Reading, read_fast
from reconciler.declared.parse.scalars import OddNumber, WrittenFloat
from tests.declared.samples import BOX, errors, load, one
from tests.declared.samples import text as message


def both(text: str) -> Any:
    """The value by the exact reading; the quick one must agree, or refuse."""
    tree = read_tree(text)
    assert tree.remarks == ()
    exact = tree.root.data() if tree.root else None
    assert read_fast(text) in (exact, Reading.UNUSUAL)
    return exact


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("Null", None),
        ("'null'", "null"),
        ("10042", 10042),
        ("-5", -5),
        ("0", 0),
        ("0123", OddNumber("0123")),
        ("+7", OddNumber("+7")),
        ("0x1f", OddNumber("0x1f")),
        ("0o17", OddNumber("0o17")),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("1:30", "1:30"),
        ("1٣", "1٣"),
        ("9" * 5000, OddNumber("9" * 5000)),
        ("0.01", WrittenFloat("0.01")),
        ("1e3", WrittenFloat("1e3")),
        (".inf", OddNumber(".inf")),
        ("2026-11-22", "2026-11-22"),
        ('"0123"', "0123"),
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(written: str, value: object) -> None:
    result = both(f"a: {written}\n")["a"]
    assert (result, type(result)) == (value, type(value))


_tokens = [
    "a",
    "b",
    "0123",
    "1_0",
    "no",
    "~",
    "<<",
    "'x'",
    '"y"',
    ":",
    "-",
    "[",
    "]",
    "{",
    "}",
    ",",
    "&a",
    "*a",
    "!t",
    "#",
    "?",
    "|",
    ">",
    "%",
    "---",
    "...",
    "@",
    "ä",
    "\\",
    '"',
    "'",
    ":",
    "-",
    ",",
]
_pieces = st.sampled_from([*_tokens, " ", "\n", "\n  ", ": ", ": ", "- ", ", ", " # c", "|\n  ", "---\n", "...\n"])
_yamlish = st.lists(_pieces, max_size=25).map("".join)


@given(_yamlish)
@example("mailboxes:\n  anna:{groupware: false}\n")
@example("a [b: c\n")
def test_quick_reading_agrees_with_the_exact_one(text: str) -> None:
    """Where it does not refuse: so a file is converted once, whichever reading it had."""
    quick = read_fast(text)
    if quick is not Reading.UNUSUAL:
        tree = read_tree(text)
        assert tree.remarks == ()
        assert quick == (tree.root.data() if tree.root else None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "removals:\nconfirm:\nremovals:\n",
            "3:1: the key `removals` is repeated (first: line 1, column 1)",
        ),
        ("domain: !x mail.example\n", "1:9: the tag '!x' is not allowed"),
        ("mailboxes: !!map {}\n", "1:12: the tag 'tag:yaml.org,2002:map' is not allowed"),
        ("a: 1\n---\nb: 2\n", "2:1: a second document begins here"),
        ("%YAML 1.1\n---\ndomain: mail.example\n", "`%` lines are not used here"),
        ("- a\n- b\n", "1:1: the file holds a list"),
        ("text\n", "1:1: the file holds `text`"),
        ("domain: *gone\n", "1:9: *gone has no &gone that ended before it"),
        ("aliases: &a\n  a: *a\n", "2:6: *a has no &a that ended before it"),
        ("aliases:\n  *: [a]\n", "2:4: `*` and `&` have a meaning in YAML -> put the text in quotes: '*'"),
        ("? [a]\n: b\n", "1:3: expected a key, got a list or mapping"),
        ("domain: a: b\n", "1:10: a second `: ` in one line"),
        ("domain: 'open\n", "1:9: a quote that was opened is never closed"),
        ("domain: @x\n", "1:9: a text cannot begin with this character"),
        ("aliases:\n  a: [b, c\n", "a list `[…]` is not closed"),
        ("domain: mail.example\n renames: []\n", "2:9: a second `: ` in one line, or a line that is indented too far"),
        ("aliases:\n  a: b\n c: d\n", "3:2: this line does not fit the lines before it"),
    ],
)
def test_what_is_not_allowed_is_shown_where_it_stands(tmp_path: Path, text: str, expected: str) -> None:
    assert any(expected in message(finding) for finding in errors(tmp_path, text))


def test_merge_keys_are_refused(tmp_path: Path) -> None:
    text = f"domain: mail.example\nmailboxes:\n  a: &base {BOX}\n  b: {{<<: *base}}\n"
    assert any("a.yaml:4:7: merge keys (`<<`) are not allowed" in message(f) for f in errors(tmp_path, text))


def test_an_anchor_within_the_limits_is_fine(tmp_path: Path) -> None:
    found = load(tmp_path, f"domain: mail.example\nmailboxes:\n  a: &base {BOX}\n  b: *base\n")
    assert len(found.state.mailboxes) == 2


def test_an_alias_bomb_is_refused_before_it_unfolds(tmp_path: Path) -> None:
    """Ten levels of nine aliases each would be 9^10 values."""
    levels = "".join(f"  k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 9)}]\n" for n in range(1, 11))
    found = errors(tmp_path, f"aliases:\n  k0: &k0 [x, x, x]\n{levels}")
    assert any("aliases unfold to more than 10000 values" in f.message for f in found)


def test_ten_thousand_values_from_aliases_are_the_limit() -> None:
    def times(count: int) -> str:
        return "a: &a x\nb: [" + ", ".join(["*a"] * count) + "]\n"

    assert read_tree(times(10_000)).remarks == ()
    assert len(read_tree(times(10_001)).remarks) == 1


@pytest.mark.parametrize("start", ["- ", "[", "{a: ", "? ", "- ? ", "[{a: "])
def test_nesting_is_refused_while_reading(tmp_path: Path, start: str) -> None:
    """yaml-rs ends the process on such a text or takes all memory (docs/decisions/0002-yaml.md)."""
    assert "more than 20 levels" in " ".join(f.message for f in errors(tmp_path, start * 100_000))
    stairs = "".join(" " * depth + "a:\n" for depth in range(500))
    assert "more than 20 levels" in one(tmp_path, stairs)


def test_depth_twenty_is_the_limit() -> None:
    assert read_tree("[" * 20 + "]" * 20).remarks == ()
    assert len(read_tree("[" * 21 + "]" * 21).remarks) == 1
    assert read_fast("a: " + "[" * 20 + "]" * 20) is Reading.UNUSUAL
    anchored = "a: &a " + "[" * 10 + "]" * 10 + "\nb: " + "[" * 10 + "*a" + "]" * 10
    assert "too deep" in read_tree(anchored).remarks[0].message


def test_a_clean_file_is_never_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(text: str) -> None:
        raise AssertionError(f"exact reading of {text!r}")

    monkeypatch.setattr("reconciler.declared.parse.locator.read_tree", forbidden)
    load(tmp_path, f"domain: mail.example\nmailboxes: {{anna: {BOX}}}\naliases: {{'*': anna}}\n")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (
            "{sender: a@example.net, reason: http://x.example/y}",
            {"sender": "a@example.net", "reason": "http://x.example/y"},
        ),
        ("{reason: call of 10:30}", {"reason": "call of 10:30"}),
        ("[10:30, http://x.example:80/y?z=1]", ["10:30", "http://x.example:80/y?z=1"]),
        ("{reason: who? me}", {"reason": "who? me"}),
    ],
)
def test_inside_braces_colons_and_question_marks_are_those_of_yaml_1_2(written: str, value: Any) -> None:
    assert both(f"a: {written}\n") == {"a": value}


def test_what_is_wrong_after_such_a_colon_is_said_at_its_own_line() -> None:
    (remark,) = read_tree("a: {at: 10:30}\nb: 'never closed\n").remarks
    assert (remark.mark.line, remark.message) == (2, "a quote that was opened is never closed")
