"""README and the pages for administrators show what the program writes and reads."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from reconciler.apply.ledger.tables import declare
from reconciler.cli.commands import app
from reconciler.cli.json_schema import SCHEMAS
from reconciler.declared.load import load_state
from reconciler.planning.plan import Plan
from reconciler.report.text import plan_text
from reconciler.settings import Settings
from tests.report import samples

ROOT = Path(__file__).parents[2]
SITE = {
    "site": "nrw",
    "postfixadmin": {"url": "sqlite:///p.db"},
    "openxchange": {},
    "postfix": {"sender_access": "hash:/x"},
}


def _blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language; plain ones are in the language ""."""
    parts = re.split(r"^```(.*)\n", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [text for fence, text in zip(parts[1::4], parts[2::4], strict=True) if fence == language]


def _written(plan: Plan) -> str:
    return plan_text(plan, width=110, color=False).replace(samples.DOMAIN, "mail.test")


def test_the_plan_in_its_page_is_one_that_is_written() -> None:
    shown = next(block for block in _blocks("docs/plan.md", "") if block.startswith("mail plan"))
    assert shown == _written(samples.readme())


def test_the_line_of_a_rename_in_its_page_is_one_that_is_written() -> None:
    (shown,) = _blocks("docs/rename.md", "")
    assert shown.rstrip("\n") in _written(samples.plan([samples.rename()]))


@pytest.mark.parametrize(
    "text",
    [
        *_blocks("docs/state-language.md", "yaml"),
        *_blocks("docs/rename.md", "yaml")[:2],
    ],
)
def test_the_state_in_the_pages_is_valid(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    named = text if text.startswith(("domain:", "#")) else f"domain: mail.example\n{text}"
    (folder / "all.yaml").write_text(named, encoding="utf-8")
    settings = Settings.model_validate({**SITE, "folder": tmp_path, "state": "state"})
    state = load_state(folder, settings, today=date(2026, 11, 29)).state
    assert state.renames
    assert state.mailboxes


@pytest.mark.parametrize(
    "text", [*_blocks("docs/rename.md", "yaml")[2:], *_blocks("docs/removals.md", "yaml")], ids=lambda text: text[:8]
)
def test_removals_and_confirmations_in_the_pages_are_valid(tmp_path: Path, text: str) -> None:
    (tmp_path / "all.yaml").write_text(f"domain: mail.example\n{text}", encoding="utf-8")
    until = re.search(r"until: (\S+)", text)
    today = date.fromisoformat(until[1]) if until else date(2026, 11, 29)
    settings = Settings.model_validate({**SITE, "folder": tmp_path})
    state = load_state(tmp_path, settings, today=today).state
    assert state.removals or state.confirm


def test_every_table_of_the_ledger_is_explained_and_granted() -> None:
    page = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
    names = {table.name for table in declare()}
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == names
    granted = re.findall(r"^GRANT SELECT, INSERT, UPDATE, DELETE ON postfixadmin\.(\w+) TO", page, re.MULTILINE)
    assert set(granted) == names


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))])
def test_every_command_in_the_pages_is_one(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = [line for block in _blocks(page, "sh") for line in block.splitlines()]
    named = {line.split()[1] for line in lines if line.startswith("reconciler ")}
    named |= set(re.findall(r"`reconciler ([a-z][a-z-]*)", text))
    assert named <= app.listed.keys() | {
        group.typer_instance.info.name for group in app.registered_groups if group.typer_instance
    }


def test_the_page_of_documents_names_every_schema() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?`) \| ", page.partition("## JSON documents")[2], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(SCHEMAS)


def test_the_first_screen_has_two_commands_that_are_there_and_a_picture() -> None:
    screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:24])
    targets = re.findall(r"^make (\w+) ", screen, re.MULTILINE)
    assert len(targets) == 2
    assert all(
        re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE) for target in targets
    )
    assert "](docs/plan.svg)" in screen
    assert "](docs/report.svg)" in (ROOT / "README.md").read_text(encoding="utf-8")
