"""Looking at the users that some steps are about. `is_applied` answers from one look, `perform` takes several."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from reconciler.model.records import OxUserRow, PasswordRow, SubscriptionsRow
from reconciler.planning.changes import Action, Change, Step
from reconciler.systems.openxchange.listuser_csv import Listed, read_users
from reconciler.systems.openxchange.tool_calls import in_place
from reconciler.systems.openxchange.tools import Tools


@dataclass(slots=True)
class FoundUsers:
    """The users that some steps are about, as one list showed them."""

    by_id: dict[str, Listed] = field(default_factory=dict)
    by_login: dict[str, Listed] = field(default_factory=dict)
    by_name: dict[str, Listed] = field(default_factory=dict)
    """By display name, case-folded."""

    def of(self, change: Change) -> Listed | None:
        """The user of this change: by its id, or a new one by its login."""
        user_id = user_id_of(change)
        if user_id:
            return self.by_id.get(user_id)
        return self.by_login.get(change.after.login) if isinstance(change.after, OxUserRow) else None

    def holder(self, display_name: str, change: Change) -> Listed | None:
        """Another user than the change's own that has this display name."""
        user = self.by_name.get(display_name.casefold())
        return user if user is not None and user.row.id != user_id_of(change) else None


async def look(tools: Tools, steps: Sequence[Step], login: str | None = None) -> FoundUsers:
    """A fresh list: of one `login`, of the whole context when it is empty, of what the steps need when it is None.
    Raises Unreadable."""
    pattern = only_login(steps) if login is None else login
    stdout = await tools.listing(pattern)
    # a big context takes seconds to read, and other systems are at work in this loop
    return await asyncio.to_thread(_pick, stdout, tools.admin, [step.change for step in steps], not pattern)


async def is_applied(tools: Tools, batch: Sequence[Step]) -> list[bool]:
    """Whether each effect is in place, by one fresh list. Raises Unreadable."""
    if not any(step.readable for step in batch):
        return [False] * len(batch)
    seen = await look(tools, batch)
    return [in_place(step.change, seen.of(step.change)) for step in batch]


def user_id_of(change: Change) -> str:
    """The id of the user that is to be changed or deleted; empty for a creation."""
    if isinstance(change.before, OxUserRow):
        return change.before.id
    return change.after.target if isinstance(change.after, PasswordRow | SubscriptionsRow) else ""


def only_login(steps: Sequence[Step]) -> str:
    """The login to search for when all is about one user that keeps it: in a big context this saves minutes, since
    listuser asks the server once for each user that it lists (facts/open-xchange.md 2.1). A deletion needs the whole
    list: who is not found under a login may have another one by now."""
    if len(steps) != 1 or steps[0].change.action is Action.DELETE:
        return ""
    rows = (steps[0].change.before, steps[0].change.after)
    logins = {row.login for row in rows if isinstance(row, OxUserRow)}
    return logins.pop() if len(logins) == 1 else ""


def _pick(stdout: bytes, admin: str, changes: Sequence[Change], whole: bool) -> FoundUsers:
    ids = {user_id_of(change) for change in changes}
    rows = [row for change in changes for row in (change.before, change.after) if isinstance(row, OxUserRow)]
    logins, names = {row.login for row in rows}, {row.display_name.casefold() for row in rows}
    seen = FoundUsers()
    for user in read_users(stdout, admin, whole=whole):
        if user.row.id in ids:
            seen.by_id[user.row.id] = user
        if user.row.login in logins:
            seen.by_login[user.row.login] = user
        if (name := user.row.display_name.casefold()) in names:
            seen.by_name[name] = user
    return seen
