"""A command imports what it runs, when it runs. What it takes is measured in docs/benchmarks.md; here no clock runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler import __version__
from reconciler.cli import json_schema
from reconciler.cli.commands import SCHEMAS
from tests.cli.running import environment
from tests.cli.test_help import COMMANDS

LIVE = {"sqlalchemy", "pymysql", "psycopg", "asyncssh", "cryptography", "bcrypt", "argon2", "passlib", "jinja2", "nacl"}
"""What talks to live systems, or makes what goes there."""
SLOW = LIVE | {"rich", "markdown_it", "pygments", "ruamel", "asyncio", "multiprocessing", "email", "ctypes"}

_IMPORTED = """
import gc, json, os, sys
ours = os.fdopen(os.dup(2), "w")  # while somebody types, the command writes nothing beside
sys.argv[0] = "reconciler"
import reconciler.cli.main as entry
entry.leave = lambda status: None  # which ends the process before anybody can look
try:
    entry.main()
finally:
    from typer.core import TyperArgument, TyperOption
    modules = [name for name, module in sys.modules.items() if module]
    built = [each.name for each in gc.get_objects() if isinstance(each, TyperArgument | TyperOption)]
    print(json.dumps([modules, built]), file=ours, flush=True)
"""


def imported(*arguments: str, folder: Path | None = None, env: Mapping[str, str] | None = None) -> set[str]:
    """The modules that a fresh process has imported at the end of this command, which must succeed."""
    return imported_and_built(*arguments, folder=folder, env=env)[0]


def imported_and_built(
    *arguments: str, folder: Path | None = None, env: Mapping[str, str] | None = None
) -> tuple[set[str], set[str]]:
    """These, and the names of all parameters of commands that Typer has built."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED, *arguments],
        cwd=folder,
        env=environment(**(env or {})),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    modules, built = json.loads(done.stderr.splitlines()[-1])
    return set(modules), set(built)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["plan", "--help"], ["validate", "--help"], ["ledger", "init", "--help"]]
)
def test_help_imports_the_command_line_alone(arguments: list[str]) -> None:
    modules = imported(*arguments)
    assert not modules & (SLOW | {"pydantic"})
    ours = {name for name in modules if name.startswith("reconciler.")}
    ours -= {"reconciler.planning", "reconciler.planning.command_status"}  # the numbers of the statuses
    assert {name.split(".")[1] for name in ours} == {"cli", "errors", "report"}
    assert {name for name in ours if name.startswith("reconciler.report.")} == {"reconciler.report.sanitize"}


@pytest.mark.parametrize(
    ("shell", "words", "offered"),
    [
        ("bash", "reconciler v", "validate"),
        ("bash", "reconciler plan --o", "--out"),
        ("bash", "reconciler plan --format j", "json"),
        ("zsh", "reconciler ledger ", '"check":'),
        ("fish", "reconciler drift --q", "--quiet\tPrint nothing"),
    ],
)
def test_completion_imports_the_command_line_alone(shell: str, words: str, offered: str) -> None:
    asked = {
        "_RECONCILER_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
        "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    assert not imported(env=asked) & (SLOW | {"pydantic"})
    done = subprocess.run(
        [sys.executable, "-m", "reconciler"], env=environment(**asked), capture_output=True, text=True, check=True
    )
    assert offered in done.stdout
    assert done.stderr == ""


def test_completion_is_set_up_by_one_line() -> None:
    env = environment(_RECONCILER_COMPLETE="source_zsh")
    done = subprocess.run([sys.executable, "-m", "reconciler"], env=env, capture_output=True, text=True, check=True)
    assert "compdef _reconciler_completion reconciler" in done.stdout


_ONLY_SOMETIMES = (
    "declared.parse.syntax_errors",
    "declared.site_file.ssh_configs",
    "model.record_kinds",
    "model.records",
    "remote.host",
    "remote.ssh_config",
)
"""For a mistake in a file, a site that logs in over SSH, a plan."""


def _small_site(folder: Path) -> None:
    """Its state is one mailbox and nothing else."""
    (folder / "state").mkdir()
    (folder / "state" / "state.yaml").write_text(
        "domain: mail.example\nmailboxes: {anna.beispiel: {given_name: Anna, surname: Beispiel}}\n"
    )
    (folder / "reconciler.yaml").write_text(
        "site: small\nstate: state\npostfixadmin: {url: 'mysql+pymysql://user@db.example/postfixadmin'}\n"
        "openxchange: {}\npostfix: {sender_access: 'hash:/etc/postfix/sender_access'}\n"
    )


def test_validate_costs_no_more_with_more_commands_and_sections(tmp_path: Path) -> None:
    _small_site(tmp_path)
    modules, built = imported_and_built("validate", folder=tmp_path)
    assert built == {"_version_asked", "help", "site", "state", "output"}
    sections = {name for name in modules if name.startswith("reconciler.declared.sections.")}
    assert sections == {"reconciler.declared.sections.mailboxes"}


def test_the_list_of_commands_is_made_without_building_one() -> None:
    assert imported_and_built("--help")[1] == {"_version_asked", "help"}


@pytest.mark.parametrize("arguments", [["validate"], ["add", "alias", "kreis", "anna.beispiel"]])
def test_what_reads_files_alone_imports_nothing_of_live_systems(tmp_path: Path, arguments: list[str]) -> None:
    _small_site(tmp_path)
    modules = imported(*arguments, folder=tmp_path)
    assert not modules & (SLOW - {"ruamel"})
    assert not modules & {"importlib.metadata", "csv", "zipfile", "ssl", "idna", "string"}  # the first for plugins
    assert ("tempfile" in modules) == (arguments[0] == "add")  # for the file that is moved over the old one
    assert not modules & {f"reconciler.{name}" for name in _ONLY_SOMETIMES}
    ours = {".".join(name.split(".")[:2]) for name in modules if name.startswith("reconciler.")}
    assert not ours & {f"reconciler.{room}" for room in ("workflow", "systems", "apply", "policy", "sandbox")}


def test_the_version() -> None:
    done = subprocess.run([sys.executable, "-m", "reconciler", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"reconciler {__version__}\n"


def test_the_list_of_commands_shows_whole_first_sentences() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "--help"], env=environment(), capture_output=True, text=True, check=True
    )
    shown = " ".join(done.stdout.split())
    for name, command in COMMANDS.items():
        if " " not in name:
            assert f"{name} {' '.join((command.help or '').split()).partition('. ')[0]}" in shown
    assert "..." not in shown.removeprefix("Usage: reconciler [OPTIONS] COMMAND [ARGS]...")


def test_a_fresh_process_has_all_words_of_a_schema() -> None:
    """Kinds of systems add some; other tests have made them known in this process."""
    run = subprocess.run([sys.executable, "-m", "reconciler", "schema", "plan"], capture_output=True, check=True)
    assert run.stdout == (Path(__file__).parents[2] / "schemas" / "plan.schema.json").read_bytes()


def test_the_command_line_names_every_schema() -> None:
    """It imports none of them."""
    assert tuple(json_schema.SCHEMAS) == SCHEMAS
