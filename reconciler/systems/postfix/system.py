"""Postfix as a System: the sender map of `check_sender_access`. Built by the registry from the site file."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import Unreadable
from reconciler.model.declared import SenderBlock
from reconciler.model.records import BlockRow, Records, SettingRow
from reconciler.planning.changes import Change, Outcome, Stage, Step
from reconciler.planning.finding import Finding
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Observation, System
from reconciler.planning.snapshot import DELIMITER, Pair
from reconciler.remote.host import Host
from reconciler.systems.postfix.map_edit import in_place
from reconciler.systems.postfix.publish_map import Rewriter
from reconciler.systems.postfix.read_map import PLAIN, Reader, Rules
from reconciler.systems.postfix.review import review
from reconciler.systems.postfix.tools import SUDO, Tools, sudoers_line
from reconciler.systems.system_context import Fence, NoFence, SystemContext


def build(context: SystemContext) -> System | None:
    """None when the site file has no `postfix` section."""
    section = context.settings.postfix
    if section is None:
        return None
    return SenderMap(context.hosts.get(section.host), Tools(section), context.settings.site, context.fence)


class SenderMap(System):
    """The blocks of envelope senders. A block is one row, however many keys of the map it needs (`map_keys.forms`)."""

    name = "postfix"

    def __init__(self, host: Host, tools: Tools, site: str, fence: Fence = NoFence()) -> None:  # noqa: B008  # no state
        self._host = host
        self._tools = tools
        self._reader = Reader(host, tools, site)
        self._rewriter = Rewriter(self._reader, fence)
        self.target = f"{tools.section.sender_access} on {host.name}"

    def expect(self, context: PlanContext) -> Records:
        """Every block that is not expired, refused without a text: the reason stays between us and the file."""
        desired = context.desired
        blocks = (block for block in desired.sender_blocks.values() if not block.expired(desired.today))
        return {"block": {b.key: BlockRow(b.key, "REJECT", _comment(b)) for b in blocks}, "unmanaged_line": {}}

    async def observe(self, *, writing: bool = False) -> Observation:  # noqa: ARG002  # a rewrite is whole or nothing
        """Text and built map as they are, and the settings that decide about them. See System."""
        rules = await self._reader.rules(fresh=True)
        records = (await self._reader.view()).records()
        known = rules.installed and rules.one_delimiter
        records["setting"] = {DELIMITER: SettingRow(DELIMITER, rules.keys.delimiter)} if known else {}
        return Observation(records, rules)

    def stage(self, change: Change) -> Stage:  # noqa: ARG002  # all here are alike
        """With the filters."""
        return Stage.FILTER

    def review(self, context: PlanContext, pair: Pair, details: object) -> Sequence[Finding]:
        """What the hand-made lines do, by the settings of Postfix that `observe` read."""
        assert isinstance(details, Rules)
        return review(context.desired, pair.found, details, self._tools)

    async def check(self) -> None:
        """Asks sudo for every single command, or whether the folder can be written. See System."""
        await self._reader.rules()
        if self._tools.section.privilege == "direct":
            await self._check_folder()
            return
        for argv in self._tools.privileged():
            done = await self._host.run((SUDO, "-n", "-l", *argv), env=PLAIN, repeatable=True)
            if done.status:
                raise Unreadable(
                    f"{self._host.name}: sudo does not allow {argv[0]} for the sender map",
                    hint=f"allow exactly this in /etc/sudoers.d/reconciler: {sudoers_line(argv)}",
                )

    async def perform(self, context: PlanContext, batch: Sequence[Step]) -> list[Outcome]:  # noqa: ARG002  # see rows
        """One rewrite for the whole batch. See System."""
        return await self._rewriter.perform(batch)

    async def is_applied(self, batch: Sequence[Step]) -> list[bool]:
        """By a fresh look at text and built map. See System."""
        view = await self._reader.view()
        return [in_place(step.change, view) for step in batch]

    async def _check_folder(self) -> None:
        done = await self._host.run(("/usr/bin/test", "-w", self._tools.folder), env=PLAIN, repeatable=True)
        if done.status:
            raise Unreadable(
                f"{self._host.name}: {self._tools.folder} cannot be written",
                hint="write `privilege: sudo` in the site file, or give that folder to the user who logs in",
            )


def _comment(block: SenderBlock) -> str:
    """`phishing wave (2026-11-22, until 2027-02-22)`."""
    until = f"until {block.expires}" if block.expires else ""
    dates = ", ".join(part for part in (str(block.added or ""), until) if part)
    return f"{block.reason} ({dates})" if dates else block.reason
