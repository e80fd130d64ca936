"""`apply --due`: what a date has brought since the review, and what runs left; nothing that nobody reviewed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.merged import ALIASES, Merged
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, StandInSite, password_in, today
from tests.services.forges.server import FakeForge, running

Days = Callable[[int], Any]


@pytest.fixture
def days_ago(monkeypatch: pytest.MonkeyPatch) -> Days:
    """What commands do within is done so many days ago."""

    @contextmanager
    def ago(days: int) -> Iterator[None]:
        class Then:
            @staticmethod
            def now(tz: tzinfo | None = None) -> datetime:
                return datetime.now(tz) - timedelta(days=days)

        with monkeypatch.context() as patched:
            for module in ("read_site", "site_session", "site_ledger"):
                patched.setattr(f"reconciler.cli.{module}.datetime", Then)
            yield

    return ago


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    with running("gitlab") as server:
        yield server


def letter(site: StandInSite, address: str = "anna@gmx.example") -> str:
    return password_in(site.letters()[address])


def test_what_a_date_brings_is_done_and_all_else_is_left(
    site: StandInSite, command: Command, forge: FakeForge, monkeypatch: pytest.MonkeyPatch, days_ago: Days
) -> None:
    """A reset, a block that expires, a removal; beside drift, and drift of an account for which a date came, too."""
    block = f"domain: example.org, reason: spam, expires: '{today() - timedelta(days=1)}'"
    reset = ANNA_DECLARED.replace("}", f", password_reset: {today()}}}")
    with days_ago(3):
        merged = Merged(site, command, forge, monkeypatch)
        merged.request(ANNA_DECLARED, BERND_DECLARED)
        merged.merge()
        assert merged.apply().status == 0
        site.declare(reset, BERND_DECLARED, aliases=ALIASES, blocks=[block])
        merged.propose(number=4)
        merged.merge(4)
        assert merged.apply().status == 0
        assert "example.org REJECT" in site.map.read_text()
        first = letter(site)
        nothing = command("apply", "--due", "--yes")
        assert nothing.status == 0, nothing
    site.sql("UPDATE mailbox SET quota = 512 * 1024000, name = 'By Hand' WHERE username = ?", BERND)
    answer = command("apply", "--due", "--yes", "--out", "run.json")
    assert answer.status == 4, answer
    assert letter(site) != first
    assert "example.org" not in site.map.read_text()
    box = site.mailbox(BERND)
    assert box is not None
    assert box["name"] == "By Hand"
    assert f"pending, but not because of a date, so left: account {BERND}" in answer.words
    document = json.loads(merged.file("run.json").read_text())
    assert (document["status"], document["binding"]["to"]) == (4, "date")
    assert [line["id"] for line in document["binding"]["left"]] == [f"account:{BERND}"]
    second = letter(site)
    assert command("apply", "--due", "--yes").status == 4
    assert letter(site) == second


def test_a_date_that_came_between_the_plan_and_the_merge_is_due_at_night(
    site: StandInSite, command: Command, forge: FakeForge, monkeypatch: pytest.MonkeyPatch, days_ago: Days
) -> None:
    """No comment showed it, so that the job after the merge leaves it. So is what came with something else of the line,
    which that job refused: at night, too."""
    block = f"domain: example.org, reason: spam, expires: '{today() + timedelta(days=9)}'"
    reset = f", password_reset: {today() - timedelta(days=1)}}}"
    bernd = BERND_DECLARED.replace("}", f", quota: 77 MB{reset}")
    with days_ago(3):
        merged = Merged(site, command, forge, monkeypatch)
        merged.request(ANNA_DECLARED, BERND_DECLARED)
        merged.merge()
        assert merged.apply().status == 0
        site.declare(ANNA_DECLARED.replace("}", reset), bernd, aliases=ALIASES, blocks=[block])
        merged.propose(number=4)
    first = letter(site)
    merged.merge(4)
    answer = merged.apply("--out", "run.json")
    assert answer.status == 6, answer
    assert f"left: account {ANNA}" in answer.words
    (left,) = json.loads(merged.file("run.json").read_text())["binding"]["left"]
    assert (left["id"], left["due"]) == (f"account:{ANNA}", True)
    merged.told()
    assert "so that the job at night does it" in forge.state.bodies(4)[-1]
    assert f"not as it was reviewed, so nothing of it is done: account {BERND}" in answer.words
    assert "example.org REJECT" in site.map.read_text()
    assert letter(site) == first
    answer = command("apply", "--due", "--yes")
    assert answer.status == 4, answer
    assert letter(site) != first
    assert f"so left: account {BERND}" in answer.words
    box = site.mailbox(BERND)
    assert box is not None
    assert int(box["quota"]) != 77 * 1024000


def test_a_date_in_what_nobody_reviewed_brings_nothing(
    site: StandInSite, command: Command, forge: FakeForge, monkeypatch: pytest.MonkeyPatch, days_ago: Days
) -> None:
    """Pushed directly: its dates come, night after night, and nothing happens; a run of that commit would change it."""
    with days_ago(3):
        merged = Merged(site, command, forge, monkeypatch)
        site.declare(ANNA_DECLARED.replace("}", f", password_reset: {today()}}}"), aliases=ALIASES)
        merged.commit("Pushed directly")
        assert merged.apply().status == 6
    first = letter(site)
    for _ in range(2):
        answer = command("apply", "--due", "--yes")
        assert answer.status == 4, answer
        assert "nobody is known to have reviewed it" in answer.words
        assert f"so left: account {ANNA}" in answer.words
        assert "nothing to do, 1 pending line is left" in answer.words
        assert "everything is as declared" not in answer.words
    assert letter(site) == first
    assert command("apply", "--due", "--reviewed", "--yes").status == 2


def test_a_date_and_a_change_by_hand_in_one_line_are_left_together(
    site: StandInSite, command: Command, forge: FakeForge, monkeypatch: pytest.MonkeyPatch, days_ago: Days
) -> None:
    """Who changed the account by hand had a reason that nobody has looked at."""
    with days_ago(3):
        merged = Merged(site, command, forge, monkeypatch)
        site.declare(ANNA_DECLARED.replace("}", f", password_reset: {today()}}}"), aliases=ALIASES)
        merged.propose()
        merged.merge()
        assert merged.apply().status == 0
    first = letter(site)
    site.sql("UPDATE mailbox SET quota = 512 * 1024000 WHERE username = ?", ANNA)
    assert command("apply", "--due", "--yes").status == 4
    assert letter(site) == first
    assert merged.quota(ANNA) == 512


def test_what_a_run_left_is_finished_at_night(
    site: StandInSite, command: Command, forge: FakeForge, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged = Merged(site, command, forge, monkeypatch)
    merged.request(ANNA_DECLARED, BERND_DECLARED)
    merged.merge()
    site.fault("storage_error", tool="createuser")
    assert merged.apply().status == 8
    site.sound()
    answer = command("apply", "--due", "--yes")
    assert answer.status == 0, answer
    assert "was left unfinished" in answer.words
    assert letter(site, "bernd@gmx.example")
    assert command("plan").status == 0
