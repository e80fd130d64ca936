"""What goes waits for the aliases that lead to it: one that could not be led elsewhere keeps its old, living target."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite
from tests.policy.test_account_lives import TECHNIK, removal, settles

INFO, PRESSE = f"info@{DOMAIN}", f"presse@{DOMAIN}"
BEFORE = ("info: [presse]", "presse: [bernd.muster]")


@pytest.fixture
def live(site: StandInSite, command: Command) -> StandInSite:
    """`info` leads over `presse` to Bernd; of Anna's new account the database will refuse the mailbox."""
    site.write(policy={"limits": {"removals": {"at_least": 20, "number": 20}}})
    site.declare(BERND_DECLARED, TECHNIK, aliases=BEFORE)
    settles(command)
    site.sql(
        f"CREATE TRIGGER trouble BEFORE INSERT ON mailbox WHEN NEW.username = '{ANNA}' "
        "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
    )
    return site


@pytest.mark.parametrize(
    ("declared", "aliases", "more", "waiting"),
    [
        ([ANNA_DECLARED, BERND_DECLARED], ["info: [neu]", "neu: [anna.beispiel]"], {}, PRESSE),
        (
            [ANNA_DECLARED, BERND_DECLARED],
            ["info: [anna.beispiel]", "presse: {goto: [bernd.muster], active: false}"],
            {},
            PRESSE,
        ),
        (
            [ANNA_DECLARED],
            ["info: [presse]", "presse: [anna.beispiel]"],
            {"removals": [removal("bernd.muster")]},
            BERND,
        ),
        (
            [ANNA_DECLARED, BERND_DECLARED.replace("}", ", active: false}")],
            ["info: [presse]", "presse: [anna.beispiel]"],
            {},
            BERND,
        ),
    ],
    ids=["taken out", "switched off", "removal", "inactive"],
)
def test_nothing_goes_while_an_alias_still_leads_there(
    live: StandInSite, command: Command, declared: list[str], aliases: list[str], more: dict[str, Any], waiting: str
) -> None:
    live.declare(*declared, TECHNIK, aliases=aliases, more=more)
    answer = command("apply", "--yes", "--format", "json")
    assert answer.status == 8, answer.words
    before = [(INFO, PRESSE, 1), (PRESSE, BERND, 1), (BERND, BERND, 1)]
    query = "SELECT address, goto, active FROM alias WHERE address IN (?, ?, ?) ORDER BY address"
    assert [tuple(row.values()) for row in live.sql(query, INFO, PRESSE, BERND)] == sorted(before)
    live.sql("DROP TRIGGER trouble")
    assert command("resume", "--yes").status == 0
    settles(command)
    (row,) = live.sql("SELECT count(*) AS n FROM alias WHERE address = ? AND active = 1", waiting)
    assert row["n"] == 0


def test_a_purge_waits_for_an_alias_that_still_leads_there(live: StandInSite, command: Command) -> None:
    """Somebody led the alias back to the mailbox that is off; its mail comes back from there until the purge, too."""
    gone = {"removals": [removal("bernd.muster")]}
    live.declare(TECHNIK, aliases=["info: [technik]", "presse: [technik]"], more=gone)
    settles(command)
    live.sql("UPDATE alias SET goto = ? WHERE address = ?", BERND, PRESSE)
    gone = {"removals": [removal("bernd.muster", -100)]}
    live.declare(ANNA_DECLARED, TECHNIK, aliases=["info: [technik]", "presse: [anna.beispiel]"], more=gone)
    assert command("apply", "--yes").status == 8
    assert live.mailbox(BERND) is not None
    live.sql("DROP TRIGGER trouble")
    assert command("resume", "--yes").status == 0
    assert (live.mailbox(BERND), live.goto(PRESSE)) == (None, ANNA)
