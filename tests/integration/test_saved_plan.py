"""A reviewed plan and a world that moved on: exactly what was reviewed, or nothing (status 6), with a name to it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cli.running import Answer
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, DOMAIN
from tests.integration.sites import RealSite

BLOCK = "domain: example.org, reason: spam"
ANNAS_QUOTA = "UPDATE mailbox SET quota = :quota WHERE username = :a"


@pytest.fixture
def planned(site: RealSite) -> RealSite:
    """A plan is saved: anna's quota, one alias, one block."""
    site.tools = False  # that they are programs is not the point
    site.declare(ANNA_DECLARED, aliases=["vorstand: [anna.beispiel]"])
    assert site.run("apply", "--yes").status == 0
    site.by_hand(ANNAS_QUOTA, quota=512 * 1024000, a=ANNA)
    site.by_hand("UPDATE alias SET goto = 'x@extern.example' WHERE address = :a", a=f"vorstand@{DOMAIN}")
    site.declare(ANNA_DECLARED, aliases=["vorstand: [anna.beispiel]"], blocks=[BLOCK])
    assert site.run("plan", "--out", "plan.json").status == 4
    return site


def apply(site: RealSite) -> Answer:
    return site.run("apply", "plan.json", "--yes")


def test_nothing_moved(planned: RealSite) -> None:
    assert apply(planned).status == 0
    assert planned.run("plan").status == 0


Move = Callable[[RealSite], None]


def _another_quota(site: RealSite) -> None:
    site.by_hand(ANNAS_QUOTA, quota=1024 * 1024000, a=ANNA)


def _mailbox_deleted(site: RealSite) -> None:
    site.by_hand("DELETE FROM mailbox WHERE username = :a", a=ANNA)


def _renamed_in_ox(site: RealSite) -> None:
    site.rename_in_ox("anna.beispiel", "Changed By Hand")


def _put_right_by_hand(site: RealSite) -> None:
    site.by_hand(ANNAS_QUOTA, quota=10240 * 1024000, a=ANNA)


@pytest.mark.parametrize("move", [_another_quota, _mailbox_deleted])
def test_a_touched_account_changed(planned: RealSite, move: Move) -> None:
    """Nothing is done, not even what did not change; the account is named."""
    move(planned)
    before = planned.live()
    answer = apply(planned)
    assert answer.status == 6, answer
    assert ANNA in answer.err
    assert move is not _another_quota or "quota was 512, is 1024" in answer.err
    assert "reconciler plan --out" in answer.err
    assert planned.live() == before
    assert planned.run("plan", "--out", "plan.json").status == 4
    assert apply(planned).status == 0


def test_a_touched_block_changed(planned: RealSite) -> None:
    """Somebody wrote it by hand meanwhile, under another name for the same thing."""
    planned.postfix.write_by_hand(
        "# BEGIN reconciler nrw: declared in git, do not edit\nexample.org DISCARD\n# END reconciler nrw\n"
    )
    answer = apply(planned)
    assert answer.status == 6, answer
    assert "postfix block example.org" in answer.err


def _somebody_else(site: RealSite) -> None:
    site.by_hand(
        "INSERT INTO mailbox (username, password, name, maildir, local_part, domain) "
        f"VALUES ('{BERND}', '', '', '', 'bernd.muster', '{DOMAIN}')"
    )


def _annas_forward(site: RealSite) -> None:
    site.by_hand("UPDATE alias SET goto = :g WHERE address = :a", g=f"{ANNA},x@extern.example", a=ANNA)


def _a_line_by_hand(site: RealSite) -> None:
    site.postfix.write_by_hand("hand@made.example REJECT\n" + site.postfix.map.read_text())


@pytest.mark.parametrize("move", [_somebody_else, _annas_forward, _a_line_by_hand])
def test_what_the_plan_does_not_touch_may_change(planned: RealSite, move: Move) -> None:
    """An untouched object that changed does not matter."""
    move(planned)
    answer = apply(planned)
    assert answer.status == 0, answer
    assert planned.run("plan").status == 0


def _alias_of_another_run(site: RealSite) -> None:
    site.by_hand("UPDATE alias SET active = 0 WHERE address = :a", a=f"10042@{DOMAIN}")


@pytest.mark.parametrize("move", [_renamed_in_ox, _alias_of_another_run])
def test_drift_that_nobody_reviewed_is_left(planned: RealSite, move: Move) -> None:
    """Of the same account, in a row that the plan does not touch: what was reviewed is done, and nothing else."""
    move(planned)
    answer = apply(planned)
    assert answer.status == 0, answer
    assert "1 change is pending that this plan does not hold" in answer.err
    again = planned.run("plan", "--format", "json")
    assert again.status == 4
    (left,) = json.loads(again.out)["transitions"]
    assert len(left["changes"]) == 1


def test_what_is_in_place_already_is_skipped(planned: RealSite) -> None:
    """Somebody did a part of it by hand: the rest is done, and the plan counts as used."""
    _put_right_by_hand(planned)
    answer = apply(planned)
    assert answer.status == 0, answer
    assert "1 of the steps that were reviewed is in place already" in answer.err
    assert planned.run("plan").status == 0
    again = apply(planned)
    assert again.status == 6
    assert "carried out by run" in again.err


def test_a_plain_apply_that_did_the_same_has_used_the_plan(planned: RealSite) -> None:
    assert planned.run("apply", "--yes").status == 0
    before = planned.live()
    answer = apply(planned)
    assert answer.status == 6
    assert "carried out by run" in answer.err
    assert planned.live() == before


def test_a_system_that_cannot_be_read_now(planned: RealSite) -> None:
    """Nobody knows whether the plan still fits: nothing is done, not even in the others."""
    planned.postfix.map.chmod(0)
    planned.postfix.map.rename(planned.postfix.map.with_name("moved"))
    planned.postfix.map.mkdir()
    before = planned.mailbox(ANNA)
    answer = apply(planned)
    assert answer.status == 9, answer
    assert "postfix could not be read" in answer.err
    assert planned.mailbox(ANNA) == before


def test_the_declared_state_moved_on(planned: RealSite) -> None:
    """What was declared since waits for a plan of its own; what was reviewed and is declared otherwise now is stale."""
    planned.declare(
        ANNA_DECLARED,
        aliases=["vorstand: [anna.beispiel]", "neu: [anna.beispiel]"],
        blocks=[BLOCK, "domain: example.com, reason: spam"],
    )
    answer = apply(planned)
    assert answer.status == 0, answer
    assert "2 changes are pending that this plan does not hold" in answer.err
    assert planned.run("plan").status == 4


def test_what_was_reviewed_is_declared_otherwise_now(planned: RealSite) -> None:
    planned.declare(ANNA_DECLARED, aliases=["vorstand: [klaus@extern.example]"], blocks=[BLOCK])
    answer = apply(planned)
    assert answer.status == 6
    assert f"postfixadmin alias vorstand@{DOMAIN}" in answer.err


def test_a_plan_that_was_edited_by_hand(planned: RealSite) -> None:
    """Who changes a reviewed file deceives the reviewer and nobody else: nothing is done."""
    file = planned.folder / "plan.json"
    document = json.loads(file.read_text())
    (account,) = (t for t in document["transitions"] if t["subject"] == ANNA)
    account["changes"][0]["after"]["quota"] = 99999
    file.write_text(json.dumps(document))
    before = planned.live()
    answer = apply(planned)
    assert answer.status == 6
    assert "was changed after it was made" in answer.err
    assert planned.live() == before
