"""What the documents claim is true: sudoers lines, decisions, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.settings import Postfix
from reconciler.systems.postfix.tools import sudoers_lines

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_sudoers_lines_in_the_docs_are_the_real_ones() -> None:
    section = Postfix(host="mail.example", sender_access="hash:/etc/postfix/maps/sender_access")
    lines = "\n".join(sudoers_lines(section, "reconciler"))
    assert f"```\n{lines}\n```" in (ROOT / "docs" / "postfix.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    for page in folder.glob("0*.md"):
        assert f"({page.name})" in listed
