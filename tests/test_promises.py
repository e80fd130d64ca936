"""docs/promises.md is true to the documents and to the tests: every promise stands where the list says, every test that
it names exists, and no page and no help text says "never" or "always" without standing in the list.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from reconciler.cli.commands import app
from tests.cli.test_help import COMMANDS

ROOT = Path(__file__).parent.parent
LIST = ROOT / "docs" / "promises.md"
NO_PROMISES = {"promises.md", "architecture.md", "benchmarks.md", "openxchange-standin.md", "rename-invariants.md"}
"""Pages for contributors. The last names its tests itself."""
STRONG = re.compile(
    r"\b(never|always|nothing (?:more|else|but)|at once|exactly|byte for byte|no effect|nothing is done)\b",
    re.IGNORECASE,
)
PAGES = ["README.md", *(f"docs/{p.name}" for p in sorted(LIST.parent.glob("*.md")) if p.name not in NO_PROMISES)]
HELP = ["reconciler --help", *(f"reconciler {name} --help" for name in COMMANDS)]


class Promise(NamedTuple):
    """One row of the list, under the heading of its page."""

    text: str
    where: str
    tests: tuple[str, ...]
    heading: str


def rows() -> Iterator[Promise]:
    heading = ""
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ").strip("`")
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and cells[0] != "promise":
            assert len(cells) == 3, line
            yield Promise(plain(cells[0]), cells[1].strip("`"), tuple(re.findall(r"`([^`]+)`", cells[2])), heading)


def plain(text: str) -> str:
    """Without marks and line breaks, as it is read."""
    return " ".join(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("*", "").replace("`", "").split())


@cache
def written(where: str) -> str:
    """A page as it is stored, or the help of a command on a wide terminal."""
    if not where.startswith("reconciler"):
        return (ROOT / where).read_text(encoding="utf-8")
    shown = CliRunner().invoke(app, where.split()[1:], env={"COLUMNS": "500", "NO_COLOR": "1", "TERM": "dumb"})
    assert shown.exit_code == 0, shown.output
    return shown.output


@cache
def said(where: str) -> str:
    return plain(written(where))


@cache
def defined_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds) and node.name.startswith("test_"))


def sentences(where: str) -> Iterator[str]:
    """What is said there, sentence by sentence; of code only the remarks."""
    text = written(where)
    for code in re.findall(r"```.*?```", text, flags=re.DOTALL):
        yield from re.findall(r"(?:^|\s)# (.*)", code)
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for paragraph in re.split(r"\n\s*\n|\n(?=[*|#-] ?)|\n(?=\d\. )", text):
        yield from re.split(r"(?<=[.:;])\s+(?=[A-Z*`])", " ".join(paragraph.split()))


PROMISES = tuple(rows())


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.text[:60])
def test_a_promise_stands_where_the_list_says_and_has_a_test(promise: Promise) -> None:
    assert promise.where == promise.heading, "it stands under the heading of another page"
    assert promise.text in said(promise.where), f"{promise.where} does not say so any more"
    assert promise.tests, "a promise without a test is no promise"
    for name in promise.tests:
        file, _, test = name.partition("::")
        assert test in defined_in(file), f"{name} does not exist"


@pytest.mark.parametrize("where", [*PAGES, *HELP])
def test_every_strong_word_is_in_the_list(where: str) -> None:
    """What cannot be tested is not promised: take the word out, or prove it and list it (docs/promises.md)."""
    listed = [promise.text for promise in PROMISES if promise.where == where]
    strong = [plain(text) for text in sentences(where) if STRONG.search(text)]
    missing = [text for text in strong if not any(p in text or text in p for p in listed)]
    assert not missing, "\n".join(missing)


def test_no_promise_is_listed_twice() -> None:
    assert len({(promise.where, promise.text) for promise in PROMISES}) == len(PROMISES)
