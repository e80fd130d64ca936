"""`reconciler adopt`: drift that was right becomes what is declared; then the plan has nothing to do with it."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, DOMAIN, StandInSite
from tests.cli.test_edit import done

TECHNIK = "technik: {groupware: false, quota: 512 MB}  # of technik"
ALIASES = ("vorstand: [anna.beispiel, technik]  # the board", "presse: anna.beispiel")
BLOCKS = ("domain: example.org, reason: spam",)


@pytest.fixture
def applied(site: StandInSite, command: Command) -> StandInSite:
    site.declare(ANNA_DECLARED, TECHNIK, aliases=ALIASES, blocks=BLOCKS)
    done(command("apply", "--yes"))
    return site


def state(site: StandInSite) -> str:
    return (site.folder / "state" / "state.yaml").read_text("utf-8")


def adopted(command: Command, *subjects: str) -> None:
    """Before, the plan would undo it; afterwards it has nothing to do."""
    assert command("plan").status == 4
    done(command("adopt", *subjects))
    answer = command("plan")
    assert answer.status == 0, answer.words


def test_fields_that_are_managed(applied: StandInSite, command: Command) -> None:
    applied.sql("UPDATE mailbox SET quota = ?, active = 0 WHERE username = ?", 1024 * 1024000, f"technik@{DOMAIN}")
    applied.sql("UPDATE alias SET active = 0 WHERE address = ?", f"technik@{DOMAIN}")
    adopted(command, "technik")
    assert "technik: {groupware: false, quota: 1024 MB, active: false}  # of technik" in state(applied)


def test_names(applied: StandInSite, command: Command) -> None:
    applied.change_ox_user("anna.beispiel", "-s", "Muster", "-d", "Anna Muster")
    applied.sql("UPDATE mailbox SET name = 'Anna Muster' WHERE username = ?", ANNA)
    adopted(command, ANNA)
    assert ANNA_DECLARED.replace("surname: Beispiel", "surname: Muster") in state(applied)


@pytest.mark.parametrize(
    ("goto", "active", "written"),
    [
        (f"technik@{DOMAIN},k@extern.example", 1, "vorstand: [k@extern.example, technik]  # the board"),
        (f"technik@{DOMAIN}", 1, "vorstand: [technik]  # the board"),
        (f"{ANNA},technik@{DOMAIN},k@extern.example", 0,
         "vorstand: {goto: [anna.beispiel, technik, k@extern.example], active: false}  # the board"),
    ],
)  # fmt: skip
def test_an_alias(applied: StandInSite, command: Command, goto: str, active: int, written: str) -> None:
    applied.sql("UPDATE alias SET goto = ?, active = ? WHERE address = ?", goto, active, f"vorstand@{DOMAIN}")
    adopted(command, "vorstand")
    assert written in state(applied)


def test_an_alias_and_a_block_that_are_gone(applied: StandInSite, command: Command) -> None:
    applied.sql("DELETE FROM alias WHERE address = ?", f"presse@{DOMAIN}")
    applied.map.write_text("muster@muster.example REJECT\n")
    adopted(command, "presse", "example.org")
    assert "presse" not in state(applied)
    assert "example.org" not in state(applied)


def test_what_nobody_declared(applied: StandInSite, command: Command) -> None:
    applied.add_mailbox(f"neu@{DOMAIN}", name="Neu")
    applied.add_alias(f"kontakt@{DOMAIN}", ANNA)
    done(command("adopt", "neu", f"kontakt@{DOMAIN}", "muster@muster.example"))
    assert "name: Neu" in state(applied)
    assert "kontakt: [anna.beispiel]" in state(applied)
    assert "sender: muster@muster.example" in state(applied)
    applied.add_alias(f"info@{DOMAIN}", ANNA)
    done(command("adopt", "info"))
    assert done(command("apply", "--yes"))


def test_a_mailbox_that_is_gone_is_no_edit(applied: StandInSite, command: Command) -> None:
    """Deleting is declared, not taken from what somebody did."""
    before = state(applied)
    applied.sql("DELETE FROM mailbox WHERE username = ?", ANNA)
    answer = command("adopt", ANNA)
    assert answer.status == 2
    assert f"{ANNA} is not live" in answer.words
    assert "reconciler remove" in answer.words
    assert command("adopt", "nobody").status == 2
    assert state(applied) == before


def test_what_could_not_be_read_is_not_taken_for_absent(applied: StandInSite, command: Command) -> None:
    before = state(applied)
    applied.fault("down", tool="listuser")
    assert command("adopt", "presse").status == 9
    assert state(applied) == before
