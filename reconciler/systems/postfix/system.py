"""Postfix as a System: the sender map of `check_sender_access`. Built by the registry from the site file."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import Unreadable
from reconciler.model.declared import DesiredState, SenderBlock
from reconciler.model.records import BlockRow, Owner, Records, SettingRow
from reconciler.planning.changes import Change, Outcome, Stage, Step
from reconciler.planning.credentials import CredentialEvents
from reconciler.planning.findings import Finding
from reconciler.planning.ports import System
from reconciler.planning.snapshot import DELIMITER
from reconciler.remote.host import Host
from reconciler.systems.context import Fence, NoFence, SystemContext
from reconciler.systems.postfix.map_edit import in_place
from reconciler.systems.postfix.reading import PLAIN, Reader
from reconciler.systems.postfix.review import review
from reconciler.systems.postfix.rewrite import Rewriter
from reconciler.systems.postfix.tools import SUDO, Tools, sudoers_line


def build(context: SystemContext) -> System | None:
    """None when the site file has no `postfix` section."""
    section = context.settings.postfix
    if section is None:
        return None
    return SenderMap(context.hosts.get(section.host), Tools(section), context.settings.site, context.fence)


class SenderMap:
    """The blocks of envelope senders. A block is one row, however many keys of the map it needs (`keys.forms`)."""

    name = "postfix"
    owns = frozenset({"block"})
    needed_for_accounts = False

    def __init__(self, host: Host, tools: Tools, site: str, fence: Fence = NoFence()) -> None:  # noqa: B008  # no state
        self._host = host
        self._tools = tools
        self._reader = Reader(host, tools, site)
        self._rewriter = Rewriter(self._reader, fence)
        self.target = f"{tools.section.sender_access} on {host.name}"

    def expect(self, desired: DesiredState) -> Records:
        """Every block that is not expired, refused without a text: the reason stays between us and the file."""
        blocks = (block for block in desired.sender_blocks.values() if not block.expired(desired.today))
        return {"block": {b.key: BlockRow(b.key, "REJECT", _comment(b)) for b in blocks}, "unmanaged_line": {}}

    async def observe(self) -> Records:
        """Text and built map as they are. See System."""
        rules = await self._reader.rules(fresh=True)
        records = (await self._reader.view()).records()
        known = rules.installed and rules.one_delimiter
        records["setting"] = {DELIMITER: SettingRow(DELIMITER, rules.keys.delimiter)} if known else {}
        return records

    def pair(self, wanted: Records, found: Records) -> Records:  # noqa: ARG002  # keys mean the same on both sides
        return found

    def settle(self, wanted: Records, found: Records) -> Records:  # noqa: ARG002  # nothing here depends on it
        """See System."""
        return wanted

    def follow(
        self,
        owner: Owner,  # noqa: ARG002  # a block brings nothing with it
        changes: Sequence[Change],  # noqa: ARG002  # the port's signature
        wanted: Records,  # noqa: ARG002  # the port's signature
        found: Records,  # noqa: ARG002  # the port's signature
        news: CredentialEvents,  # noqa: ARG002  # the port's signature
    ) -> Sequence[Change]:
        return ()

    def steps(self, change: Change) -> tuple[Step, ...]:
        return (Step(change, Stage.FILTER),)

    def review(self, desired: DesiredState, found: Records) -> Sequence[Finding]:
        """What the hand-made lines do, by the settings of Postfix that `observe` read."""
        return review(desired, found, self._reader.known_rules, self._tools)

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

    async def perform(self, batch: Sequence[Step]) -> list[Outcome]:
        """One rewrite for the whole batch. See System."""
        return await self._rewriter.perform(batch)

    async def is_applied(self, batch: Sequence[Step]) -> list[bool]:
        """By a fresh look at text and built map. See System."""
        view = await self._reader.view()
        return [in_place(step.change, view) for step in batch]

    async def close(self) -> None:
        """The line to the host belongs to the site, not to us."""

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
