"""Words that stand nowhere: pronouns that guess somebody's gender, and in pages the private words of who wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tracked import ROOT, tracked_in

_BINARY = (".pyc", ".mo")
FOLDERS = ("benchmarks", "docs", "reconciler", "release", "schemas", "scripts", "state", "tests")
PRONOUNS = re.compile(r"(?<![\w-])(s?he|hers?|him|his|hersel[f]|himsel[f])(?![\w])", re.IGNORECASE)
GERMAN = re.compile(r"\b(er|ihm|ihn|ihr|ihre[mnrs]?|seine[mnrs]?)\b", re.IGNORECASE)
"""In letters. `sie` is left out: there it is an address, a *Mailadresse*, and German has no other word."""
POETRY = re.compile(
    r"\b(story|door|playground|twins?|sign of life|nobody is here|got|nothing stands|see to|mend(s|ed)?"
    r"|said loud|(becomes?|become) ours|dead (one|password))\b",
    re.IGNORECASE,
)


def texts() -> Iterator[Path]:
    yield from (path for path in tracked_in("") if path.parent == ROOT and path.suffix in (".md", ".toml", ""))
    for folder in FOLDERS:
        yield from (path for path in tracked_in(folder) if path.suffix not in _BINARY)


def found(pattern: re.Pattern[str], files: Iterator[Path]) -> list[str]:
    """Each line with such a word, with its place."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def test_nobodys_gender_is_guessed() -> None:
    """People are *they*: a tool for people who change their names does not guess."""
    assert not found(PRONOUNS, texts())


def test_no_merge_was_left_half_resolved() -> None:
    assert not found(re.compile(r"^(<{7}|>{7}) "), texts())


def test_nor_in_german_letters_and_reports() -> None:
    assert not found(GERMAN, (path for path in texts() if ".de." in path.name or path.suffix == ".po"))


@pytest.mark.parametrize("word", ["she", "Her", "himself", "s/he", "(his)"])
def test_such_a_word_would_be_found(word: str) -> None:
    assert PRONOUNS.search(f"tell {word} the password")


def test_pages_have_the_fields_words() -> None:
    own = [path for path in tracked_in("", ".md") if path.parent == ROOT]
    pages = [*own, *(path for path in tracked_in("docs", ".md") if path.parent.name != "facts")]
    assert not found(POETRY, iter(pages))


def test_whoever_silences_a_check_says_why() -> None:
    silenced = re.compile(r"# (noqa|type: ignore)\b(?!(: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)*|\[[a-z, -]+\])  # \S)")
    assert not found(silenced, (path for path in texts() if path.suffix == ".py"))
    assert silenced.search("x = 1  # type: ignore[misc]")
    assert silenced.search("x = 1  # noqa: B008")
