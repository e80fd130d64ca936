"""The reset of a user's subscriptions, which no tool of OX does: in OX's own database (facts/open-xchange.md 5).

User ids are unique in one context only and one database holds many, so every condition names the context too. One
transaction removes the subscriptions, their stored configurations, and the token with which a forgotten password could
recover them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, column, delete, select, table
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import DBAPIError

from reconciler.errors import Halted
from reconciler.model.records import SubscriptionsRow
from reconciler.planning.changes import Outcome, Result, Step
from reconciler.planning.live_users import addresses_of
from reconciler.remote.concurrency import to_its_end
from reconciler.remote.database import connect, open_database
from reconciler.remote.database_errors import explained, is_busy, is_temporary
from reconciler.secret_sources import secret
from reconciler.settings import OpenXchange, Settings
from reconciler.systems.openxchange.perform import FoundUsers, look
from reconciler.systems.openxchange.provisioning import Provisioning
from reconciler.systems.openxchange.tool_answers import AGAIN, PLAN
from reconciler.translation import marked

_TOKEN = "com.openexchange.secret.recovery.fast.token"
_SUBSCRIPTIONS = table("subscriptions", *map(column, ("cid", "id", "user_id", "configuration_id")))
_CONFIGURATIONS = [
    table(name, column("cid"), column("id")) for name in ("genconf_attributes_strings", "genconf_attributes_bools")
]
_ATTRIBUTES = table("user_attribute", column("cid"), column("id"), column("name"))

NO_DATABASE = marked(
    "OX subscriptions can be removed in OX's database only, and the site file does not say where it is"
)
NO_DATABASE_HINT = marked(
    "write `openxchange.database_url` (and database_password_env) in the site file, or remove `subscriptions_reset`"
)


class Subscriptions:
    """OX's database, or none. Raises Unreadable when its password is missing."""

    def __init__(self, section: OpenXchange, settings: Settings) -> None:
        self._context = section.context
        self._engine: Engine | None = None
        self._unanswered: dict[str, Removed] = {}
        """User id → what was there before a COMMIT whose answer was lost."""
        self.reachable = section.database_url is not None
        """Whether the site file says where the database is. The planner does not log in: nothing is read there."""
        if section.database_url is not None and not settings.as_planner:
            file = settings.path(section.database_password_file) if section.database_password_file else None
            password = secret(section.database_password_env, file, "openxchange.database_password")
            url = make_url(section.database_url)
            self._engine = open_database(url, password.get_secret_value(), settings.path)

    async def perform(self, ox: Provisioning, batch: Sequence[Step]) -> list[Outcome]:
        """One outcome for each step, in order. Raises Unreadable when the users cannot be looked at."""
        if self._engine is None:
            return [Outcome(Result.FAILED, NO_DATABASE, NO_DATABASE_HINT)] * len(batch)
        seen = await look(ox, batch)
        outcomes = []
        for step in batch:
            try:
                async with ox.fence.effect(step.change.owner):
                    outcomes.append(await to_its_end(self._one, self._engine, step, seen))
            except Halted as error:
                outcomes.append(Outcome.of(error))
        return outcomes

    def _one(self, engine: Engine, step: Step, seen: FoundUsers) -> Outcome:
        row, user = step.change.row, seen.of(step.change)
        assert isinstance(row, SubscriptionsRow)
        if user is None or row.account not in addresses_of(user.row):
            return Outcome.lost_race(f"OX user {row.target} is no longer the one of {row.account}", PLAN)
        removed: Removed | None = None
        try:
            with connect(engine) as connection, connection.begin():
                removed = remove(connection, self._context, int(row.target))
        except DBAPIError as error:
            # the COMMIT failed: only of a conflict is it known that all was undone
            if removed is not None and not is_busy(error):
                self._unanswered.setdefault(row.target, removed)
            return self._failed(row, error)
        earlier = self._unanswered.pop(row.target, removed)
        return Outcome(Result.DONE, (removed if any(removed) else earlier).text)

    def _failed(self, row: SubscriptionsRow, error: DBAPIError) -> Outcome:
        reason, hint = explained(error, "openxchange.database_url")
        message = f"the subscriptions of {row.account} are still there"
        if (removed := self._unanswered.get(row.target)) is not None:
            message = f"it is not known whether the subscriptions of {row.account} are gone"
            message += f" ({removed.text}, if they are)" if any(removed) else ""
        temporary = is_temporary(error)
        return Outcome(Result.FAILED, f"{message}: OX's database: {reason}", f"{hint}; then {AGAIN}", temporary)


class Removed(NamedTuple):
    """How many subscriptions a user had, and whether a token that could recover their passwords. Nothing of what was in
    them: reports and the ledger keep this."""

    subscriptions: int
    token: bool

    @property
    def text(self) -> str:
        """`2 subscriptions and the recovery token removed`."""
        number = self.subscriptions
        if not number:
            return (
                "the recovery token removed, there were no subscriptions" if self.token else "nothing was left of them"
            )
        count = f"{number} subscription{'s' if number != 1 else ''}"
        return (
            f"{count} and the recovery token removed" if self.token else f"{count} removed, there was no recovery token"
        )


def remove(connection: Connection, context: int, user_id: int) -> Removed:
    """Removes all subscriptions of one user of one context, with what they stored; returns what there was."""
    subscription = _SUBSCRIPTIONS.c
    mine = (subscription.cid == context, subscription.user_id == user_id)
    configurations = connection.scalars(select(subscription.configuration_id).where(*mine).with_for_update()).all()
    for stored in _CONFIGURATIONS:
        connection.execute(delete(stored).where(stored.c.cid == context, stored.c.id.in_(configurations)))
    connection.execute(delete(_SUBSCRIPTIONS).where(*mine))
    token = _ATTRIBUTES.c
    gone = delete(_ATTRIBUTES).where(token.cid == context, token.id == user_id, token.name == _TOKEN)
    return Removed(len(configurations), connection.execute(gone).rowcount > 0)
