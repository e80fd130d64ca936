"""A list manager's files as a System: `owner: ADDRESS`, then a member a line, in a file named by the list's address."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import Halted, PermanentFailure, Unreadable
from reconciler.model.records import Records
from reconciler.planning.changes import Change, Outcome, Result, Stage, Step
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Observation, System
from reconciler.remote.host import Host
from reconciler.settings import Section
from reconciler.systems.system_context import Fence, SystemContext
from tests.examples.mailing_lists.kinds import ListRow

_OWNER = "owner: "


class ListManager(Section):
    """The section of the site file, in the product in `settings.py`."""

    host: str | None = None
    directory: str


def build(context: SystemContext) -> System | None:
    """None when the site file leaves the section out."""
    section: ListManager | None = getattr(context.settings, "list_manager", None)
    return None if section is None else ListFiles(section, context.hosts.get(section.host), context.fence)


class ListFiles(System):
    """The base class does the rest."""

    name = "list_manager"

    def __init__(self, section: ListManager, host: Host, fence: Fence) -> None:
        self._directory, self._host, self._fence = section.directory, host, fence
        self.target = f"{section.directory} on {host.name}"

    def expect(self, context: PlanContext) -> Records:
        """Every declared list has its file."""
        lists = context.desired.section("mailing_lists").values()
        return {"mailing_list": {each.address: ListRow(each.address, each.owner, each.members) for each in lists}}

    async def observe(self, *, writing: bool = False) -> Observation:
        """All files by one command, however many there are: `grep` says 1 when there is no line at all."""
        done = await self._host.run(("grep", "-rZ", "", self._directory), env={"LC_ALL": "C"}, repeatable=True)
        if done.status > 1:
            reason = done.stderr.decode("utf-8", "replace").strip()
            raise Unreadable(f"the lists cannot be read: {reason}", hint=f"make the folder {self._directory}")
        found: dict[str, list[str]] = {}
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            path, _, text = line.partition("\0")
            found.setdefault(path.rpartition("/")[2], []).append(text)
        return Observation({"mailing_list": {key: _row(key, *lines) for key, lines in found.items()}})

    def stage(self, change: Change) -> Stage:
        """When the mailboxes of its members are there."""
        return Stage.REFERENCES

    async def perform(self, context: PlanContext, batch: Sequence[Step]) -> list[Outcome]:
        """One look, then file by file; each is replaced at once."""
        live = (await self.observe()).records["mailing_list"]
        return [await self._write(step.change, live.get(step.change.key)) for step in batch]

    async def _write(self, change: Change, live: object) -> Outcome:
        after = change.after if isinstance(change.after, ListRow) else None
        if live == after:
            return Outcome(Result.DONE)
        if live != change.before:
            return Outcome.lost_race(f"somebody else changed the list {change.key}", "run `reconciler plan` again")
        file = f"{self._directory}/{change.key}"
        try:
            async with self._fence.effect(change.owner):
                if after is None:
                    await self._host.run(("rm", "--", file))  # whether it is gone is read back
                else:
                    lines = (f"{_OWNER}{after.owned_by}", *after.members)
                    await self._host.replace(file, "".join(f"{line}\n" for line in lines).encode())
        except (Halted, PermanentFailure) as error:
            return Outcome.of(error)
        return Outcome(Result.DONE)


def _row(key: str, owner: str, *members: str) -> ListRow:
    return ListRow(key, owner.removeprefix(_OWNER), tuple(sorted(members)))
