"""What the help texts and docs/commands.md claim is true: every command, every option and every example exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from reconciler.cli.command_options import Listed
from reconciler.cli.commands import app
from reconciler.cli.exit_status import Status, worst
from tests.cli.conftest import Command

DOCS = Path(__file__).parents[2] / "docs"
_GROUP = typer.main.get_command(app)
assert isinstance(_GROUP, TyperGroup)
_LISTED = {
    **{name: known for name, known in _GROUP.commands.items() if isinstance(known, Listed)},
    **{
        f"{group} {name}": known
        for group, inner in _GROUP.commands.items()
        if isinstance(inner, TyperGroup)
        for name, known in inner.commands.items()
        if isinstance(known, Listed)
    },
}
COMMANDS = {words: known.whole for words, known in _LISTED.items()}
"""By the words that stand behind `reconciler`."""


def parsed(line: str) -> list[str]:
    """The line as the command itself parses it. Raises what a wrong usage raises."""
    words = shlex.split(line, comments=True)
    assert words[0] == "reconciler"
    name = name_in(line)
    return list(COMMANDS[name].make_context(name, words[1 + len(name.split()) :]).params)


def name_in(line: str) -> str:
    """Which command a line calls."""
    words = shlex.split(line, comments=True)
    found = [" ".join(words[1:length]) for length in (3, 2) if " ".join(words[1:length]) in COMMANDS]
    assert found, f"there is no such command: {line}"
    return found[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_that_works(command: Command, name: str) -> None:
    answer = command(*name.split(), "--help")
    assert answer.status == 0
    assert "Usage: reconciler" in answer.words
    assert f"Example: reconciler {name}" in answer.words
    assert "[[" not in answer.out
    (example,) = re.findall(r"Example: (reconciler .*)", COMMANDS[name].help or "")
    assert f"  Example: {example}\n" in answer.out  # on one line: it is copied from there
    # what is redirected is the shell's
    parsed(example.partition(" >")[0])


def test_help_lists_every_command(command: Command) -> None:
    answer = command("--help")
    assert answer.status == 0
    for name in COMMANDS:
        assert f" {name.split()[0]} " in answer.words


def test_the_list_has_headings_and_each_command_is_under_one_of_them(command: Command) -> None:
    listed = re.findall(r"(?m)^  ([a-z-]+(?: [a-z]+)?)  ", command("--help").out.partition("Begin:")[2])
    assert isinstance(_GROUP, TyperGroup)
    assert sorted(listed) == sorted(_GROUP.commands)
    assert "\nCommands:" not in command("--help").out


@pytest.mark.parametrize("words", COMMANDS)
def test_the_list_says_what_the_command_says(words: str) -> None:
    """The list is made without building any."""
    listed, whole = _LISTED[words], COMMANDS[words]
    assert listed.name == whole.name == words.split()[-1]
    assert listed.get_short_help_str(500) == whole.get_short_help_str(500)
    assert " ".join((whole.help or "").split()).startswith(whole.get_short_help_str(500))


def test_without_a_command_help_is_shown(command: Command) -> None:
    answer = command()
    assert answer.status == 2
    assert "Usage: reconciler" in answer.words


def _lines_of_commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (DOCS / "commands.md").read_text(encoding="utf-8"), re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip().startswith("reconciler")]


def test_the_page_of_commands_has_each_and_no_other() -> None:
    lines = _lines_of_commands()
    assert len(lines) >= 5
    for line in lines:
        parsed(line.partition(" >")[0])
    assert {name_in(line) for line in lines} >= {name for name in COMMANDS if " " not in name}


EDITS = {
    "add mailbox",
    "add alias",
    "add block",
    "unblock",
    "rename",
    "remove",
    "reset-password",
    "confirm",
    "adopt",
    "fmt",
}
WITHOUT_REPORT = {
    "unlock",
    "ledger init",
    "ledger check",
    "ledger upgrade",
    "ledger prune",
    "import",
    "letters preview",
    "remote install",
    "remote uninstall",
    "ci init",
    *EDITS,
}
"""They say what they did; there is nothing to be read by a program."""


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("schema", "demo", "init", "report")])
def test_where_something_is_read_the_site_can_be_named(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert "--site" in options
    assert "--format" in options or name in WITHOUT_REPORT


def test_every_exit_status_of_the_help_texts_is_explained() -> None:
    told = set(re.findall(r"^\| (\d) \|", (DOCS / "exit-statuses.md").read_text(encoding="utf-8"), re.MULTILINE))
    for name, known in COMMANDS.items():
        assert set(re.findall(r"\b(\d): ", known.help or "")) <= told, name


def test_the_order_of_statuses_is_the_one_that_is_promised() -> None:
    words = " ".join((DOCS / "exit-statuses.md").read_text(encoding="utf-8").split())
    told = re.search(r"the first of these is the status: ([\d, ]+)\. ", words)
    assert told
    order = [Status(int(number)) for number in told[1].split(", ")]
    assert set(order) == set(Status)
    for place, status in enumerate(order):
        assert worst(*reversed(order[place:])) is status


def test_nothing_forces_every_gate() -> None:
    """A gate is lifted by an entry in git, for one subject and until a day; `--yes` only spares the question."""
    known = {
        "--site",
        "--state",
        "--format",
        "--out",
        "--reviewed",
        "--due",
        "--verbose",
        "--yes",
        "--strict",
        "--quiet",
        "--remember",
        "--patch",
        "--limit",
        "--head",
        "--html",
        "--mask",
        "--markdown",
        "--terraform-report",
        "--replace",
        "--comment",
        "--issue",
        "--forge",
        "--forge-url",
        "--forge-project",
        "--forge-ca",
        "--forge-plain-http",
        "--merge-request",
        "--code-quality",
        "--junit",
        "--sarif",
        "--metrics",
        "--github",
        "--check",
        "--max-age",
        "--check-as",
        "--ok-when-pending",
        "--ping",
        "--before",
        "--kind",
        "--language",
        "--write",
        "--into",
        "--domain",
        "--overwrite",
        "--sender",
        "--recipient",
        "--queue",
        "--older",
        "--block",
        "--probe",
        "--look-in",
        "--without",
        "--moving-to",
        "--account",
        "--grants",
        "--base",
        "--only",
        "--changed",
        "--key",
        "--user",
        "--package",
        "--shard",
        "--shards",
        "--merge",
    }
    # what these commands write stands in git, and is reviewed there
    entry = set(re.findall(r"--[a-z-]+", """
        --check --commit --reason --date --expires --until --given-name --surname --name --member --quota --groupware
        --username --former-surname --ticket --old-mailbox --groupware-account --set
    """))  # fmt: skip
    for name, command in COMMANDS.items():
        options = {o for parameter in command.params for o in parameter.opts if o.startswith("--")}
        assert options <= (known | entry if name in (*EDITS, "queue delete", "init", "drift") else known), (
            f"{name}: does a new option lift gates?"
        )


def test_no_help_speaks_of_types_as_programmers_do(command: Command) -> None:
    for name in ("report", "drift", "plan"):
        shown = command(*name.split(), "--help").out
        assert not re.search(r"<(str|list\[|int)", shown)
    assert re.search(r"\n  FILE +What plan, drift", command("report", "--help").out)
