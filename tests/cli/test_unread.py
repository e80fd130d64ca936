"""What could not be read is said where it is seen: a red block above the warnings, and the next thing to do."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Command, Open
from tests.cli.site import ANNA, ANNA_DECLARED, StandInSite

BLOCK = "could not be read, so nothing is planned there:"


@pytest.fixture
def blind(site: StandInSite) -> StandInSite:
    """OX does not answer, and the map is not where the site file says; a warning stands beside that."""
    site.declare("anna.beispiel: {groupware: false}", aliases=["vorstand: [anna.beispiel, nobody@pirat.alt]"])
    site.map.rename(site.map.with_name("moved"))
    site.map.mkdir()
    site.fault("down")
    return site


def test_each_system_stands_in_the_block_with_its_hint(blind: StandInSite, command: Command) -> None:
    answer = command("plan")
    assert answer.status == 5, answer  # the alias leads to nobody
    shown = answer.out
    block = shown[shown.index(BLOCK) :].split("\n\n")[0]
    assert block.index("✗ openxchange: ") < block.index("✗ postfix: ")
    assert block.count("→") == 2
    assert shown.index(BLOCK) < shown.index("refused, and what")
    last = answer.words.split("next: ")[-1]
    assert "(postfixadmin ✓ openxchange ✗ postfix ✗ letters ✓)" in answer.words
    assert last.startswith(tuple(block.split("→ ")[1].split()[:2])), last
    assert "then reconciler plan" in last


def test_every_form_has_the_hint(blind: StandInSite, command: Command) -> None:
    reads = {read["system"]: read for read in command("plan", "--format", "json").json["reads"]}
    assert reads["postfix"]["unknown"]
    assert reads["postfix"]["hint"]
    assert reads["postfix"]["hint"] not in reads["postfix"]["unknown"]
    text = command("plan", "--format", "markdown").out
    assert text.index(BLOCK) < text.index("| | what |")
    shown = command("show", ANNA, "--format", "json").json
    assert set(shown["hints"]) == set(shown["unknown"]) == {"openxchange", "postfix"}
    said = command("show", ANNA).out
    assert "".join(reads["postfix"]["hint"].split()) in "".join(said.split())  # wherever lines end


def test_drift_says_to_mend_it_and_look_again(blind: StandInSite, command: Command) -> None:
    assert "then reconciler drift" in command("drift").words


def test_it_is_red_and_a_run_says_it_too(site: StandInSite, terminal: Open) -> None:
    site.declare("technik: {groupware: false}")
    site.map.rename(site.map.with_name("moved"))
    site.map.mkdir()
    shown = terminal("apply", "--yes")
    assert shown.status() == 9
    assert f"\x1b[1;31m{BLOCK}" in shown.seen
    assert shown.plain.count(BLOCK) == 2  # of the plan and of what became of it
    assert " ".join(shown.plain.split()).endswith("then reconciler plan")  # wrapped where the folder's name is long


def test_a_ledger_that_is_not_there_says_how_to_mend_it(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    site.sql("UPDATE reconciler_meta SET value = '999' WHERE name = 'version'")
    answer = command("plan")
    assert answer.status == 9, answer
    assert "✗ ledger: " in answer.out


def test_files_that_are_not_there_are_named_once_with_their_setting(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    site.write(ledger={"url": "sqlite:///gone/ledger.sqlite"})
    (site.folder / "members.csv").unlink()
    for form in ("text", "markdown"):
        answer = command("plan", "--format", form)
        assert answer.status == 9
        assert "ledger: there is no file " in answer.words
        last = answer.words.split("next: ")[-1]
        assert last.startswith("export the register to there, or correct ")
        assert "reconciler ledger init" in last
