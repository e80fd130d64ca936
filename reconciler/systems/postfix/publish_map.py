"""Carries steps out: one rewrite of the sender map for a whole batch, built and checked beside the live one.

The order is that of facts/postfix.md 3.4, which survives a crash at any point: write beside, build, read back, copy
the old map, move the new map, move the text. Until the first move nothing that Postfix reads has changed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext

from reconciler.errors import EffectFailed, PermanentFailure, TemporaryFailure, Unreadable
from reconciler.planning.changes import Change, Outcome, Result, Step
from reconciler.remote.host import PLAIN, Completed
from reconciler.systems.postfix.map_state import View, checked_text, first_of, in_place, judge
from reconciler.systems.postfix.mapfile import MapText
from reconciler.systems.postfix.read_map import Reader
from reconciler.systems.postfix.tools import LOCK_MINUTES, Argv, sudoers_line
from reconciler.systems.system_context import Fence

_DUPLICATE = re.compile(r'postmap: warning: .*: duplicate entry: "(.*)"')
_SUDO_REFUSES = ("a password is required", "not allowed to", "may not run", "not in the sudoers file")
_TIME = 60.0 * (LOCK_MINUTES - 1)
"""Seconds that a rewrite may take before it moves anything: its lock is safe for a minute longer."""


class Rewriter:
    """Rewrites one map on one host."""

    def __init__(self, reader: Reader, fence: Fence) -> None:
        self._reader = reader
        self._fence = fence
        self._host = reader.host
        self._tools = reader.tools

    async def perform(self, batch: Sequence[Step]) -> list[Outcome]:
        """One outcome a step. A step that lost its race fails alone, the others go on."""
        fence = self._fence.effect(batch[0].change.owner) if batch else nullcontext()
        try:
            async with fence, self._locked() as deadline:
                return await self._rewrite(batch, deadline)
        except EffectFailed as error:
            return [Outcome.of(error)] * len(batch)
        except Unreadable as error:
            return await self._look_again(batch, error)

    async def _rewrite(self, batch: Sequence[Step], deadline: float) -> list[Outcome]:
        view = await self._reader.view()
        outcomes = [judge(step.change, view, self._tools) for step in batch]
        todo = [step.change for step, outcome in zip(batch, outcomes, strict=True) if outcome is None]
        rest = await self._carry_out(view, todo, deadline) if todo else Outcome(Result.DONE)
        return [rest if outcome is None else outcome for outcome in outcomes]

    async def _carry_out(self, view: View, changes: Sequence[Change], deadline: float) -> Outcome:
        published = False
        try:
            text = checked_text(view, changes, self._reader.site, self._tools)
            await self._write_beside(view, text)
            if self._tools.is_built:
                await self._build(text, view)
            await self._nothing_changed(view, deadline)
            async with self._fence.effect(changes[0].owner):  # building took a while
                await (self._publish_built(view) if self._tools.is_built else self._publish_and_reload(view))
            published = True
        except EffectFailed as error:
            return Outcome.of(error)
        finally:
            if not published:  # also when the task is cancelled
                await self._run(self._tools.clean)
        return Outcome(Result.DONE)

    async def _write_beside(self, view: View, text: MapText) -> None:
        await self._root(self._tools.clean)  # what a run that was killed left behind
        if view.content is not None:
            await self._root(self._tools.inherit)
        echo = await self._root(self._tools.write, stdin=text.content)
        if echo.stdout != text.content:
            raise TemporaryFailure(f"{self._host.name}: only a part of the new map arrived; the live map is unchanged")

    async def _build(self, text: MapText, view: View) -> None:
        done = await self._root(self._tools.build)
        # `review` reports our keys that a hand-made line repeats; ours comes first and counts
        expected = {view.rules.fold(e.key) for e in text.ours} & {view.rules.fold(e.key) for e in text.by_hand}
        unexpected = [line for line in _lines(done.stderr) if not _is_duplicate_of(line, expected)]
        if unexpected:
            raise PermanentFailure(
                f"{self._host.name}: postmap complains about the new map, so the live map is unchanged: "
                f"{'; '.join(unexpected)[:400]}",
                hint=f"look for that line in {self._tools.path}, correct it and apply again",
            )
        built = await self._reader.dump(self._tools.new, text, strict=True)
        wanted = {key: entry.action for key, entry in first_of(text.entries, view.rules).items()}
        if built != wanted:
            differing = sorted((built or {}).items() ^ wanted.items())
            shown = f"{differing[0][0]} {differing[0][1]}" if differing else "no map"
            raise PermanentFailure(
                f"{self._host.name}: the map that postmap made does not read back as it was written, so the live one "
                f"is unchanged; first difference: {shown[:200]}",
                hint=f"look for a line with unusual characters in {self._tools.path}",
            )

    async def _nothing_changed(self, view: View, deadline: float) -> None:
        if await self._host.read(self._tools.path) != view.content:
            message = f"{self._host.name}: somebody changed {self._tools.path} while the new map was built"
            raise TemporaryFailure(message)
        if asyncio.get_running_loop().time() > deadline:
            raise TemporaryFailure(
                f"{self._host.name}: building the map took longer than the lock on it is good for",
                hint="see what keeps the host busy, then apply again",
            )

    async def _publish_built(self, view: View) -> None:
        if view.built is not None:
            await self._root(self._tools.back_up)
        await self._root(self._tools.publish_built)
        # the text comes last: older than the map, so that Postfix does not warn of a stale one
        await self._root(self._tools.publish_text)

    async def _publish_and_reload(self, view: View) -> None:
        """A crash before the reload leaves the text that Postfix still has in memory, so that it shows as drift."""
        used = (await self._reader.rules()).used
        marked = await self._host.read(self._tools.before_reload) is not None
        if used and not marked:
            await self._root(self._tools.remember_loaded, stdin=view.content or b"")
        await self._root(self._tools.publish_text)
        if used:
            await self._root(self._tools.reload)
        if used or marked:
            await self._root(self._tools.forget_loaded)

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[float]:
        """One writer at a time, since temporary names are fixed. Yields the time by which it must begin to publish."""
        if not await self._took_lock():
            # without such a file its owner has just released it
            await self._root(self._tools.drop_dead_lock, harmless=b"No such file")
            if not await self._took_lock():
                raise TemporaryFailure(
                    f"{self._host.name}: another run is writing {self._tools.path}",
                    hint=f"wait for it; a lock that a dead run left is dropped after {LOCK_MINUTES} minutes",
                )
        try:
            yield asyncio.get_running_loop().time() + _TIME
        finally:
            await self._run(self._tools.unlock)

    async def _took_lock(self) -> bool:
        return (await self._root(self._tools.lock, harmless=b"File exists")).status == 0

    async def _root(self, argv: Argv, stdin: bytes = b"", harmless: bytes | None = None) -> Completed:
        """Raises PermanentFailure when it fails, except for the reason `harmless`."""
        done = await self._run(argv, stdin)
        if done.status and (harmless is None or harmless not in done.stderr):
            raise self._refused(argv, done)
        return done

    async def _run(self, argv: Argv, stdin: bytes = b"") -> Completed:
        """One of the commands that sudoers allows."""
        return await self._host.run(self._tools.as_root(argv), stdin=stdin, env=PLAIN)

    def _refused(self, argv: Argv, done: Completed) -> PermanentFailure:
        output = "; ".join(_lines(done.stderr))[:400] or f"status {done.status} and no reason"
        if any(reason in output for reason in _SUDO_REFUSES):
            return PermanentFailure(
                f"{self._host.name}: sudo does not allow {argv[0]} for the sender map",
                hint=f"allow exactly this in /etc/sudoers.d/reconciler: {sudoers_line(argv)}",
            )
        hint = f"the sender map is in {self._tools.folder}: check its permissions and the free space on that disk"
        if argv == self._tools.reload:
            hint = (
                "see whether Postfix runs there and what its log says; the new map is in place, apply again to reload"
            )
        return PermanentFailure(f"{self._host.name}: {argv[0]} failed: {output}", hint=hint)

    async def _look_again(self, batch: Sequence[Step], error: Unreadable) -> list[Outcome]:
        """After a broken connection: what is in place is done, whatever the answer would have been."""
        unknown = Outcome.of(error)
        try:
            view = await self._reader.view()
        except Unreadable:
            return [unknown] * len(batch)
        return [Outcome(Result.DONE) if in_place(step.change, view) else unknown for step in batch]


def _lines(stderr: bytes) -> list[str]:
    """The output of a tool. Lines of sudo itself (a host name that does not resolve) are not about the map."""
    lines = stderr.decode("utf-8", "replace").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("sudo: unable to resolve host")]


def _is_duplicate_of(line: str, expected: set[str]) -> bool:
    match = _DUPLICATE.fullmatch(line)
    return match is not None and match[1] in expected
