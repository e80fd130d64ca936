"""A ledger that somebody edited, or lost a part of: no command takes that for a bug of ours, or for nothing."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, DOMAIN, StandInSite, today

ALIAS = f"info@{DOMAIN}"


@pytest.fixture
def used(site: StandInSite, command: Command) -> StandInSite:
    """A site whose only run made an account and an alias, which is not declared any more, and reset a password."""
    site.declare(ANNA_DECLARED.replace("}", f", password_reset: {today()}}}"), aliases=["info: [anna.beispiel]"])
    assert command("apply", "--yes").status == 0
    site.declare(ANNA_DECLARED.replace("}", f", password_reset: {today()}}}"))
    return site


@pytest.mark.parametrize(
    ("edit", "commands"),
    [
        ("UPDATE reconciler_runs SET state = 'gone'", (["history"], ["history", "1"], ["history", ANNA], ["resume"])),
        ("UPDATE reconciler_runs SET started = 'gestern'", (["history"], ["history", ANNA])),
        ("UPDATE reconciler_steps SET state = 'ok'", (["history"], ["history", "1"], ["history", ANNA])),
        ("UPDATE reconciler_steps SET began = ''", (["history", "1"], ["history", ANNA])),
        ("UPDATE reconciler_steps SET after = 'kaputt', origin = 'kaputt'", (["history", "1"], ["history", ANNA])),
        ("UPDATE reconciler_steps SET after = '7'", (["history", "1"], ["history", ANNA], ["letters", "list"])),
        ("UPDATE reconciler_inventory SET value = 'x'", (["plan"], ["apply", "--yes"], ["drift"], ["show", ALIAS])),
        ("UPDATE reconciler_inventory SET value = '7'", (["plan"], ["apply", "--yes"])),
        (
            "UPDATE reconciler_lock SET expires = '2026-12-01 00:00', holder = 'h', host = 'h', since = 'x', pid = 'p'",
            (["unlock", "--yes"], ["apply", "--yes"], ["resume", "--yes"]),
        ),
    ],
)
def test_what_somebody_wrote_into_its_rows_is_said(
    used: StandInSite, command: Command, edit: str, commands: tuple[list[str], ...]
) -> None:
    used.sql(edit)
    for words in commands:
        answer = command(*words)
        assert answer.status != 1, (words, answer)
        assert "bug" not in answer.words
        if answer.status == 9:
            assert "cannot be read" in answer.words, (words, answer)
            assert "compare with a backup" in answer.words
    assert any(command(*words).status == 9 for words in commands)


@pytest.mark.parametrize("table", ["inventory", "one_shots", "steps", "runs", "lock"])
def test_a_table_that_is_gone_is_not_made_empty(used: StandInSite, command: Command, table: str) -> None:
    """An empty one would know of nothing that is ours, and of no letter."""
    used.sql(f"DROP TABLE reconciler_{table}")
    for words in (["ledger", "check"], ["plan"], ["apply", "--yes"], ["ledger", "init"]):
        answer = command(*words)
        assert answer.status == 9, (words, answer)
        assert "bring them back from the backup" in answer.words, (words, answer)
        assert "run `reconciler ledger init`" not in answer.words


def test_what_only_the_ledger_knows_is_not_planned_while_it_is_unknown(used: StandInSite, command: Command) -> None:
    """The password was reset today already; and without a ledger nothing is applied meanwhile."""
    used.declare(ANNA_DECLARED.replace("}", f", password_reset: {today()}}}"), aliases=["neu: [anna.beispiel]"])
    used.sql("UPDATE reconciler_meta SET value = '999' WHERE name = 'version'")
    planned = command("plan")
    assert planned.status == 9, planned
    assert f"+ neu@{DOMAIN}" in planned.words
    assert "new password" not in planned.words
    assert "password_reset" not in planned.words
    assert "meanwhile" not in planned.words
    assert command("apply", "--yes").status == 9
    assert used.goto(f"neu@{DOMAIN}") is None
