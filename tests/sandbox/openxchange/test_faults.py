"""Injected faults: what a client has to survive (`facts/open-xchange.md` 1.2, 1.4, 1.6, 3.4, 4)."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from reconciler.sandbox.openxchange.control import calls, users
from reconciler.sandbox.openxchange.switches import TOOLS, Fault
from tests.sandbox.openxchange.conftest import ANNA, BERND, PASSWORD, Ox, message

SECRET = {"NEW_USER_PASSWORD": PASSWORD}
KILLED = -signal.SIGKILL


@pytest.mark.parametrize("tool", TOOLS)
def test_1_6_down_is_105_and_nothing_happens(anna: Ox, tool: str) -> None:
    before = users(anna.folder)
    anna.fault("down")
    result = anna.run(tool, *{"listuser": (), "createuser": BERND}.get(tool, ("-i", "3")), env=SECRET)
    assert (result.status, result.out) == (105, "")
    assert "Error: Connection refused to host: localhost; nested exception is: \n" in result.err
    assert users(anna.folder) == before


def test_1_6_down_comes_before_the_administrator(ox: Ox) -> None:
    ox.fault("down")
    assert ox.run("listuser", "-P", "wrong").status == 105


def test_1_6_a_registry_without_the_administration_is_1(ox: Ox) -> None:
    ox.fault("starting")
    result = ox.run("listuser", "--nonl")
    assert result.status == 1
    assert 'could not be listed: Error: Look-up failed. Service "OXUser_V2" is not available.\n' in result.err


def test_4_a_schema_update_is_exit_1_after_authentication(anna: Ox) -> None:
    anna.fault("updating")
    assert anna.run("changeuser", "-i", "3", "-P", "wrong").status == 101
    result = anna.run("changeuser", "-i", "3", "-d", "x")
    assert (result.status, result.out) == (1, "")
    assert "being updated" in message(result)
    assert anna.user("anna").fields["Display_name"] == "Anna Beispiel"


def test_a_fault_may_concern_one_tool(anna: Ox) -> None:
    anna.fault("down", tool="createuser")
    assert anna.run("createuser", *BERND, env=SECRET).status == 105
    assert anna.run("listuser").status == 0


def test_a_fault_may_concern_the_first_calls_only(anna: Ox) -> None:
    """Counted over processes: the third try of a client works."""
    anna.fault("down", tool="changeuser", first=2)
    assert anna.run("listuser").status == 0
    assert [anna.run("changeuser", "-i", "3", "-g", "A").status for _ in range(4)] == [105, 105, 0, 0]
    anna.fault("down", tool="changeuser", first=2)
    assert anna.run("changeuser", "-i", "3", "-g", "A").status == 105


def test_several_faults_one_after_the_other(anna: Ox) -> None:
    anna.switch(faults=[Fault("down", first=1), Fault("updating", first=2)])
    assert [anna.run("listuser").status for _ in range(3)] == [105, 1, 0]


def test_106_on_create_rolls_everything_back(ox: Ox) -> None:
    ox.fault("storage_error", first=1)
    assert ox.run("createuser", *ANNA, env=SECRET).status == 106
    assert len(users(ox.folder)) == 1
    assert ox.create(*ANNA) == "user 3 in context 1 created\n"


def test_106_on_change_leaves_the_access_that_was_written_before(anna: Ox) -> None:
    anna.fault("storage_error")
    assert anna.run("changeuser", "-i", "3", "-d", "x", "--access-usm", "off").status == 106
    assert anna.user("anna").fields["Display_name"] == "Anna Beispiel"
    assert "access-usm" not in anna.user("anna").access


def test_3_4_106_on_delete_does_not_prove_that_the_user_still_exists(anna: Ox) -> None:
    anna.fault("storage_error", first=1)
    result = anna.run("deleteuser", "-i", "3")
    assert (result.status, result.out) == (106, "")
    assert anna.run("deleteuser", "-i", "3").status == 108


def test_106_on_reading(ox: Ox) -> None:
    ox.fault("storage_error")
    assert ox.run("listuser", "--csv")[:2] == (106, "")
    assert ox.run("existsuser", "-i", "2")[:2] == (106, "")


def test_dies_after_effect_the_user_is_there_and_nobody_was_told(ox: Ox) -> None:
    ox.fault("dies_after_effect", first=1)
    assert ox.run("createuser", *ANNA, env=SECRET) == (KILLED, "", "")
    assert ox.user("anna").id == 3
    assert ox.refused("createuser", *ANNA, env=SECRET) == "The displayname is already used"


@pytest.mark.parametrize("status", [0, 1, 143])
def test_dies_after_effect_with_a_status_and_without_a_word(anna: Ox, status: int) -> None:
    """Exit 0 and no text: a client that looks at the status alone has no id."""
    anna.fault("dies_after_effect", status=status)
    assert anna.run("changeuser", "-i", "3", "-d", "x") == (status, "", "")
    assert anna.user("anna").fields["Display_name"] == "x"
    assert anna.run("deleteuser", "-i", "3") == (status, "", "")
    assert len(users(anna.folder)) == 1


def test_dies_after_effect_needs_an_effect(anna: Ox) -> None:
    anna.fault("dies_after_effect")
    assert anna.run("deleteuser", "-i", "99").status == 108
    assert anna.run("listuser") == (KILLED, "", "")


@pytest.mark.parametrize("status", [None, 0])
def test_half_answer_ends_in_the_middle(anna: Ox, status: int | None) -> None:
    anna.switch(seed=4)
    whole = anna.ok("listuser", "--csv")
    anna.fault("half_answer", status=status)
    assert anna.run("listuser", "--csv") == (status or (KILLED if status is None else 0), whole[: len(whole) // 2], "")


def test_1_2_after_the_response_timeout_107_and_the_effect_takes_place_all_the_same(anna: Ox) -> None:
    anna.fault("slow", seconds=30)
    result = anna.run("changeuser", "-i", "3", "-d", "x", "--responsetimeout", "1")
    assert (result.status, result.out) == (107, "")
    assert "Read timed out" in result.err
    assert anna.user("anna").fields["Display_name"] == "x"


@pytest.mark.parametrize("timeout", ["0", "-5", "9"])
def test_1_2_a_response_timeout_of_nothing_waits_for_ever(ox: Ox, timeout: str) -> None:
    ox.fault("slow", seconds=0.1)
    assert ox.run("listuser", "--responsetimeout", timeout).status == 0


def test_1_2_a_response_timeout_is_a_number(ox: Ox) -> None:
    for bad in ("soon", "", "9" * 5000):
        assert ox.run("listuser", "--responsetimeout", bad).status == 109


def test_danger_killed_before_the_effect_leaves_the_store_whole(ox: Ox) -> None:
    ox.fault("slow", seconds=30)
    process = subprocess.Popen(ox.argv("createuser", *ANNA), env={**ox.environment, **SECRET})
    while not calls(ox.folder):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    ox.switch(faults=[])
    assert len(users(ox.folder)) == 1
    assert ox.create(*ANNA) == "user 3 in context 1 created\n"


def test_a_reader_that_has_seen_enough_ends_the_tool_quietly(ox: Ox) -> None:
    script = f"{ox.folder}/sbin/listuser -c 1 -A oxadmin --csv | head -c 10"
    done = subprocess.run(["sh", "-c", script], env={**ox.environment, "PATH": "/usr/bin:/bin"}, capture_output=True)
    assert (len(done.stdout), done.stderr) == (10, b"")


def test_a_store_that_cannot_be_used_is_106_and_no_traceback(ox: Ox) -> None:
    for path in ox.folder.glob("store.sqlite*"):
        path.write_bytes(b"not a database, but long enough to look like one" * 100)
    result = ox.run("listuser")
    assert (result.status, result.out) == (106, "")
    assert "Traceback" not in result.err
