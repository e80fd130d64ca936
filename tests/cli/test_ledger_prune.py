"""`ledger prune`: names and addresses of people who are gone go, what plans need stays, and history can be verified."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from reconciler.apply.ledger import prune as prune_module
from reconciler.cli import site_ledger
from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command, Open
from tests.cli.running import Answer
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, ZONE, StandInSite, today
from tests.cli.test_letters import FROM
from tests.policy.test_account_lives import TECHNIK, rename, settles
from tests.policy.test_account_takeovers import (
    BERND_NEU,
    BERTA_DECLARED,
    MEMBERS,
    confirm,
    purge,
    refuses,
    remove,
    rename_and_forget,
    take_out,
)
from tests.services.smtp import Fault, running_server

Ago = Callable[[int], AbstractContextManager[None]]
LEDGER = ("meta", "runs", "plans", "steps", "inventory", "one_shots", "chain", "heads")


@pytest.fixture
def ago(monkeypatch: pytest.MonkeyPatch) -> Ago:
    """What the ledger notes in the block, it notes so many days ago, at the same time of the day in the sites' zone."""

    @contextmanager
    def shifted(days: int) -> Iterator[None]:
        class Then:
            @staticmethod
            def now(tz: tzinfo | None = None) -> datetime:
                return (datetime.now(ZONE) - timedelta(days=days)).astimezone(tz)

        with monkeypatch.context() as patched:
            patched.setattr(site_ledger, "datetime", Then)
            yield

    return shifted


@pytest.fixture
def people(site: StandInSite) -> StandInSite:
    """A register with one more, no limits, and OX lets logins change."""
    (site.folder / "members.csv").write_text(MEMBERS, encoding="utf-8")
    control.set_switches(site.ox, USERNAME_CHANGEABLE=True)
    site.write(policy={"limits": {"removals": {"at_least": 20, "number": 20}}})
    return site


def days_ago(days: int) -> str:
    return str(today() - timedelta(days=days))


def ledger_text(site: StandInSite) -> str:
    """Everything that the ledger holds."""
    return json.dumps([site.sql(f"SELECT * FROM reconciler_{name}") for name in LEDGER], ensure_ascii=False)


def pruned(command: Command, days: int = 100) -> Answer:
    answer = command("ledger", "prune", "--before", days_ago(days), "--yes")
    assert answer.status == 0, answer
    verified = command("history", "verify")
    assert verified.status == 0, verified
    return answer


def test_of_somebody_who_is_gone_nothing_can_be_read(people: StandInSite, command: Command, ago: Ago) -> None:
    with ago(400):
        people.declare(BERND_DECLARED, ANNA_DECLARED, TECHNIK)
        settles(command)
        people.declare(BERND_DECLARED.replace("}", ", quota: 20480 MB}"), ANNA_DECLARED, TECHNIK)
        settles(command)
        purge(people, command)
    control.set_switches(people.ox)
    words = (BERND, "bernd.muster", "Bernd", "Muster", "10077")
    assert all(word in ledger_text(people) for word in words)
    noted = people.sql("SELECT value FROM reconciler_inventory WHERE kind = 'person' AND key = ?", ANNA)
    assert noted == [{"value": "10042"}]
    answer = pruned(command)
    assert re.search(r"\d+ steps with old and new values", answer.words)
    assert "hidden, and still compared" in answer.words
    inventory = people.sql("SELECT * FROM reconciler_inventory WHERE kind = 'ox_user'")  # OX kept the account: ours
    for row in inventory:
        people.sql("DELETE FROM reconciler_inventory WHERE kind = 'ox_user' AND key = ?", row["key"])
    left = ledger_text(people)
    assert [word for word in words if word in left] == []
    # of who is there what is now stays as it was, and can be read
    assert people.sql("SELECT value FROM reconciler_inventory WHERE kind = 'person' AND key = ?", ANNA) == noted
    listed = command("history")
    assert listed.status == 0
    assert "pruned" in listed.words
    assert "steps pruned" in command("history", "1").words
    assert command("history", "1", "--format", "json").json["runs"][0]["pruned"] > 0
    assert command("history", BERND).status == 0


@pytest.mark.parametrize("step", [purge, take_out, remove, rename_and_forget])
def test_an_address_of_somebody_who_was_forgotten_goes_to_nobody_else_unseen(
    people: StandInSite, command: Command, ago: Ago, step: Callable[[StandInSite, Command], None]
) -> None:
    site = people
    with ago(400):
        site.declare(BERND_DECLARED, TECHNIK)
        settles(command)
        step(site, command)
    kept = (BERND_NEU,) if step is rename_and_forget else ()
    site.declare(BERTA_DECLARED, TECHNIK, *kept)
    refuses(site, command, ("member-changed", BERND))
    pruned(command)
    if step is purge:  # else the mailbox is still there
        assert site.sql("SELECT count(*) AS n FROM reconciler_inventory WHERE key LIKE '#%'") != [{"n": 0}]
    refuses(site, command, ("member-changed", BERND))
    # looked at, and noted anew
    site.declare(BERTA_DECLARED, TECHNIK, *kept, more={"confirm": [confirm("member-changed", BERND)]})
    settles(command)
    site.declare(BERTA_DECLARED, TECHNIK, *kept)
    settles(command)
    assert command("history", "verify").status == 0


def test_a_former_address_of_somebody_who_is_there_stays_readable(
    people: StandInSite, command: Command, ago: Ago
) -> None:
    moved = {"renames": [rename("bernd.muster", "bernd.neu", old_mailbox="move")]}
    with ago(400):
        people.declare(BERND_DECLARED, TECHNIK)
        settles(command)
        people.declare(BERND_NEU, TECHNIK, more=moved)
        settles(command)
    query = "SELECT key, value FROM reconciler_inventory WHERE kind = 'person' ORDER BY key"
    noted = people.sql(query)
    assert {"key": BERND, "value": "10077"} in noted
    pruned(command)
    assert people.sql(query) == noted


def test_who_was_forgotten_comes_back_without_a_question(people: StandInSite, command: Command, ago: Ago) -> None:
    with ago(400):
        people.declare(BERND_DECLARED, TECHNIK)
        settles(command)
        purge(people, command)
    pruned(command)
    people.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    # and is forgotten once more
    with ago(300):
        purge(people, command)
    pruned(command)
    people.declare(BERTA_DECLARED, TECHNIK)
    refuses(people, command, ("member-changed", BERND))


def test_who_had_no_number_is_still_known_by_a_name_that_cannot_be_read(
    people: StandInSite, command: Command, ago: Ago
) -> None:
    without_number = BERND_DECLARED.replace(", member: 10077", "")
    with ago(400):
        people.declare(without_number, TECHNIK)
        settles(command)
        purge(people, command)
    pruned(command)
    notes = people.sql("SELECT * FROM reconciler_inventory WHERE kind = 'person'")
    assert notes
    assert "Muster" not in json.dumps(notes)
    people.declare(BERTA_DECLARED, TECHNIK)
    refuses(people, command, ("member-changed", BERND))
    people.declare(without_number, TECHNIK)
    settles(command)


def test_a_removal_that_can_be_taken_back_is_still_one(people: StandInSite, command: Command, ago: Ago) -> None:
    with ago(400):
        people.declare(BERND_DECLARED, TECHNIK)
        settles(command)
        remove(people, command)
    before = command("plan", "--format", "json").json
    answer = pruned(command)
    assert "of accounts about which something is open (1)" in answer.words
    after = command("plan", "--format", "json").json
    assert without_times(after) == without_times(before)
    purge(people, command)  # known as switched off by a removal: the purge is planned


def without_times(plan: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plan.items() if name not in ("read", "made", "checksum")}


def test_a_letter_that_is_owed_is_still_owed(people: StandInSite, command: Command, ago: Ago) -> None:
    with running_server() as server:
        people.write(letters={"smtp": {"host": server.host, "port": server.port}, "from": FROM})
        server.faults = {Fault.REFUSES_DATA}
        with ago(400):
            people.declare(BERND_DECLARED, blocks=["domain: example.org, reason: adverts"])
            assert command("apply", "--yes").status == 8
        # the last run of the site, which did not end well, stays whole
        untouched = ledger_text(people)
        assert "run 1, which did not end well and is the last" in pruned(command).words
        assert ledger_text(people) == untouched
        with ago(300):
            assert command("apply", "--yes").status == 8
        steps = people.sql("SELECT count(*) AS n FROM reconciler_steps WHERE run = 1")[0]["n"]
        before = command("letters", "list")
        assert BERND in before.words
        assert "about which something is open" in pruned(command).words
        assert 0 < people.sql("SELECT count(*) AS n FROM reconciler_steps WHERE run = 1")[0]["n"] < steps
        assert command("letters", "list").words == before.words
        server.faults = set()
        assert command("resume", "--yes").status == 0
        assert len(server.to("bernd@gmx.example")) == 1


def test_a_reset_whose_entry_may_still_stand_is_not_done_twice(people: StandInSite, command: Command, ago: Ago) -> None:
    reset = BERND_DECLARED.replace("}", f", password_reset: {today()}}}")
    with ago(400):
        people.declare(BERND_DECLARED, TECHNIK)
        settles(command)
        people.declare(reset, TECHNIK)
        settles(command)
    letters = len(list((people.folder / "outbox").glob("*")))
    answer = pruned(command)
    assert "3 notes of one-shot dates of accounts that are managed" in answer.words
    people.declare(reset, TECHNIK)
    settles(command)
    assert len(list((people.folder / "outbox").glob("*"))) == letters
    with ago(200):
        purge(people, command)
    assert "3 notes of one-shot dates" in pruned(command).words
    assert people.sql("SELECT * FROM reconciler_one_shots") == []


def test_a_reset_from_before_the_account_was_made_stays_a_note(people: StandInSite, command: Command, ago: Ago) -> None:
    with ago(400):
        people.declare(BERND_DECLARED, TECHNIK)
        settles(command)
    moved = BERND_DECLARED.replace("bernd.muster", "bernd.neu")
    with ago(390):
        people.declare(moved, TECHNIK, more={"renames": [rename("bernd.muster", "bernd.neu")]})
        settles(command)
    reset = moved.replace("}", f", password_reset: {days_ago(500)}}}")
    people.declare(reset, TECHNIK, more={"renames": [rename("bernd.muster", "bernd.neu")]})
    before = command("plan", "--format", "json").json
    (note,) = [f for f in before["findings"] if f["rule"] == "missed"]
    assert "the account was made on" in note["message"]
    assert command("drift").status == 0
    assert "3 steps that made a mailbox of an account that is managed" in pruned(command).words
    assert without_times(command("plan", "--format", "json").json) == without_times(before)
    assert command("drift").status == 0


def test_twice_is_once(people: StandInSite, command: Command, ago: Ago) -> None:
    with ago(400):
        people.declare(BERND_DECLARED, TECHNIK)
        settles(command)
        purge(people, command)
    pruned(command)
    first = ledger_text(people)
    assert "nothing from before" in pruned(command).words
    assert ledger_text(people) == first


def test_what_is_younger_stays(people: StandInSite, command: Command, ago: Ago) -> None:
    with ago(90):
        people.declare(BERND_DECLARED, TECHNIK)
        settles(command)
    before = ledger_text(people)
    assert "nothing from before" in pruned(command, 91).words
    assert ledger_text(people) == before
    pruned(command, 89)
    assert ledger_text(people) != before


class Dead(BaseException):
    """As a kill: nothing catches it on the way."""


def test_dying_between_two_transactions_is_put_right_by_the_next_time(
    people: StandInSite, command: Command, ago: Ago, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ago(400):
        people.declare(BERND_DECLARED, TECHNIK)
        settles(command)
        purge(people, command)
    monkeypatch.setattr("reconciler.apply.ledger.verify._STEPS", 1)  # each run alone
    kept = people.folder / "kept.sqlite"
    shutil.copy(people._database, kept)
    pruned(command)
    whole = content(people)
    runs = len(people.sql("SELECT id FROM reconciler_runs"))
    assert runs > 2
    for dies_at in range(runs):
        shutil.copy(kept, people._database)
        with monkeypatch.context() as patched:
            patched.setattr(prune_module, "_compare", dying_at(dies_at))
            with pytest.raises(Dead):
                command("ledger", "prune", "--before", days_ago(100), "--yes")
        assert command("history", "verify").status == 0
        people.sql("UPDATE reconciler_lock SET expires = 0")
        pruned(command)
        assert content(people) == whole


def dying_at(number: int) -> Callable[..., None]:
    left = iter(range(number))

    def compare(*_: object) -> None:
        if next(left, None) is None:
            raise Dead

    return compare


def content(site: StandInSite) -> list[object]:
    """What is left of runs; hashes have a salt, and are others each time."""
    return [site.sql(f"SELECT * FROM reconciler_{name}") for name in ("runs", "plans", "steps", "one_shots")]


def test_it_does_not_go_on_when_plans_would_be_told_otherwise(
    people: StandInSite, command: Command, ago: Ago, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the rule for what stays were wrong."""
    with ago(400):
        people.declare(BERND_DECLARED, TECHNIK)
        settles(command)
        remove(people, command)
    before = ledger_text(people)
    monkeypatch.setattr(prune_module, "_with_other_addresses", lambda *_: frozenset())
    answer = command("ledger", "prune", "--before", days_ago(100), "--yes")
    assert answer.status == 9
    assert "plans would be told something else" in answer.words
    assert ledger_text(people) == before


def test_a_history_that_somebody_changed_is_not_pruned(people: StandInSite, command: Command, ago: Ago) -> None:
    with ago(400):
        people.declare(BERND_DECLARED, TECHNIK)
        settles(command)
    people.sql("UPDATE reconciler_steps SET message = 'well done' WHERE seq = 0")
    before = ledger_text(people)
    answer = command("ledger", "prune", "--before", days_ago(100), "--yes")
    assert answer.status == 9
    assert "reconciler history verify" in answer.words
    assert ledger_text(people) == before


def test_what_is_tampered_with_after_it_is_found(people: StandInSite, command: Command, ago: Ago) -> None:
    with ago(400):
        people.declare(BERND_DECLARED, ANNA_DECLARED, TECHNIK)
        settles(command)
        remove(people, command)
    all_steps = people.sql("SELECT * FROM reconciler_steps")
    pruned(command)
    left = people.sql("SELECT * FROM reconciler_steps")
    assert 0 < len(left) < len(all_steps)
    kept = people.folder / "kept.sqlite"
    shutil.copy(people._database, kept)
    (gone, *_) = [row for row in all_steps if row not in left]
    people._insert("reconciler_steps", gone)
    again = command("history", "verify")
    assert again.status == 9
    assert f"run {gone['run']}, step {gone['seq']} is there again, though it was pruned" in again.words
    for change in (
        "DELETE FROM reconciler_steps WHERE state = 'done'",
        "UPDATE reconciler_steps SET message = 'x'",
        "UPDATE reconciler_runs SET who = 'x'",
        "DELETE FROM reconciler_chain WHERE part = 'pruned'",
        "UPDATE reconciler_chain SET leaves = leaves || ' steps:9-9' WHERE part = 'pruned'",
    ):
        shutil.copy(kept, people._database)
        people.sql(change)
        assert command("history", "verify").status == 9, change
    # and what was there before the pruning cannot be tried out: its salts are gone
    shutil.copy(kept, people._database)
    salts = {row["salt"] for row in people.sql("SELECT salt FROM reconciler_chain WHERE run = 1 AND part = 'plan'")}
    assert salts == {""}


def test_retention_stands_in_the_site_file(people: StandInSite, command: Command, ago: Ago) -> None:
    with ago(400):
        people.declare(BERND_DECLARED, TECHNIK)
        settles(command)
    asked = command("ledger", "prune", "--yes")
    assert asked.status == 2
    assert "history_days" in asked.words
    people.write(ledger={"history_days": 365})
    assert command("apply", "--yes").status == 0
    assert people.sql("SELECT count(*) AS n FROM reconciler_plans") != [{"n": 0}], "apply prunes nothing"
    assert command("ledger", "prune", "--yes").status == 0
    made = people.sql("SELECT DISTINCT kind, action FROM reconciler_steps")
    assert made == [{"kind": "mailbox", "action": "create"}], "when managed accounts were made"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("yesterday", "'yesterday' is no day"),
        ("two weeks", "plans need the"),
        ("0001-01-01", "no history is from before 1970, got 0001-01-01"),
        ("1969-12-31", "no history is from before 1970, got 1969-12-31"),
    ],
)
def test_a_day_that_cannot_be(people: StandInSite, command: Command, given: str, said: str) -> None:
    given = days_ago(14) if given == "two weeks" else given
    answer = command("ledger", "prune", "--before", given, "--yes")
    assert answer.status == 2
    assert said in answer.words


def test_it_asks(people: StandInSite, command: Command, ago: Ago, terminal: Open) -> None:
    with ago(400):
        people.declare(BERND_DECLARED, TECHNIK)
        settles(command)
    before = ledger_text(people)
    unasked = command("ledger", "prune", "--before", days_ago(100))
    assert unasked.status == 2
    assert "--yes" in unasked.words
    assert ledger_text(people) == before
    for typed, same in (("n", True), ("y", False)):
        asked = terminal("ledger", "prune", "--before", days_ago(100))
        asked.read_until("Shall the ledger forget it?")
        asked.type(f"{typed}\r")
        assert asked.status() == 0
        assert (ledger_text(people) == before) is same


def test_not_while_a_run_is_at_work(people: StandInSite, command: Command) -> None:
    now = int(datetime.now(UTC).timestamp() * 1000)
    people.sql("DELETE FROM reconciler_lock")
    whose = {"holder": "technik", "host": "elsewhere", "pid": 1, "run": None, "fence": 7}
    people._insert("reconciler_lock", {"name": "nrw", **whose, "since": now, "expires": now + 60_000})
    answer = command("ledger", "prune", "--before", days_ago(100), "--yes")
    assert answer.status == 7
    assert "locked by technik on elsewhere" in answer.words
