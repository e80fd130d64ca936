"""Deaths in the middle of writing the map: what Postfix reads stays whole, and the next run mends the rest."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from reconciler.planning.changes import Result
from reconciler.remote.host import Completed
from reconciler.systems.postfix.tools import Tools
from tests.services.mail import Postfix
from tests.systems.contract import readable_steps_of
from tests.systems.plans import NO_PLAN, changes_of
from tests.systems.postfix.site import WatchedHost, blocks, converge, is_build, leftovers, section, system_on

NewPostfix = Callable[[str], Postfix]


class KilledDuringBuild(WatchedHost):
    """The kernel kills postmap as soon as it has written anything; whoever called it dies with it."""

    async def run(self, argv: Sequence[str], **options: object) -> Completed:
        if not is_build(argv):
            return await super().run(argv, **options)  # type: ignore[arg-type]  # handed through
        new = Path(argv[-1].partition(":")[2])
        process = subprocess.Popen(argv)
        while process.poll() is None and not any(f.stat().st_size for f in new.parent.glob(f"{new.name}.*")):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "postmap was faster than its killer: give it more to do"
        raise asyncio.CancelledError


@pytest.mark.parametrize("map_type", ["hash", "btree"])
async def test_a_kill_during_the_build_leaves_the_living_map_whole(new_postfix: NewPostfix, map_type: str) -> None:
    """facts/postfix.md 3.2: built in place, every sender would pass from here on, without a word."""
    instance: Postfix = new_postfix(map_type)
    instance.write_by_hand("old@example.net REJECT\n")
    host = KilledDuringBuild()
    many = blocks("spam@example.net", *(f"s{number}.example.org" for number in range(40_000)))
    with pytest.raises(asyncio.CancelledError):
        await converge(section(instance), many, host)
    assert instance.refuses("old@example.net")
    assert not instance.refuses("spam@example.net")
    assert instance.map.read_text() == "old@example.net REJECT\n"
    await converge(section(instance), blocks("spam@example.net"))
    assert instance.refuses("spam@example.net")
    assert leftovers(instance) == []


class DiesBefore(WatchedHost):
    """Our process is gone before this command, and everything after it is not run either (no cleaning up)."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.left = number

    async def run(self, argv: Sequence[str], **options: object) -> Completed:
        if self.left <= 0:
            raise asyncio.CancelledError
        self.left -= 1
        return await super().run(argv, **options)  # type: ignore[arg-type]  # handed through


async def test_a_death_before_any_command_is_put_right_by_the_next_run(any_postfix: Postfix) -> None:
    """Every point at which a run can die, with what it had left lying around; the next plan sees it or need not."""
    given, old, new = section(any_postfix), blocks("old.test", "both.test"), blocks("new.test", "both.test")
    survived = 0
    for number in range(5, 100):
        await converge(given, old)
        host = DiesBefore(number)
        try:
            await converge(given, new, host)
            survived = number
        except asyncio.CancelledError:
            assert any_postfix.refuses("a@both.test"), f"died before command {number}"
            lock = Path(Tools(given).lock[1])
            if lock.exists():
                os.utime(lock, (0, 0))  # three minutes later
        assert {o.result for o in await converge(given, new)} <= {Result.DONE}, f"died before command {number}"
        assert [any_postfix.refuses(f"a@{d}") for d in ("old.test", "new.test", "both.test")] == [False, True, True]
        assert leftovers(any_postfix) == [], f"died before command {number}"
        if survived:
            return
    pytest.fail("it never came to an end")


async def test_a_resumed_step_meets_its_own_half(postfix: Postfix) -> None:
    """Died between the two moves: the map is new, the text is old. The same steps finish it."""
    system = system_on(section(postfix))
    steps = await readable_steps_of(system, blocks("example.org"))

    async def die(argv: Sequence[str]) -> None:
        if tuple(argv) == Tools(section(postfix)).publish_text:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await system_on(section(postfix), WatchedHost(before=die)).perform(NO_PLAN, steps)
    assert await system.is_applied(steps) == [False]
    (change,) = await changes_of(system, blocks())
    assert change.before is not None
    assert change.before._asdict()["action"] == "REJECT (in force, but not in the file)"
    assert [o.result for o in await system.perform(NO_PLAN, steps)] == [Result.DONE]
    assert await system.is_applied(steps) == [True]


@pytest.mark.parametrize("garbage", [None, b"garbage"])
async def test_a_lost_map_is_drift_that_converges(built_postfix: Postfix, garbage: bytes | None) -> None:
    given = section(built_postfix)
    await converge(given, blocks("example.org"))
    built = Path(Tools(given).built)
    built.unlink() if garbage is None else built.write_bytes(garbage)
    (change,) = await changes_of(system_on(given), blocks("example.org"))
    assert change.fields() == [("action", "REJECT (not in force)", "REJECT")]
    await converge(given, blocks("example.org"))
    assert built_postfix.refuses("a@example.org")
    assert await changes_of(system_on(given), blocks("example.org")) == []


async def test_a_text_that_postfix_has_not_loaded_is_drift(new_postfix: NewPostfix) -> None:
    """facts/postfix.md section 4: of a texthash Postfix sees nothing until it is reloaded."""
    instance: Postfix = new_postfix("texthash")
    instance.write_by_hand("")
    given = section(instance)

    async def die(argv: Sequence[str]) -> None:
        if tuple(argv) == Tools(given).reload:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await converge(given, blocks("example.org"), WatchedHost(before=die))
    (change,) = await changes_of(system_on(given), blocks("example.org"))
    assert change.fields() == [("action", "REJECT (not in force)", "REJECT")]
    host = WatchedHost()
    await converge(given, blocks("example.org"), host)
    tools = Tools(given)
    assert [argv for argv in host.ran if argv in tools.privileged][-4:-1] == [
        tools.publish_text,
        tools.reload,
        tools.forget_loaded,
    ]
    assert instance.refuses("a@example.org")
    assert leftovers(instance) == []
