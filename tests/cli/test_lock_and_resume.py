"""Two runs at a time, and a run that somebody stopped: status 7, unlock, resume, history."""

from __future__ import annotations

import re
import signal

import pytest

from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command, Open
from tests.cli.running import Process, eventually, killed, start
from tests.cli.site import ANNA, ANNA_DECLARED, OX_ENV, OX_PASSWORD, StandInSite, password_in

BLOCK = "domain: example.org, reason: spam"


@pytest.fixture
def busy(site: StandInSite) -> Process:
    """A run that waits for createuser; anna's mailbox is there, the OX user and a block are not yet."""
    site.declare(ANNA_DECLARED, blocks=[BLOCK])
    site.fault("slow", tool="createuser", first=1, seconds=3)
    control.forget_calls(site.ox)
    process = start(site.folder, "apply", "--yes", env={OX_ENV: OX_PASSWORD})
    eventually(lambda: "createuser" in control.calls(site.ox), process)
    return process


def test_7_while_another_run_is_at_work(site: StandInSite, busy: Process, command: Command) -> None:
    """Who, where and since when is said; plan reads all the same; the first run ends well."""
    answer = command("apply", "--yes")
    assert answer.status == 7
    assert f"process {busy.pid}" in answer.words
    assert "→" in answer.err
    assert command("plan").status in (0, 4)
    assert busy.wait().status == 0
    assert command("apply", "--yes").status == 0
    assert len(site.letters()) == 1


def test_unlock_asks_before_it_takes_the_lock(site: StandInSite, busy: Process, command: Command) -> None:
    answer = command("unlock")
    assert answer.status == 2
    assert f"process {busy.pid}" in answer.words
    assert "reconciler unlock --yes" in answer.words
    assert busy.wait().status == 0
    answer = command("unlock", "--yes")
    assert (answer.status, "nobody holds the lock" in answer.words) == (0, True)


@pytest.mark.parametrize("answer", ["n\n", "\x04", "\x03"], ids=repr)
def test_everything_but_yes_leaves_the_lock(site: StandInSite, busy: Process, terminal: Open, answer: str) -> None:
    killed(busy)
    shown = terminal("unlock")
    assert f"process {busy.pid}" in shown.read_until("[y/N]")
    shown.type(answer)
    assert shown.status() == 7
    assert "the lock was left" in shown.plain
    yes = terminal("unlock")
    yes.read_until("[y/N]")
    yes.type("y\n")
    assert yes.status() == 0


def test_a_killed_run_is_resumed(site: StandInSite, busy: Process, command: Command) -> None:
    """Its process is dead on this very host, so that nobody waits for it; the password that was made anew is the one
    that the letter tells."""
    killed(busy)
    eventually(lambda: len(control.users(site.ox)) == 2)  # the tool lives on and makes the user with the lost password
    resumed = command("resume", "--yes")
    assert resumed.status == 0, resumed.words
    assert f"its process {busy.pid} on this host is dead" in resumed.words
    assert re.search(r"the lock that \S+ on \S+ took in run 1 at [-\d]{10} [:\d]{8} UTC is taken over", resumed.words)
    password = password_in(site.letters()["anna@gmx.example"])
    assert control.check_password(site.ox, "anna.beispiel", password)
    assert "\nexample.org REJECT\n" in site.map.read_text()
    assert command("plan").status == 0
    assert command("resume", "--yes").status == 0  # nothing is left


def test_a_stopped_run_is_resumed_and_remembered(site: StandInSite, busy: Process, command: Command) -> None:
    """Ctrl-C between OX and the rest: the letter is still owed, and resume sends it."""
    busy.send_signal(signal.SIGINT)
    assert busy.wait().status == 8
    assert site.letters() == {}
    assert "next: reconciler resume" in command("history", "1").words
    assert command("plan").status == 4
    assert command("resume", "--yes").status == 0
    password = password_in(site.letters()["anna@gmx.example"])
    assert control.check_password(site.ox, "anna.beispiel", password)
    assert command("plan").status == 0
    told = command("history")
    assert told.status == 0
    assert "1" in told.out
    assert ANNA in command("history", "1").words
    assert "resume" not in command("history", "1").words  # run 2 finished it
    assert password not in command("history", "2").words
    assert command("history", "99").status == 2


def test_apply_without_a_ledger_says_what_to_run(site: StandInSite, command: Command) -> None:
    """Nothing is applied that nobody would remember; plan works all the same."""
    site.declare(ANNA_DECLARED)
    for table in site.sql("SELECT name FROM sqlite_master WHERE name LIKE 'reconciler%' AND type = 'table'"):
        site.sql(f"DROP TABLE {table['name']}")
    assert command("plan").status == 4
    answer = command("apply", "--yes")
    assert answer.status == 9
    assert "reconciler ledger init" in answer.words
    assert site.mailbox(ANNA) is None
    assert command("ledger", "check").status != 0
    assert command("ledger", "init").status == 0
    assert command("ledger", "check").status == 0
    assert command("ledger", "init").status == 0  # again: nothing happens
    assert command("apply", "--yes").status == 0


def test_a_database_that_is_gone_is_named(site: StandInSite, command: Command) -> None:
    """`ledger init` does not bring PostfixAdmin's tables back."""
    site.declare(ANNA_DECLARED)
    file = site.folder / "postfixadmin.sqlite"
    file.unlink()
    for words in (("history",), ("apply", "--yes"), ("ledger", "init"), ("unlock",)):
        answer = command(*words)
        assert answer.status == 9, words
        assert f"there is no file {file}" in answer.words
        assert "correct `postfixadmin.url` in the site file" in answer.words
        assert "`reconciler ledger init`" not in answer.words
    assert not file.exists()


def test_nothing_is_said_to_become_ours_while_the_ledger_is_unknown(site: StandInSite, command: Command) -> None:
    site.declare(blocks=["domain: example.org, reason: spam"])
    site.write(ledger={"url": "sqlite:///ledger.sqlite"})
    command("ledger", "init")
    command("apply", "--yes")
    (site.folder / "ledger.sqlite").unlink()
    answer = command("plan")
    assert answer.status == 9
    assert "ledger could not be read" in answer.words
    assert "ours with the next apply" not in answer.words
