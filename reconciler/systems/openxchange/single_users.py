"""The users of a few accounts, asked for one by one: a list of a big context takes seconds, and with OX' own tools
minutes.

OX finds a user by login or display name only (facts 2.1, 7). So that is enough only for accounts whose user is there
under the wanted login, with the account as its primary address: OX has each of both once in a context (facts 4), so no
other user can be this account's. Whatever else may be, a missing user, a rename, a name that somebody else may have,
needs the whole list. Nor does it show who else has the address as an alias, which OX lets several users have.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence

from reconciler.model.records import OxUserRow, Row
from reconciler.planning.concern import Concern
from reconciler.systems.openxchange.listuser_csv import Listed
from reconciler.systems.openxchange.matching import former
from reconciler.systems.openxchange.provisioning import One, Provisioning

MOST = 8
"""Accounts; each is a call, with the tools a process: so many take a few seconds."""
_PLAIN = re.compile(r"[A-Za-z0-9@.-]+")
"""Logins in which no sign means something to the search: `_` fits any sign, `*` any number, and `\\` escapes."""


def asked_for(wanted: Mapping[str, Row], about: Concern) -> list[OxUserRow] | None:
    """The wanted users of a part; None where the whole list is needed in any case."""
    rows = [row for row in wanted.values() if isinstance(row, OxUserRow)]
    usual = (
        len(rows) == len(wanted) <= MOST
        and not about.domains
        and all(_PLAIN.fullmatch(row.login) and not former(row) for row in rows)
        and not about.undeclared
        and {person.address for person in about.people} <= wanted.keys()
    )
    return rows if usual and rows else None


class SingleUsers:
    """Asks OX for users by their logins, for each once: until it is known what belongs to a part, it is read again."""

    def __init__(self, ox: Provisioning) -> None:
        self._ox = ox
        self._known: dict[str, list[Listed]] = {}

    async def find(self, rows: Sequence[OxUserRow], *, unique_names: bool) -> list[Listed] | None:
        """Those users, and the context admin; None where one of them takes a closer look. Raises Unreadable."""
        answers = await asyncio.gather(*map(self._with_login, (self._ox.admin, *(row.login for row in rows))))
        for row, users in zip(rows, answers[1:], strict=True):
            if not any(_is_settled(user.row, row, unique_names=unique_names) for user in users):
                return None
        return [user for users in answers for user in users]

    async def _with_login(self, login: str) -> list[Listed]:
        """Nobody, or the one user; others may be in the answer."""
        if login not in self._known:
            users = await self._ox.read(list, One(login), keep=False)
            self._known[login] = [user for user in users if user.login == login]
        return self._known[login]


def _is_settled(user: OxUserRow, wanted: OxUserRow, *, unique_names: bool) -> bool:
    same_name = user.display_name.casefold() == wanted.display_name.casefold()
    return user.primary == wanted.key and (same_name or not unique_names)
