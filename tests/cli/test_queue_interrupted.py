"""`reconciler queue` while something else happens: it dies, somebody stops it, more mail comes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import main
from reconciler.remote.host import Completed
from reconciler.remote.local_host import LocalHost
from tests.cli.queue_site import OTHER, SPAM
from tests.cli.running import eventually, start
from tests.services.mail_queue import QueuePostfix


@pytest.fixture
def site(queue_site: QueuePostfix) -> QueuePostfix:
    """A site with nothing but a Postfix."""
    return queue_site


# dies in the moment in which the held mail is to be deleted
_DYING = """
import os, signal
from reconciler.remote.local_host import LocalHost
run = LocalHost.run
async def dying(self, argv, **options):
    if "-d" in argv and options.get("stdin"):
        {}
    return await run(self, argv, **options)
LocalHost.run = dying
from reconciler.cli.main import main
main()
"""


def test_what_a_dead_run_held_stays_held_and_is_found_again(site: QueuePostfix, tmp_path: Path) -> None:
    queue_id, other = site.send_deferred(SPAM), site.send_deferred(OTHER)
    arguments = ("queue", "delete", "--sender", SPAM, "--yes")
    killed = _DYING.format("os.kill(os.getpid(), signal.SIGKILL)")
    assert start(tmp_path, *arguments, code=killed).wait().status == -signal.SIGKILL
    assert site.ids(SPAM, "hold") == {queue_id}
    assert site.ids(OTHER, "deferred") == {other}
    answer = start(tmp_path, "queue", "release", "--sender", SPAM, "--yes").wait()
    assert answer.status == 0
    assert site.ids(SPAM, "hold") == set()
    assert site.ids(SPAM) == {queue_id}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_says_what_it_leaves_on_hold(site: QueuePostfix, tmp_path: Path, number: int) -> None:
    queue_id = site.send_deferred(SPAM)
    waits = "open('waiting', 'w').close(); import asyncio; await asyncio.sleep(60)"
    process = start(tmp_path, "queue", "delete", "--sender", SPAM, "--yes", code=_DYING.format(waits))
    eventually((tmp_path / "waiting").exists, process)
    process.send_signal(number)
    answer = process.wait()
    assert answer.status == 8
    assert f"mail of {SPAM} may be on hold now; it stays there, neither delivered nor lost" in answer.words
    assert f"reconciler queue release --sender {SPAM}" in answer.words
    assert site.ids(SPAM, "hold") == {queue_id}


def test_4_when_more_has_come_meanwhile(site: QueuePostfix, monkeypatch: pytest.MonkeyPatch) -> None:
    first, came, run = site.send_deferred(SPAM), list[str](), LocalHost.run

    async def busy(self: LocalHost, argv: Sequence[str], **options: Any) -> Completed:
        if "-h" in argv and options.get("stdin"):
            came.append(site.send_deferred(SPAM))
        return await run(self, argv, **options)

    monkeypatch.setattr(LocalHost, "run", busy)
    answer = ended_with(["queue", "delete", "--sender", SPAM, "--yes"], monkeypatch)
    assert answer == 4
    assert site.ids(SPAM) == set(came)
    assert first not in came


def ended_with(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """The status of a command, with the patches that the test has made."""
    monkeypatch.setattr(sys, "argv", ["reconciler", *arguments])
    with pytest.raises(SystemExit) as left:
        main.run()
    return int(left.value.code or 0)
