"""What the documents claim is true: sudoers lines, gates, statuses, generated pages, decisions."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.exit_status import Status
from reconciler.doctor.context import Role
from reconciler.model.declared import CONFIRMABLE
from reconciler.planning.transitions import Effect
from reconciler.settings import Postfix
from reconciler.systems.postfix.sudoers import queue_sudoers_lines, sudoers_lines
from tests import pages
from tests.doctor.granted import granted, optional

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def test_the_sudoers_lines_in_the_docs_are_the_real_ones() -> None:
    section = Postfix(host="mail.example", sender_access="hash:/etc/postfix/maps/sender_access")
    lines = "\n".join(sudoers_lines(section, "reconciler"))
    assert f"```\n{lines}\n```" in (DOCS / "postfix.md").read_text(encoding="utf-8")
    lines = "\n".join(queue_sudoers_lines(section, "reconciler"))
    assert f"```\n{lines}\n```" in (DOCS / "queue.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("database", ["MariaDB", "PostgreSQL"])
@pytest.mark.parametrize(("command", "account"), [("plan and drift", Role.PLANNER), ("apply", Role.APPLIER)])
def test_the_grants_in_the_docs_are_those_that_doctor_prints(database: str, command: str, account: Role) -> None:
    lines = "\n".join(granted(database, account))
    page = (DOCS / "database.md").read_text(encoding="utf-8")
    assert f"### {database}: {command}\n\n```sql\n{lines}\n```" in page


def test_the_optional_grants_in_the_docs_are_those_that_doctor_prints() -> None:
    assert "```sql\n{}\n```".format("\n".join(optional("MariaDB"))) in (DOCS / "database.md").read_text("utf-8")


@pytest.mark.parametrize("page", pages.PAGES)
def test_what_is_written_from_the_code_is_up_to_date(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == pages.PAGES[page](), "run `make pages`"


def test_every_decision_is_listed() -> None:
    listed = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    for page in (DOCS / "decisions").glob("0*.md"):
        assert f"({page.name})" in listed


def test_every_status_has_its_meaning_and_what_to_do() -> None:
    rows = re.findall(r"^\| (\d) \| (.+) \| (.*)\|$", (DOCS / "exit-statuses.md").read_text("utf-8"), re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == [int(status) for status in Status]
    assert all(act.strip() for number, _, act in rows if number != "0")


def gates_page() -> dict[str, list[list[str]]]:
    """Heading → the rows of its table."""
    tables: dict[str, list[list[str]]] = {}
    for part in (DOCS / "gates.md").read_text(encoding="utf-8").split("\n## ")[1:]:
        heading, _, text = part.partition("\n")
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
        tables[heading] = rows[2:]
    return tables


def named(heading: str) -> set[str]:
    return {rule for row in gates_page()[heading] for rule in re.findall(r"`([a-z-]+)…?`", row[0])}


REFUSALS = ("Gates about one subject", "Gates about the whole plan")


def rules_of(folder: str) -> Iterator[tuple[str, str]]:
    """(rule, severity) of every finding that the modules of a folder make; the severity is empty where it varies."""
    for file in sorted((ROOT / "reconciler" / folder).rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        constants = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _MAKERS:
                values = [constants.get(arg.id) if isinstance(arg, ast.Name) else _text(arg) for arg in node.args[:3]]
                kind = next((a.attr for a in node.args if isinstance(a, ast.Attribute) and a.attr.isupper()), "")
                kind = "REFUSAL" if node.func.id == "refusal" else kind
                yield from (
                    (str(rule), kind) for rule in values if rule and re.fullmatch(r"[a-z]+(-[a-z]*)*", str(rule))
                )


_MAKERS = {"Finding", "refusal", "about", "_finding", "note", "_note", "_about", "NoLetter"}


def _text(node: ast.expr) -> object:
    """A text, or the part of it before the first value."""
    if isinstance(node, ast.JoinedStr):
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) else None


def test_the_page_of_gates_has_what_they_refuse_and_nothing_else() -> None:
    limits = {f"{effect}s" for effect in Effect}
    refused = {rule for folder in ("policy", "systems") for rule, kind in rules_of(folder) if kind == "REFUSAL"}
    assert set().union(*map(named, REFUSALS)) == refused | limits | set(CONFIRMABLE)


def test_the_page_says_which_gates_a_confirmation_lifts() -> None:
    rows = [row for heading in REFUSALS for row in gates_page()[heading]]
    lifted = {row[0].strip("`") for row in rows if "*confirm*" in row[3] or row[3] == "the same"}
    assert lifted == set(CONFIRMABLE)


def test_every_rule_of_a_plan_is_explained() -> None:
    """Those of the gates and of the systems' reviews; `unmanaged-line-…` stands for all that begin so."""
    said = {rule for folder in ("policy", "systems") for rule, _ in rules_of(folder)}
    explained = set().union(*map(named, [*REFUSALS, "What waits", "Warnings and notes"]))
    beginnings = tuple(rule for rule in explained if rule.endswith("-"))
    assert {rule for rule in said - explained if not rule.startswith(beginnings)} == set()


def test_an_archive_and_a_wheel_carry_license_readme_and_changelog(tmp_path: Path) -> None:
    """Built of the package's first file alone: what is asked here is which other files go along."""
    source = tmp_path / "source"
    (source / "reconciler").mkdir(parents=True)
    for name in ("pyproject.toml", "MANIFEST.in", "LICENSE", "Makefile", *(path.name for path in ROOT.glob("*.md"))):
        shutil.copy(ROOT / name, source)
    shutil.copy(ROOT / "reconciler" / "__init__.py", source / "reconciler")
    build = "from setuptools import build_meta as b; b.build_sdist('..'); b.prepare_metadata_for_build_wheel('..')"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    (archive,), (wheel,) = tmp_path.glob("*.tar.gz"), tmp_path.glob("*.dist-info")
    with tarfile.open(archive) as tar:
        inside = {member.name.partition("/")[2] for member in tar.getmembers()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"} <= inside
    assert (wheel / "licenses" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    metadata = (wheel / "METADATA").read_text(encoding="utf-8")
    assert "License-Expression: Apache-2.0" in metadata
    assert (ROOT / "README.md").read_text(encoding="utf-8")[:200] in metadata


def test_ten_questions_have_files_as_answers() -> None:
    """That each file is there is a matter of test_references."""
    part = (
        (DOCS / "architecture.md").read_text(encoding="utf-8").partition("## Ten questions\n")[2].partition("\n## ")[0]
    )
    rows = [line.split(" | ") for line in part.splitlines() if line.endswith(" |")][1:]
    assert len(rows) == 10
    assert all(question.endswith("?") and re.search(r"`\w+/[\w/]+\.py`", answer) for question, answer in rows)


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in DOCS.glob("*.md") if path.name != "README.md" and f"({path.name})" not in index] == []
