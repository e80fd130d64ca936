"""Whatever a writer lets through, the text that goes to a forge commands and calls nobody."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.forge.disarm import disarmed, fitted
from reconciler.report.documents.markdown import markdown_report
from reconciler.report.json import plan_document
from tests.report.hostile import NAMES, plan_named
from tests.services.forges.state import lines_outside_code

GOLDEN = Path(__file__).parent.parent / "report" / "golden"
EVIL = (
    "/close",
    "  /merge",
    "::error::x",
    "##[error]x",
    "words ##[stop-commands]x",
    "`##[add-mask]1`",
    "<!-- reconciler {} -->",
    "@everyone",
    "a @b",
    "\u202ex",
)


def test_nothing_starts_with_what_a_forge_or_a_runner_obeys() -> None:
    text = disarmed("\n".join(EVIL))
    for line in text.split("\n"):
        assert not line.lstrip().startswith(("/", "::"))
    assert "##[" not in text
    assert "<!--" not in text
    assert "\u202e" not in text
    assert not re.search(r"(?<![0-9A-Za-z])@\w", text)


@pytest.mark.parametrize("fence", ["```", "~~~", "````", "   ```yaml"])
def test_what_stands_in_a_fence_is_no_quick_action_either(fence: str) -> None:
    text = disarmed(f"{fence}\n/close\n::error::x\na ##[error]x\n{fence.strip(' yaml')}\nafter @anna")
    assert not any(line.startswith(("/", "::")) or "##[" in line for line in text.split("\n"))
    assert "after @&#8203;anna" in text


def test_what_was_begun_is_ended() -> None:
    text = disarmed("<details><summary>x</summary>\n\n```yaml\nconfirm:\n  - gate: x")
    assert text.endswith("  - gate: x\n```\n\n</details>\n")
    assert disarmed(text) == text


def test_code_and_ordinary_text_stay_as_they_are() -> None:
    table = "| a | b |\n|---|---|\n| `anna@mail.example` | bernd@mail.example |"
    text = f"**mail plan: look closer**\n\n{table}\n\n```\na @b\n```\n"
    assert disarmed(text) == text


def test_code_is_what_a_reader_sees_as_code() -> None:
    assert disarmed("`@a` @b ``@c ` @d`` @e") == "`@a` @&#8203;b ``@c ` @d`` @&#8203;e\n"
    assert disarmed("` @a") == "` @&#8203;a\n"
    many = " ".join("`" * (n % 300 + 1) for n in range(20_000))
    assert disarmed(many + " @b").endswith("@&#8203;b\n")  # in no time


def test_whole_lines_are_cut_from_the_end() -> None:
    long = "\n".join(
        ["head", "<details><summary>x</summary>", "", *(f"- row {n} ü" for n in range(2000)), "</details>"]
    )
    text, cut = fitted(long, 5000)
    assert cut
    assert len(text.encode()) <= 5000
    assert text.startswith("head\n")
    assert text.count("<details>") == text.count("</details>")
    assert fitted("short\n", 5000) == ("short\n", False)


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.md")), ids=lambda file: file.stem)
def test_our_own_reports_stay_as_they_are(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert disarmed(text) == text


@pytest.mark.parametrize("name", NAMES)
def test_whatever_our_writer_is_given_there_is_nothing_left_to_disarm(name: str) -> None:
    text = markdown_report([plan_document(plan_named(name))])
    assert disarmed(text) == text


LINES = st.lists(st.one_of(st.sampled_from((*EVIL, "```", "~~~", "<details>", "</details>", "`")), st.text(max_size=9)))


@settings(max_examples=60)
@given(LINES)
def test_any_text(lines: list[str]) -> None:
    text = disarmed("\n".join(lines))
    assert not any(line.startswith("/") for line in lines_outside_code(text))
    assert not any(line.lstrip().startswith(("/", "::")) for line in text.split("\n") if line == line.lstrip())
    assert "<!--" not in text
    assert len(fitted("\n".join(lines), 600)[0].encode()) <= 600
