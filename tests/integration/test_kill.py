"""kill -9 of `reconciler apply`, at the worst moments. What is live stays whole, and the next run gets there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from reconciler.sandbox.openxchange import control
from tests.cli.running import Process, eventually, killed, start
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, OX_ENV, OX_PASSWORD
from tests.integration.sites import RealSite

ENV = {OX_ENV: OX_PASSWORD}

TELLING = """
import reconciler.model.secrets as secrets
make = secrets.make_password
def told():
    password = make()
    with open("made-passwords", "a") as file:
        file.write(password + "\\n")
    return password
secrets.make_password = told
from reconciler.cli.main import run
run()
"""
"""The command, which also writes down every password that it makes: those of a killed run are in no letter."""


def apply(site: RealSite) -> Process:
    """`reconciler apply --yes`, to be killed."""
    return start(site.folder, "apply", "--yes", env=ENV, code=TELLING)


def unlock(site: RealSite) -> None:
    """A killed run leaves its lock; somebody looks, and takes it away."""
    answer = site.run("unlock", "--yes")
    assert answer.status == 0, answer


def processes(text: str) -> Iterator[int]:
    """Processes with this in their command line."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if text.encode() in (folder / "cmdline").read_bytes() and int(folder.name) != os.getpid():
                yield int(folder.name)


def came_true(moment: Callable[[], bool], process: Process) -> None:
    """Waits for it, and fails when the process ended without it."""
    eventually(lambda: moment() or process.poll() is not None)
    assert moment(), f"it was over before: {process.wait()}"


def kill_tools(site: RealSite) -> None:
    """What the killed command had started goes down with it, as when the whole machine dies."""
    for number in processes(str(site.folder)):
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def settled(site: RealSite, *logins: tuple[str, str, str]) -> None:
    """One password for each account, in both systems and in the newest letter; and nothing is left to do."""
    for address, login, private in logins:
        assert site.opens(address, login, site.password_of(private)) == (True, True), address
    again = site.run("plan")
    assert again.status == 0, again


ANNAS = (ANNA, "anna.beispiel", "anna@gmx.example")
BERNDS = (BERND, "bernd.muster", "bernd@gmx.example")


@pytest.mark.parametrize("tools", ["die with it", "live on"])
def test_killed_between_the_database_and_ox(site: RealSite, tools: str) -> None:
    """The mailboxes stand with passwords that nobody knows, the users do not. A tool that lives on may still make a
    user with the old password while the next apply is at work."""
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    control.forget_calls(site.ox)
    site.fault("slow", tool="createuser", first=2, seconds=4)
    process = apply(site)
    eventually(lambda: control.calls(site.ox).get("createuser", 0) == 2, process)
    killed(process)
    if tools == "die with it":
        kill_tools(site)
    assert site.mailbox(ANNA) is not None
    assert site.ox_logins() == []
    assert site.sink.mails == []
    unlock(site)
    if tools == "die with it":
        planned = site.run("plan")
        assert planned.status == 4
        assert "new password" in planned.words
    assert site.run("apply", "--yes").status == 0
    eventually(lambda: not list(processes(f"{site.ox}/sbin")) and not list(processes(f"createuser {site.ox}")))
    eventually(lambda: not list(processes(str(site.ox))))
    settled(site, ANNAS, BERNDS)


def test_killed_after_ox_and_before_the_letter(site: RealSite) -> None:
    """Everything that can be read is in place, but nobody was told the password: only the ledger knows."""
    site.declare(ANNA_DECLARED)
    site.fault("slow", tool="listuser", seconds=0.7)  # so that the read-back after createuser takes a while
    process = apply(site)
    eventually(lambda: site.ox_logins() == ["anna.beispiel"], process)
    killed(process)
    site.sound()
    kill_tools(site)
    assert site.sink.mails == []
    made = (site.folder / "made-passwords").read_text().split()
    # whatever comes next: never two passwords
    assert [site.opens(ANNA, "anna.beispiel", password) for password in made] == [(True, True)]
    unlock(site)
    assert site.run("plan").status == 4
    assert site.run("apply", "--yes").status == 0
    settled(site, ANNAS)
    assert not any(site.opens(ANNA, "anna.beispiel", password)[0] for password in made)


def test_killed_when_ox_has_done_it_and_the_tool_died_without_a_word(site: RealSite) -> None:
    site.declare(ANNA_DECLARED)
    site.fault("dies_after_effect", tool="createuser")
    applied = site.run("apply", "--yes")
    assert applied.status in (0, 8), applied
    site.sound()
    assert site.run("apply", "--yes").status == 0
    settled(site, ANNAS)


def test_killed_while_the_map_is_built(quick_site: RealSite) -> None:
    """postmap is at work: what smtpd reads is the old map, whole; the next apply waits for the lock and gets there."""
    site = quick_site
    many = "".join(f"hand{number}@made.example REJECT\n" for number in range(60_000))
    site.postfix.write_by_hand(f"old@blocked.example REJECT\n{many}")
    before = site.postfix.map.read_bytes(), site.postfix.map.with_suffix(".db").read_bytes()
    site.declare(blocks=["domain: example.org, reason: spam"])
    folder = site.postfix.map.parent
    process = apply(site)
    eventually((folder / ".sender_access.new.db").exists, process)
    killed(process)
    for number in processes(f"hash:{folder}/.sender_access.new"):
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    assert (folder / ".sender_access.lock").is_dir(), "it was not killed in the middle"
    assert (site.postfix.map.read_bytes(), site.postfix.map.with_suffix(".db").read_bytes()) == before
    assert site.postfix.refuses("old@blocked.example")
    assert site.postfix.refuses("hand59999@made.example")
    assert not site.postfix.refuses("a@example.org")
    unlock(site)
    # the lock of the dead run is respected until it is certainly dead
    early = site.run("apply", "--yes")
    assert early.status == 8
    assert "another run is writing" in early.words
    assert site.postfix.refuses("old@blocked.example")
    os.utime(folder / ".sender_access.lock", (0, 0))
    assert site.run("apply", "--yes").status == 0
    assert site.postfix.refuses("a@example.org")
    assert site.postfix.refuses("hand59999@made.example")
    assert [file.name for file in folder.iterdir() if file.name.startswith(".")] == []
    assert site.run("plan").status == 0


def test_killed_while_it_asks_for_nothing_and_again(site: RealSite) -> None:
    """Killed at whatever moment, over and over: every run begins where the last one died."""
    site.declare(
        ANNA_DECLARED, BERND_DECLARED, aliases=["vorstand: [anna.beispiel]"], blocks=["domain: example.org, reason: s"]
    )
    moments = (
        lambda: site.mailbox(ANNA) is not None,
        lambda: len(site.ox_logins()) >= 1,
        lambda: b"example.org" in site.postfix.map.read_bytes(),
    )
    died = 0
    for moment in moments:
        process = apply(site)
        came_true(moment, process)  # whether or not the run got to its end meanwhile
        process.send_signal(signal.SIGKILL)
        process.wait()
        died += process.status == -signal.SIGKILL
        kill_tools(site)
        lock = site.postfix.map.parent / ".sender_access.lock"
        if lock.exists():
            os.utime(lock, (0, 0))
        unlock(site)
    assert died >= 2, "hardly anything was killed"
    assert site.run("apply", "--yes").status == 0
    settled(site, ANNAS, BERNDS)
    assert site.postfix.refuses("a@example.org")
