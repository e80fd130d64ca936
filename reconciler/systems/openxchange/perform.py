"""Carries out a batch: look, compare, write, look again.

One list of the whole context before the first write and one after the last, however long the batch is; the one before
is what was listed last, when nothing was written since. A long batch outlives its first list, and new aliases replace
the whole set, so there each change looks at its own user once more. Creations need no second look: the server itself
refuses a login or an address that is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from reconciler.errors import Halted, Unreadable
from reconciler.model.records import Owner, OxUserRow, PasswordRow, SubscriptionsRow
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Action, Change, Outcome, Result, Step
from reconciler.remote.concurrency import together
from reconciler.settings import OpenXchange
from reconciler.systems.openxchange.listuser_csv import Listed
from reconciler.systems.openxchange.provisioning import One, Provisioning, Write
from reconciler.systems.openxchange.tool_answers import PLAN
from reconciler.systems.openxchange.tool_calls import described, differences, in_place, intend


async def perform(ox: Provisioning, section: OpenXchange, passwords: Passwords, batch: Sequence[Step]) -> list[Outcome]:
    """One outcome for each step, in order. Raises Unreadable when nothing could be looked at before the first write."""
    long = len(batch) > ox.parallel
    recent = not any(_needs_new_list(step, long=long) for step in batch)
    long = long or (recent and ox.kept(_whom(batch)) is not None)
    work = _Batch(ox, section, passwords, await look(ox, batch, recent=recent), long=long)
    await work.write(batch)
    await work.read_back(batch)
    return [work.outcomes[step.id] for step in batch]


class _Batch:
    """One batch under way."""

    def __init__(
        self, ox: Provisioning, section: OpenXchange, passwords: Passwords, seen: FoundUsers, *, long: bool
    ) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._ox = ox
        self._section = section
        self._passwords = passwords
        self._seen = seen
        self._long = long
        self._written: set[str] = set()
        self._halted: dict[Owner, Outcome] = {}
        self._aside: set[str] = set()
        """Users (by id) that exchange a name with another one, and have neither of the two for a moment."""
        self._renamed: dict[Owner, str] = {}
        """The login that a user has since this batch."""
        self._down: Unreadable | None = None

    async def write(self, batch: Iterable[Step]) -> None:
        """Every step, as many at once as OX is asked to do, the steps of one user one after the other."""
        deletions: dict[str, list[Step]] = {}
        changes: dict[str, list[Step]] = {}
        creations: dict[str, list[Step]] = {}
        for step in batch:
            user_id = user_id_of(step.change)
            users = deletions if step.change.action is Action.DELETE else changes if user_id else creations
            users.setdefault(user_id or step.id, []).append(step)
        # each may free the login, the display name or the address that the next one takes
        await together(map(self._one_user, deletions.values()))
        while changes:
            ready = self._ready(changes)
            if not ready:  # they exchange their names: one of them steps aside for a moment
                await self._step_aside(next(iter(changes.values())))
                continue
            await together([self._one_user(changes.pop(user_id)) for user_id in ready])
        await together(map(self._one_user, creations.values()))

    def _ready(self, changes: Mapping[str, list[Step]]) -> list[str]:
        """The users whose new login and display name are not those of another one that is still to be changed."""
        held = {
            name: user_id
            for user_id, steps in changes.items()
            for step in steps
            for name in _names(step.change.before)
            if user_id not in self._aside
        }
        return [
            user_id
            for user_id, steps in changes.items()
            if all(held.get(name, user_id) == user_id for s in steps for name in _names(s.change.after))
        ]

    async def _step_aside(self, steps: Sequence[Step]) -> None:
        """Gives the user a login and a display name that nobody has. If the run dies now, the next plan finds them
        different from what is declared."""
        change = next(step.change for step in steps if isinstance(step.change.before, OxUserRow))
        user_id = user_id_of(change)
        self._aside.add(user_id)
        self._long = True  # the first list is no longer true
        before, after, user = change.before, change.after, self._seen.of(change)
        if not isinstance(before, OxUserRow) or not isinstance(after, OxUserRow):
            return
        if not isinstance(intend(change, user, self._section), Write):
            return  # somebody else changed it; its own step says so
        values = {}
        if after.login != before.login:
            values["login"] = f"{before.login}.{user_id}"
        if after.display_name != before.display_name:
            values["display_name"] = f"{before.display_name} ({user_id})"
        with suppress(Halted):  # its own steps will say so
            await self._call(Write(Action.UPDATE, user_id, values), change)

    def _as_before(self, change: Change, user: Listed | None) -> Listed | None:
        """The user with the names that it had before it stepped aside."""
        before = change.before
        if user is None or user.id not in self._aside or not isinstance(before, OxUserRow):
            return user
        row = user.row
        if row.login == f"{before.login}.{row.id}":
            row = row._replace(login=before.login)
        if row.display_name == f"{before.display_name} ({row.id})":
            row = row._replace(display_name=before.display_name)
        return Listed(user.cells, row)

    async def _one_user(self, steps: list[Step]) -> None:
        ordered = sorted(steps, key=_place)
        for step in ordered:
            self.outcomes[step.id] = await self._step(step, again=self._long or step is not ordered[0])

    async def _step(self, step: Step, *, again: bool) -> Outcome:
        if step.change.owner in self._halted:
            return self._halted[step.change.owner]
        outcome = await self._tried(step, again=again)
        if outcome.result is not Result.DONE and step.change.action in (Action.DELETE, Action.RENAME):
            # without the deletion the rename cannot be done, and a password belongs to the user under its new address
            message = f"it waits for OX user {user_id_of(step.change)}"
            self._halted[step.change.owner] = Outcome(Result.NOT_TRIED, message, temporary=outcome.temporary)
        return outcome

    async def _tried(self, step: Step, *, again: bool) -> Outcome:
        change = step.change
        try:
            if self._down is not None:
                raise self._down
            # a renamed user is the only one whose password comes after another step
            fresh = again and (isinstance(change.before, OxUserRow) or change.owner in self._renamed)
            known = "" if user_id_of(change) in self._aside else self._renamed.get(change.owner)
            seen = await look(self._ox, [step], known) if fresh else self._seen
        except Unreadable as error:
            self._down = error
            return Outcome(Result.FAILED, f"not tried: {error.message}", error.hint, temporary=True)
        write = intend(change, self._as_before(change, seen.of(change)), self._section)
        if isinstance(write, Outcome):
            return write
        try:
            problem = await self._call(write, change)
            self._written.add(step.id)
            if change.action is Action.RENAME and isinstance(change.after, OxUserRow):
                self._renamed[change.owner] = change.after.login
            return Outcome(Result.DONE) if problem is None else await self._after(problem, step)
        except Halted as error:
            return Outcome.of(error)

    async def _call(self, write: Write, change: Change) -> Outcome | None:
        """The failure, or None. Raises Halted."""
        password = self._passwords.of(change.owner.subject) if write.password else None
        words = self._ox.words._replace(address=change.key)
        if isinstance(change.after, OxUserRow):
            holder = self._seen.holder(change.after.display_name, change)
            words = words._replace(
                login=change.after.login,
                display_name=change.after.display_name,
                holder=f"user {holder.row.id} ({holder.row.login}) has it" if holder else "look for it with listuser",
            )
        try:
            return await self._ox.write(write, password, change.owner, words)
        except Unreadable as error:
            return Outcome.of(error)

    async def _after(self, problem: Outcome, step: Step) -> Outcome:
        """Whatever OX reported, the list decides: it may have died after its effect. Raises Halted."""
        known = self._seen.of(step.change)
        by_id_alone = isinstance(step.change.after, PasswordRow) and known is not None
        try:
            seen = await look(self._ox, [step], known.row.login if known and by_id_alone else only_login([step]))
        except Unreadable as error:
            self._down = error  # no tool gets through: the rest of the batch need not find that out one by one
            return problem
        user = seen.of(step.change)
        if not in_place(step.change, user):
            return problem
        if step.change.action is Action.CREATE:
            write = intend(step.change, user, self._section)
            assert isinstance(write, Write)  # it is there as wanted: what is left to do is its password
            return await self._call(write, step.change) or Outcome(Result.DONE)
        return Outcome(Result.DONE)

    async def read_back(self, batch: Sequence[Step]) -> None:
        """Status 0 is no proof: what was written is looked at once more."""
        written = (step for step in batch if step.id in self._written and step.readable)
        done = [step for step in written if self.outcomes[step.id].result is Result.DONE]
        if not done:
            return
        try:
            seen = await look(self._ox, done)
        except Unreadable as error:
            message = f"it was written, but cannot be read back: {error.message}"
            self.outcomes |= {s.id: Outcome(Result.FAILED, message, error.hint, temporary=True) for s in done}
            return
        for step in done:
            user = seen.of(step.change)
            if not in_place(step.change, user):
                self.outcomes[step.id] = _reads_otherwise(step.change, user)


def _needs_new_list(step: Step, *, long: bool) -> bool:
    """A password, which does not look at its own user again: it must not go to a user who has become somebody else's.
    And what cannot be undone, where a batch of few would look for it in a list of its own."""
    return not isinstance(step.change.after, OxUserRow) and (step.change.action is not Action.DELETE or not long)


def _names(row: object) -> set[tuple[str, str]]:
    """The names of which a context has one each."""
    return {("login", row.login), ("name", row.display_name.casefold())} if isinstance(row, OxUserRow) else set()


def _place(step: Step) -> int:
    """The password before an update: when it has to repair the addresses, then from a list that is older than no other
    step. After a rename: until then the user does not have the address that the password is for."""
    if step.change.action is Action.RENAME:
        return 0
    return 1 if isinstance(step.change.after, PasswordRow) else 2


def _reads_otherwise(change: Change, user: Listed | None) -> Outcome:
    hint = PLAN
    if user is not None and change.action is Action.DELETE:
        message = f"OX reported success, but OX user {user.row.id} ({user.row.login}) is still listed"
    elif user is None:
        message = f"OX reported success, but no user of {change.key} is listed as it was asked for"
        hint = f"a server with AUTO_TO_LOWERCASE_UID makes logins lower case: declare it so; or {PLAN}"
    else:
        wrong = differences(change, user)
        message = f"OX reported success, but of OX user {user.row.id} {described(wrong)}"
        if any(live != wanted and live == wanted.encode("ascii", "replace").decode() for _, wanted, live in wrong):
            hint = "the OX host loses umlauts: it needs the locale C.UTF-8 (see `locale -a`)"
    return Outcome(Result.FAILED, message, hint)


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


async def look(
    ox: Provisioning, steps: Sequence[Step], login: str | None = None, *, recent: bool = False
) -> FoundUsers:
    """A list: of one `login`, of the whole context when it is empty, of what the steps need when it is None; the last
    one where a `recent` one will do. Raises Unreadable."""
    changes = [step.change for step in steps]
    return await ox.read(partial(_picked, ox.admin, changes), _whom(steps, login), recent=recent)


def _whom(steps: Sequence[Step], login: str | None = None) -> One:
    user_id = user_id_of(steps[0].change) if len(steps) == 1 else ""
    return One(only_login(steps) if login is None else login, user_id)


async def is_applied(ox: Provisioning, batch: Sequence[Step]) -> list[bool]:
    """Whether each effect is in place, by a list since which nothing was written here. Raises Unreadable."""
    if not any(step.readable for step in batch):
        return [False] * len(batch)
    seen = await look(ox, batch, recent=True)
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


def _picked(admin: str, changes: Sequence[Change], users: Iterator[Listed]) -> FoundUsers:
    ids = {user_id_of(change) for change in changes}
    rows = [row for change in changes for row in (change.before, change.after) if isinstance(row, OxUserRow)]
    logins, names = {row.login for row in rows}, {row.display_name.casefold() for row in rows}
    seen = FoundUsers()
    for user in users:
        if user.login == admin:
            continue
        if user.id in ids:
            seen.by_id[user.id] = user
        if user.login in logins:
            seen.by_login[user.login] = user
        if (name := user.display_name.casefold()) in names:
            seen.by_name[name] = user
    return seen
