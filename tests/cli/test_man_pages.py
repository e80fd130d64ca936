"""The manual pages that a release has: one for each command, sound roff, with what `--help` says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli import man_pages
from reconciler.cli.exit_status import Status
from reconciler.declared.json_schema import site_schema
from reconciler.declared.site_file.planner import VARIABLE
from tests.cli.test_help import COMMANDS
from tests.services.needs import require


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pages, as `make man` writes them."""
    made = tmp_path_factory.mktemp("man") / "build" / "man"
    subprocess.run([sys.executable, "-m", "reconciler.cli.man_pages", str(made)], check=True)
    return made


def page_of(name: str) -> str:
    return f"reconciler-{name.replace(' ', '-')}.1"


def read(file: Path) -> str:
    """As somebody sees it on a very wide terminal."""
    (man,) = require("man-db", "man")
    env = {**os.environ, "MANWIDTH": "500", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8"}
    done = subprocess.run([man, "-l", str(file)], env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return " ".join(done.stdout.split())


def test_each_command_has_a_page_and_nothing_else_has(folder: Path) -> None:
    expected = {"reconciler.1", "reconciler.yaml.5", *map(page_of, COMMANDS)}
    assert {file.name for file in folder.iterdir()} == expected


def test_the_first_page_names_every_command_and_status(folder: Path) -> None:
    shown = read(folder / "reconciler.1")
    for name in COMMANDS:
        assert f"{page_of(name).removesuffix('.1')}(1)" in shown
    assert set(man_pages._STATUSES) == set(Status)


def test_the_first_page_names_the_variables_of_the_environment(folder: Path) -> None:
    shown = read(folder / "reconciler.1").partition(" ENVIRONMENT ")[2].partition(" EXIT STATUS ")[0]
    for name in ("RECONCILER_SITE", "RECONCILER_STATE", VARIABLE, "NO_COLOR"):
        assert name in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_says_what_the_help_says(folder: Path, name: str) -> None:
    shown, command = read(folder / page_of(name)), COMMANDS[name]
    text = " ".join((command.help or "").split())
    about, _, example = text.partition("Example: ")
    assert about.partition(" Exit status ")[0].strip() in shown
    assert example in shown  # letter for letter, as it is copied from there
    for parameter in command.params:
        if help_text := getattr(parameter, "help", None):
            assert " ".join(help_text.split()) in shown
        if parameter.param_type_name == "option":
            assert all(option in shown for option in parameter.opts)


def test_the_site_file_has_a_page_with_every_key(folder: Path) -> None:
    schema = site_schema()
    shown = read(folder / "reconciler.yaml.5")
    models = [schema, *(m for m in schema["$defs"].values() if "properties" in m)]
    for key, field in ((key, field) for model in models for key, field in model["properties"].items()):
        assert f"{key} {' '.join(field['description'].split())}" in shown


def test_two_readers_of_manual_pages_have_nothing_to_warn_of(folder: Path) -> None:
    (man,), (mandoc,) = require("man-db", "man"), require("mandoc", "mandoc")
    files = sorted(map(str, folder.iterdir()))
    lint = subprocess.run([mandoc, "-T", "lint", "-W", "warning", *files], capture_output=True, text=True, check=False)
    assert lint.stdout == ""
    env = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run([man, "--warnings", "-l", *files], env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""


@pytest.mark.parametrize("text", [".so /etc/passwd", "'br", r"\fB", "-- 'a' `b` ^ ~", r"a\nb"])
def test_no_text_is_taken_for_a_request(tmp_path: Path, text: str) -> None:
    file = tmp_path / "page.1"
    file.write_text(f'.TH "X" 1 "2026-11-29" "x" "x"\n.SH NAME\nx \\- y\n.SH DESCRIPTION\n{man_pages._text(text)}\n')
    assert f"DESCRIPTION {text}" in read(file)


def test_a_release_that_is_built_again_has_the_same_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1795824000")
    assert '"2026-11-28"' in man_pages.pages()["reconciler.1"].splitlines()[0]
