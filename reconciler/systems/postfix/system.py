"""Postfix as a System: the sender map of `check_sender_access`. Built by the registry from the site file."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.errors import Unreadable
from reconciler.model.declared import SenderBlock
from reconciler.model.records import BlockRow, Records, SettingRow
from reconciler.planning.changes import Change, Outcome, Stage, Step
from reconciler.planning.finding import Finding
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Observation, System
from reconciler.planning.snapshot import DELIMITER, Pair
from reconciler.remote.host import PLAIN, Host
from reconciler.systems.postfix.map_state import in_place
from reconciler.systems.postfix.publish_map import Rewriter
from reconciler.systems.postfix.read_map import Reader, Rules
from reconciler.systems.postfix.review import review
from reconciler.systems.postfix.tools import SUDO, Tools, sudoers_line
from reconciler.systems.system_context import Fence, SystemContext


def build(context: SystemContext) -> System | None:
    """None when the site file has no `postfix` section."""
    section = context.settings.postfix
    if section is None:
        return None
    return SenderMap(context.hosts.get(section.host), Tools(section), context.settings.site, context.fence)


class SenderMap(System):
    """Blocks of envelope senders. A block is one row, however many keys of the map it needs (`map_entries.forms`)."""

    name = "postfix"

    def __init__(self, host: Host, tools: Tools, site: str, fence: Fence) -> None:
        self._host = host
        self._tools = tools
        self._reader = Reader(host, tools, site)
        self._rewriter = Rewriter(self._reader, fence)
        self.target = f"{tools.section.sender_access} on {host.name}"

    def expect(self, context: PlanContext) -> Records:
        """Every block that is not expired, refused without a text: only the file has the reason."""
        desired = context.desired
        blocks = (block for block in desired.sender_blocks.values() if not block.expired(desired.today))
        return {"block": {b.key: BlockRow(b.key, "REJECT", _comment(b)) for b in blocks}, "unmanaged_line": {}}

    async def observe(self, *, writing: bool = False) -> Observation:  # noqa: ARG002  # a rewrite is whole or nothing
        """Text and built map, and the settings of Postfix about them as `details`."""
        rules = await self._reader.rules(fresh=True)
        records = (await self._reader.view()).records()
        known = rules.installed and rules.one_delimiter
        records["setting"] = {DELIMITER: SettingRow(DELIMITER, rules.keys.delimiter)} if known else {}
        return Observation(records, rules)

    def stage(self, change: Change) -> Stage:  # noqa: ARG002  # all here are alike
        return Stage.FILTER

    def review(self, context: PlanContext, pair: Pair, details: object) -> Sequence[Finding]:
        assert isinstance(details, Rules)
        return review(context.desired, pair.found, details, self._tools)

    async def check(self, kinds: Collection[str] = ()) -> None:  # noqa: ARG002  # it is one file
        """Asks sudo for each command, or whether the folder can be written."""
        await self._reader.rules()
        if self._tools.section.privilege == "direct":
            if await self._fails("/usr/bin/test", "-w", self._tools.folder):
                raise Unreadable(
                    f"{self._host.name}: {self._tools.folder} cannot be written",
                    hint="write `privilege: sudo` in the site file, or give that folder to the user who logs in",
                )
            return
        for argv in self._tools.privileged:
            if await self._fails(SUDO, "-n", "-l", *argv):
                raise Unreadable(
                    f"{self._host.name}: sudo does not allow {argv[0]} for the sender map",
                    hint=f"allow exactly this in /etc/sudoers.d/reconciler: {sudoers_line(argv)}",
                )

    async def _fails(self, *argv: str) -> bool:
        return (await self._host.run(argv, env=PLAIN, repeatable=True)).status != 0

    async def perform(self, context: PlanContext, batch: Sequence[Step]) -> list[Outcome]:  # noqa: ARG002  # see rows
        """One rewrite for the whole batch."""
        return await self._rewriter.perform(batch)

    async def is_applied(self, batch: Sequence[Step]) -> list[bool]:
        view = await self._reader.view()
        return [in_place(step.change, view) for step in batch]


def _comment(block: SenderBlock) -> str:
    """`phishing wave (2026-11-22, until 2027-02-22)`."""
    until = f"until {block.expires}" if block.expires else ""
    dates = ", ".join(part for part in (str(block.added or ""), until) if part)
    return f"{block.reason} ({dates})" if dates else block.reason
