"""`report --mask` through the command: of a site with people on it no report names anybody."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA_DECLARED, BERND_DECLARED, StandInSite

KEY = "a key of these tests, 32 bytes..."
OUTPUTS = ("--html", "--markdown", "--terraform-report", "--code-quality", "--junit", "--sarif", "--metrics")


@pytest.fixture
def saved(site: StandInSite, command: Command) -> Path:
    """A plan with new accounts and an alias; and what it is in all reports."""
    site.declare(ANNA_DECLARED, BERND_DECLARED, aliases=("vorstand: [anna.beispiel]", "presse: [x@extern.example]"))
    assert command("plan", "--out", "plan.json").status == 4
    return site.folder / "plan.json"


def reports(saved: Path, command: Command, folder: Path, *options: str) -> str:
    folder.mkdir()
    wanted = [argument for option in OUTPUTS for argument in (option, str(folder / f"{option}.prom"))]
    answer = command("report", str(saved), *wanted, *options)
    assert answer.status == 0, answer.err
    return "".join(path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()))


def test_nobody_of_the_site_is_named(
    saved: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_MASK_KEY", KEY)
    open_, hidden = reports(saved, command, tmp_path / "open"), reports(saved, command, tmp_path / "hidden", "--mask")
    names = ["anna", "bernd", "beispiel", "vorstand", "presse", "extern", "10042"]
    assert [name for name in names if name in open_.casefold()] == names
    assert [name for name in names if name in hidden.casefold()] == []
    assert reports(saved, command, tmp_path / "again", "--mask") == hidden


def test_a_check_names_nobody_either(saved: Path, command: Command, tmp_path: Path) -> None:
    """And with the tokens of the report that the same call writes."""
    named = command("report", str(saved), "--check").out
    answer = command("report", str(saved), "--check", "--mask", "--markdown", str(tmp_path / "plan.md"))
    assert answer.status == 1, answer
    written = (tmp_path / "plan.md").read_text()
    addresses = set(re.findall(r"[^\s,|]+@[^\s,|]+", answer.out))
    assert addresses
    assert all(re.fullmatch(r"a-[a-z2-7]{8}@d-[a-z2-7]{5}", address) for address in addresses), addresses
    assert all(address.replace("-", "\\-") in written or address in written for address in addresses)
    assert "bernd" in named.casefold()
    assert not any(name in answer.out.casefold() for name in ("anna", "bernd", "beispiel", "10042"))
    assert answer.err.count("RECONCILER_MASK_KEY") == 1


def test_without_a_key_tokens_are_of_one_call(saved: Path, command: Command) -> None:
    answers = [command("report", str(saved), "--mask", "--markdown", "-") for _ in range(2)]
    assert answers[0].out != answers[1].out
    assert "RECONCILER_MASK_KEY" in answers[0].err


def test_a_key_that_could_be_guessed_is_refused(
    saved: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("short\n")
    monkeypatch.setenv("RECONCILER_MASK_KEY_FILE", str(tmp_path / "key"))
    answer = command("report", str(saved), "--mask", "--markdown", "-")
    assert (answer.status, answer.out) == (2, "")
    assert "openssl rand -hex 32" in answer.err
    assert "short" not in answer.err.replace("too short", "")
