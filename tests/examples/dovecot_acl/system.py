"""Dovecot's ACL files as a System: one file for each declared mailbox, named by its address, in a folder of a host."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import Halted, PermanentFailure, Unreadable
from reconciler.model.records import Records
from reconciler.planning.changes import Action, Change, Outcome, Result, Stage, Step
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Observation, System
from reconciler.remote.host import Host
from reconciler.settings import Section
from reconciler.systems.system_context import Fence, SystemContext
from tests.examples.dovecot_acl.kinds import AclRow


class DovecotAcl(Section):
    """The section of the site file, in the product in `settings.py`."""

    host: str | None = None
    directory: str
    reader: str
    """Who may read every mailbox, and do everything in one that is switched off."""


def build(context: SystemContext) -> System | None:
    """None when the site file leaves the section out."""
    section: DovecotAcl | None = getattr(context.settings, "dovecot_acl", None)
    return None if section is None else AclFiles(section, context.hosts.get(section.host), context.fence)


class AclFiles(System):
    """The base class does the rest: match by key, no side effects, no remarks, a fresh read to look again."""

    name = "dovecot_acl"

    def __init__(self, section: DovecotAcl, host: Host, fence: Fence) -> None:
        self._section, self._host, self._fence = section, host, fence
        self.target = f"{section.directory} on {host.name}"

    def expect(self, context: PlanContext) -> Records:
        """Every declared mailbox has its file."""
        boxes = context.desired.mailboxes.values()
        rights = {True: "lr", False: "lrwstipekxa"}
        lines = {active: (f"* user={self._section.reader} {letters}",) for active, letters in rights.items()}
        return {"dovecot_acl": {box.address: AclRow(box.address, box.address, lines[box.active]) for box in boxes}}

    async def observe(self, *, writing: bool = False) -> Observation:
        """All files by one command, however many there are: `grep` says 1 when there is no line at all."""
        argv = ("grep", "-rZ", "", self._section.directory)
        done = await self._host.run(argv, env={"LC_ALL": "C"}, repeatable=True)
        if done.status > 1:
            reason = done.stderr.decode("utf-8", "replace").strip()
            hint = f"make the folder, or give the user who logs in a right to read it: {self._section.directory}"
            raise Unreadable(f"the ACL files cannot be read: {reason}", hint=hint)
        found: dict[str, list[str]] = {}
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            path, _, text = line.partition("\0")
            found.setdefault(path.rpartition("/")[2], []).append(text)
        return Observation({"dovecot_acl": {key: AclRow(key, "", tuple(lines)) for key, lines in found.items()}})

    def stage(self, change: Change) -> Stage:
        """When the account is there."""
        return Stage.GROUPWARE

    async def perform(self, context: PlanContext, batch: Sequence[Step]) -> list[Outcome]:
        """One look, then file by file; each is replaced at once."""
        live = (await self.observe()).records["dovecot_acl"]
        return [await self._write(step.change, live.get(step.change.key)) for step in batch]

    async def _write(self, change: Change, live: object) -> Outcome:
        after = change.after
        assert isinstance(after, AclRow) and change.action in (Action.CREATE, Action.UPDATE)  # noqa: PT018  # one rule
        if isinstance(live, AclRow) and live.lines == after.lines:
            return Outcome(Result.DONE)
        if live != change.before:
            return Outcome.lost_race(f"somebody else changed the ACL of {change.key}", "run `reconciler plan` again")
        content = "".join(f"{line}\n" for line in after.lines).encode()
        try:
            async with self._fence.effect(change.owner):
                await self._host.replace(f"{self._section.directory}/{change.key}", content)
        except (Halted, PermanentFailure) as error:
            return Outcome.of(error)
        return Outcome(Result.DONE)
