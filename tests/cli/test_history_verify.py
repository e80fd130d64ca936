"""`history verify`: whatever somebody changes, takes out of or puts into the ledger's history by hand is found."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.running import Answer
from tests.cli.site import ANNA, ANNA_DECLARED, BERND_DECLARED, StandInSite, today

TABLES = ("runs", "plans", "steps", "one_shots", "chain", "heads")
"""Where history is. The others are what is now: version, inventory, lock."""


@pytest.fixture
def used(site: StandInSite, command: Command) -> StandInSite:
    """A site with two runs: two accounts made, then a password reset and a sender block."""
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    assert command("apply", "--yes").status == 0
    reset = ANNA_DECLARED.replace("}", f", password_reset: {today()}}}")
    site.declare(reset, BERND_DECLARED, blocks=["domain: example.org, reason: adverts"])
    assert command("apply", "--yes").status == 0
    return site


@contextmanager
def by_hand(site: StandInSite) -> Iterator[None]:
    """What is done to the tables in the block is undone after it."""
    kept = site.folder / "kept.sqlite"
    shutil.copy(site._database, kept)
    yield
    shutil.copy(kept, site._database)


def rows(site: StandInSite, table: str) -> list[dict[str, Any]]:
    return site.sql(f"SELECT * FROM reconciler_{table}")


def where(row: dict[str, Any]) -> str:
    return " AND ".join(f'"{name}" IS {_quoted(value)}' for name, value in row.items())


def _quoted(value: object) -> str:
    return (
        "NULL" if value is None else str(value) if isinstance(value, int) else f"""'{str(value).replace("'", "''")}'"""
    )


def head(answer: Answer) -> tuple[int, str]:
    found = re.search(r"^head (\d+) ([0-9a-f]{64})$", answer.out, re.MULTILINE)
    assert found, answer
    return int(found[1]), found[2]


def changed(name: str, value: object) -> object:
    """Another value that the column could have."""
    if isinstance(value, int):
        return value + 1000
    if name == "date":
        return "2001-02-03"
    if name in ("at", "began", "ended", "started", "finished"):
        return "2001-02-03 04:05:06.000007"
    return "2" if value is None else f"{value} "


def test_what_runs_wrote_is_as_it_was_written(used: StandInSite, command: Command) -> None:
    answer = command("history", "verify")
    assert answer.status == 0, answer
    (steps,) = used.sql("SELECT count(*) AS n FROM reconciler_steps")
    assert f"the history of nrw is as it was written: 2 runs, {steps['n']} steps" in answer.words
    kept = rows(used, "heads")[0]
    assert head(answer) == (kept["number"], kept["hash"])
    document = command("history", "verify", "--format", "json").json
    assert (document["sound"], document["runs"], document["faults"]) == (True, 2, [])
    assert document["head"] == {"number": kept["number"], "hash": kept["hash"]}
    assert kept["hash"] in command("history", "verify", "--format", "markdown").out


def test_every_column_of_every_table_counts(used: StandInSite, command: Command) -> None:
    tried = 0
    for table in TABLES:
        for row in (rows(used, table)[0], rows(used, table)[-1]):
            for name, value in row.items():
                if table == "chain" and row["part"] == "start" and name == "salt":
                    continue  # nothing is hashed with it
                with by_hand(used):
                    used.sql(f'UPDATE reconciler_{table} SET "{name}" = ? WHERE {where(row)}', changed(name, value))
                    answer = command("history", "verify")
                    assert answer.status == 9, (table, name, answer)
                    assert "is not as it was written" in answer.words
                    tried += 1
    assert tried > 80
    assert command("history", "verify").status == 0


def test_the_fault_says_which_run_and_step(used: StandInSite, command: Command) -> None:
    with by_hand(used):
        used.sql("UPDATE reconciler_steps SET after = '{}' WHERE run = 1 AND seq = 0")
        answer = command("history", "verify")
        assert "run 1, step 0: what it was to do (old and new value, origin) was changed" in answer.words
        (fault,) = command("history", "verify", "--format", "json").json["faults"]
        assert (fault["run"], fault["step"]) == (1, 0)
    with by_hand(used):
        used.sql("UPDATE reconciler_steps SET state = 'failed' WHERE run = 2 AND seq = 1")
        assert "run 2, step 1: how far it came was changed" in command("history", "verify").words
    with by_hand(used):
        used.sql("UPDATE reconciler_runs SET who = 'somebody' WHERE id = 2")
        words = command("history", "verify").words
        assert "run 2: who began it, when, and which plan of which commit was changed" in words


def test_a_row_that_is_gone_is_found(used: StandInSite, command: Command) -> None:
    for table in TABLES:
        for row in rows(used, table):
            with by_hand(used):
                used.sql(f"DELETE FROM reconciler_{table} WHERE {where(row)}")
                answer = command("history", "verify")
                assert answer.status == 9, (table, row)
                assert re.search(r"is missing|is gone|head|and had", answer.words)


def test_a_row_that_was_put_in_is_found(used: StandInSite, command: Command) -> None:
    keys = {
        "runs": ("id", 77),
        "plans": ("part", 7),
        "steps": ("seq", 77),
        "one_shots": ("id", 77),
        "chain": ("number", 77),
    }
    for table, (key, value) in keys.items():
        row = {**rows(used, table)[-1], key: value}
        if table == "steps":
            row["step_id"] = "another"
        with by_hand(used):
            used._insert(f"reconciler_{table}", row)
            answer = command("history", "verify")
            assert answer.status == 9, table
    assert command("history", "verify").status == 0


def test_two_that_changed_places_are_found(used: StandInSite, command: Command) -> None:
    with by_hand(used):
        for old, new in ((0, -1), (1, 0), (-1, 1)):
            used.sql("UPDATE reconciler_steps SET seq = ? WHERE run = 1 AND seq = ?", new, old)
        answer = command("history", "verify")
        assert answer.status == 9
        assert "run 1, step 0" in answer.words
        assert "run 1, step 1" in answer.words
    with by_hand(used):
        for old, new in ((1, -1), (2, 1), (-1, 2)):
            used.sql("UPDATE reconciler_chain SET number = ? WHERE number = ?", new, old)
        assert "record 1 of the chain" in command("history", "verify").words


def test_who_forges_a_hash_has_to_forge_all_after_it(used: StandInSite, command: Command) -> None:
    """The step, its leaf and its record are rewritten; the next record gives it away."""
    record = next(row for row in rows(used, "chain") if row["part"] == "steps" and row["run"] == 1)
    with by_hand(used):
        used.sql("UPDATE reconciler_steps SET origin = 'elsewhere.yaml:1' WHERE run = 1 AND seq = 0")
        (run,) = used.sql("SELECT * FROM reconciler_runs WHERE id = 1")
        (step,) = used.sql("SELECT * FROM reconciler_steps WHERE run = 1 AND seq = 0")
        names = ("scope", "subject", "step_id", "system", "kind", "action", "key", "stage", "before", "after")
        values = [step[name] for name in (*names, "origin", "counted")]
        forged = _hash(["reconciler chain 1", record["salt"], "steps", 1, 0, *values, run["digest"], run["commit"]])
        leaves = re.sub(r"^0:\w+", f"0:{forged}", record["leaves"])
        (before,) = used.sql("SELECT hash FROM reconciler_chain WHERE number = ?", record["number"] - 1)
        at = record["at"].replace(" ", "T") + "+00:00"
        of = ["reconciler chain 1", "nrw", record["number"], "steps", 1, at]
        assert _hash([*of, record["leaves"], before["hash"]]) == record["hash"]
        whole = _hash([*of, leaves, before["hash"]])
        change = "UPDATE reconciler_chain SET leaves = ?, hash = ? WHERE number = ?"
        used.sql(change, leaves, whole, record["number"])
        answer = command("history", "verify")
        assert answer.status == 9
        assert f"record {record['number'] + 1} of the chain" in answer.words


def _hash(of: list[object]) -> str:
    return hashlib.sha256(json.dumps(of).encode()).hexdigest()


def test_a_head_that_was_noted_elsewhere_shows_that_the_end_was_cut_off(used: StandInSite, command: Command) -> None:
    number, noted = head(command("history", "verify"))
    assert command("history", "verify", "--head", noted).status == 0
    assert f"the head that you noted is record {number}" in command("history", "verify", "--head", noted).words
    site, last = used, rows(used, "chain")[-1]
    with by_hand(site):
        # the whole second run, with everything that knows of it
        for table in ("runs", "plans", "steps", "one_shots", "chain"):
            site.sql(f"DELETE FROM reconciler_{table} WHERE {'id' if table == 'runs' else 'run'} = 2")
        end = rows(site, "chain")[-1]
        assert end["number"] < last["number"]
        cut = command("history", "verify")
        assert cut.status == 9
        assert f"the chain ends at record {end['number']}, and had {last['number']}" in cut.words
        site.sql("UPDATE reconciler_heads SET number = ?, hash = ?", end["number"], end["hash"])
        assert command("history", "verify").status == 0, "nothing in the database shows it any more"
        answer = command("history", "verify", "--head", noted)
        assert answer.status == 9
        assert f"{noted} is no record of this chain" in answer.words
    # a head of some time ago is still in the chain
    used.declare(ANNA_DECLARED, BERND_DECLARED)
    assert command("apply", "--yes").status == 0
    later = command("history", "verify", "--head", f"head {number} {noted}")
    assert later.status == 0
    assert head(later)[0] > number


def test_a_head_that_is_none(site: StandInSite, command: Command) -> None:
    answer = command("history", "verify", "--head", "abc")
    assert answer.status == 2
    assert "'abc' is no hash of a head" in answer.words


def test_before_the_first_run_and_while_one_is_left(site: StandInSite, command: Command) -> None:
    assert "nothing of nrw is in the chain yet" in command("history", "verify").words
    site.was_removed(ANNA)  # a run that nobody began
    assert command("history", "verify").status == 0
    site.declare(BERND_DECLARED)
    assert command("apply", "--yes").status == 0
    answer = command("history", "verify")
    assert answer.status == 0, answer
    assert "1 run from before the chain: not checked" in answer.words


def test_a_local_part_that_is_called_verify_is_asked_for_by_its_address(used: StandInSite, command: Command) -> None:
    assert command("history", "verify@pirat.alt").status == 0
    assert command("history", "verify", "--limit", "3").status == 2
