"""Every reference leads somewhere: from code and tests to pages, headings and numbers, from pages to code, tests,
pages and headings.

Code cites a page by its path, `docs/gates.md, "Limits"`; a sheet of facts by its number, `facts/postfixadmin.md 13.4`.
In the folder of one system the number alone is of that system's sheet (docs/facts/README.md).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.tracked import ROOT, tracked, tracked_folders, tracked_in

FOLDERS = ("reconciler", "tests", "benchmarks", "release")
CODE = {folder: tracked_in(folder, ".py") for folder in FOLDERS}
CODE["scripts"] = [ROOT / "Makefile", *tracked_in("scripts"), ROOT / ".ci" / "run"]
PAGES = [*(page for page in tracked_in("", ".md") if page.parent == ROOT), *tracked_in("docs", ".md")]
SHEETS = {"postfixadmin": "postfixadmin", "openxchange": "open-xchange", "postfix": "postfix"}
"""The sheet that a number alone means in a folder or module of that name."""

_NUMBERS = r"(?P<numbers>\d+(?:\.\d+)?(?:(?:, and|,| and| to) \d+(?:\.\d+)?)*)"
_PLACE = rf'`?(?:(?: section)? {_NUMBERS}|, "(?P<heading>[^"]+)"|, invariants? (?P<items>\d+(?:(?:,| and| to) \d+)*))?'
CITATION = re.compile(rf"(?<![\w/.*-])(?P<page>(?:[\w-]+/)*[\w-]+\.md)\b{_PLACE}")
SHORT = re.compile(rf"\bfacts(?: section)? {_NUMBERS}")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:[\w.-]+/)+(?:[\w.-]+(?:::\w+)?)?)`")


class Reference(NamedTuple):
    """A page or sheet, and a place in it, as some file has it."""

    page: Path
    numbers: tuple[str, ...] = ()
    heading: str = ""


def comments(file: Path) -> Iterator[str]:
    """What a module says to its readers: docstrings, and comments with those that go on in the next line."""
    text = file.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield " ".join(node.value.value.split())
    lines = [re.sub(r"^#+ ?", "", line.strip()) if line.strip()[:1] == "#" else "" for line in text.splitlines()]
    yield from (" ".join(block) for _, block in groupby(lines, bool))
    yield from (line.partition("  # ")[2] for line in text.splitlines())


def cited(text: str, file: Path) -> Iterator[Reference]:
    for match in CITATION.finditer(text):
        page = match["page"]
        path = ROOT / ("docs/" + page if page.startswith("facts/") else page)
        if match["items"]:
            yield Reference(path, tuple(f"Invariants.{item}" for item in re.findall(r"\d+", match["items"])))
        else:
            yield Reference(path, _numbers(match["numbers"]), match["heading"] or "")
    for match in SHORT.finditer(text):
        parts = [*file.relative_to(ROOT).with_suffix("").parts]
        sheets = [SHEETS[part] for part in parts if part in SHEETS]
        assert sheets, f"`{match[0]}`: of which system? write the name of its sheet"
        yield Reference(ROOT / "docs" / "facts" / f"{sheets[0]}.md", _numbers(match["numbers"]))


def _numbers(text: str | None) -> tuple[str, ...]:
    return tuple(re.findall(r"\d+(?:\.\d+)?", text or ""))


@cache
def headings(page: Path) -> tuple[str, ...]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return tuple(line.replace("`", "") for line in re.findall(r"^#+ (.*)$", text, re.MULTILINE))


@cache
def numbers(page: Path) -> frozenset[str]:
    """The numbers of sections, `3` and `3.4`, and of the items of numbered lists and tables, as `SECTION.ITEM`."""
    found, section = set(), ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if head := re.match(r"#+ (?:(\d+(?:\.\d+)?)\.? |(.*))", line):
            section = head[1] or head[2]
            found.add(section)
        elif item := re.match(r"(?:(\d+)\. |\| (\d+) \|)", line):
            found.add(f"{section}.{item[1] or item[2]}")
    return frozenset(found)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of headings as forges make them."""
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(page))


def missing(reference: Reference) -> str:
    """What of a reference is not there; empty when all of it is."""
    if not reference.page.is_file():
        return f"{reference.page.relative_to(ROOT)} does not exist"
    if reference.heading and reference.heading not in headings(reference.page):
        return f"{reference.page.name} has no heading {reference.heading!r}"
    gone = [number for number in reference.numbers if number not in numbers(reference.page)]
    return f"{reference.page.name} has no {', '.join(gone)}" if gone else ""


@pytest.mark.parametrize("folder", CODE)
def test_what_code_cites_is_there(folder: str) -> None:
    wrong = []
    for file in CODE[folder]:
        text = file.read_text(encoding="utf-8")
        if not re.search(r"\.md\b|\bfacts\b", text):
            continue
        texts = comments(file) if file.suffix == ".py" else [" ".join(text.split())]
        gone = [why for said in texts for reference in cited(said, file) if (why := missing(reference))]
        named = re.findall(r"\bdocs/[\w/-]+\.md\b", text)  # in messages, too
        gone += [f"{page} does not exist" for page in named if not (ROOT / page).is_file()]
        wrong += [f"{file.relative_to(ROOT)}: {why}" for why in dict.fromkeys(gone)]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_a_page_and_its_heading(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        path = page if not target else page.parent / target
        if not target.startswith(("http:", "https:", "mailto:")):
            assert path.exists(), link
            assert not anchor or anchor in anchors(path.resolve()), link


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.parent.name != "facts"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_what_a_page_says_of_code_is_there(page: Path) -> None:
    """`reconciler/…`, `tests/…::test_x`, or short, `planning/match.py`, `apply/fence`, `remote/files.replace`."""
    gone = []
    for named in PATH.findall(page.read_text(encoding="utf-8")):
        name, _, inside = named.partition("::")
        first = name.split("/", 1)[0]
        bases = [base for base in (ROOT, ROOT / "reconciler") if base / first in tracked_folders()]
        if bases and not any(_stands(base / name, inside) for base in bases):
            gone.append(named)
    assert not gone


def _stands(path: Path, inside: str) -> bool:
    module = path if path.suffix == ".py" else path.with_suffix(".py")  # `module.value`, `module`
    is_there = path in tracked() or path in tracked_folders()
    if not is_there and module in tracked() and path.suffix:
        inside = path.suffix.removeprefix(".")
    if not (is_there or module in tracked()):
        return False
    if not inside:
        return True
    text = (path if path in tracked() else module).read_text(encoding="utf-8")
    return re.search(rf"\b{inside}\b", text) is not None


CALLERS = re.compile(r"\b(?:[Cc]alled|[Uu]sed|[Aa]sked|[Mm]ade|[Ww]ritten) by ((?:`[\w./]+`(?:, | and |, and )?)+)")
CALLS = re.compile(r"((?:`[\w./]+`(?:, | and |, and )?)+) (?:calls?|asks?|uses?|reads?|writes?) it\b")


def test_what_a_module_says_of_its_callers_is_there() -> None:
    """`name` is a module, or a function or class in one; `module.name` begins with a module."""
    names, docs = set[str](), dict[str, str]()
    for file in CODE["reconciler"]:
        names |= set(file.relative_to(ROOT).with_suffix("").parts)
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names |= {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
        docs[str(file.relative_to(ROOT))] = " ".join((ast.get_docstring(tree) or "").split())
    named = [
        (file, name)
        for file, text in docs.items()
        for match in [*CALLERS.finditer(text), *CALLS.finditer(text)]
        for name in re.findall(r"`([\w./]+)`", match[1])
    ]
    assert len(named) > 30
    gone = [(file, n) for file, n in named if "/" not in n and not {*n.removesuffix(".py").split(".")} <= names]
    assert gone == []
