"""Judges the rights of a login: too few, too many, password hashes. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from reconciler.doctor.check import Check, Verdict
from reconciler.doctor.context import Role
from reconciler.doctor.held_rights import Held, Right
from reconciler.doctor.wanted_rights import Wanted
from reconciler.remote.grants import EVERYTHING, Grant
from reconciler.systems.postfixadmin.rights import SECRETS

AREA = "database"
_HARMLESS = frozenset({"REPLICA MONITOR", "SLAVE MONITOR", "BINLOG MONITOR", "REPLICATION CLIENT"})
"""They show how far behind a replica is, and nothing of what is in it."""
_LOOKING = frozenset({"SELECT", "SHOW VIEW", "USAGE"})


class Needs:
    """What the login is measured by, and how statements are written for it."""

    def __init__(
        self, wanted: Wanted, dialect: str, database: str, prefix: str = "", others: Collection[str] = ()
    ) -> None:
        self.wanted = wanted
        self.dialect = dialect
        self.database = database
        self.prefix = prefix
        self.place = "" if wanted.domains else " in the ledger's database"
        self.others = frozenset(others)
        """Other databases of the same server that the site file names."""

    def missing(self, held: Held, role: Role) -> list[Grant]:
        """What the account needs and has not."""
        return [grant for grant in self.wanted.of(role) if not held.has(grant)]

    def fitting(self, held: Held) -> Role:
        """Which account it is; where it fits none, the one that it comes near to."""
        if not self.missing(held, Role.APPLIER):
            return Role.APPLIER
        writes = any(right.privilege in EVERYTHING[1:] for right in held.rights)
        return Role.APPLIER if writes and self.missing(held, Role.PLANNER) else Role.PLANNER

    def grants(self, grants: Sequence[Grant], held: Held) -> Iterator[str]:
        """The statements that give these rights."""
        return (f"{grant.statement(self.dialect, self.database, held.login)};" for grant in grants)


def rights_checks(held: Held, needs: Needs, asked: Role | None) -> list[Check]:
    """Enough, too much, and whether password hashes can be read."""
    role = asked or needs.fitting(held)
    return [_enough(held, needs, role, asked), _excess(held, needs, role), *_secrets(held, needs, role)]


def _enough(held: Held, needs: Needs, role: Role, asked: Role | None) -> Check:
    name = f"rights of {held.login}{needs.place}"
    missing = needs.missing(held, role)
    if not missing:
        return Check(AREA, name, Verdict.OK, f"every right that the {role} needs is there")
    tables = ", ".join(dict.fromkeys(grant.table for grant in missing))
    saw = f"as the {role} it lacks rights on {tables}"
    if asked is None:
        saw += f"; whose account it is was not said (--account), and it comes near to the {role}'s"
    why = "what cannot be read is unknown, and nothing is planned for it"
    if role is Role.APPLIER:
        why = "`apply` looks at its rights first, and begins nothing without them"
    return Check(AREA, name, Verdict.FAILED, saw, why, (_ADMINISTRATOR, *needs.grants(missing, held)))


_ADMINISTRATOR = (
    "have the database's administrator run (for tables of the ledger, `reconciler ledger init` comes first):"
)


def _excess(held: Held, needs: Needs, role: Role) -> Check:
    name = f"needless rights of {held.login}{needs.place}"
    found = [*_on_tables(held, needs, role), *_beyond(held, needs)]
    lines = list(dict.fromkeys(right.revoke for right in found))
    if not found:
        return Check(AREA, name, Verdict.OK, f"it can do no more than the {role} must")
    shown = list(dict.fromkeys(right.written for right in found))
    saw = f"the {role} has no use for: {', '.join(shown[:12])}" + (f" and {len(shown) - 12} more" if shown[12:] else "")
    kept = held._replace(rights=tuple(right for right in held.rights if right.revoke not in lines))
    again = needs.grants(needs.missing(kept, role), held)
    return Check(AREA, name, Verdict.WARNING, saw, _WHY[role], (_REVOKE, *lines, *again))


_REVOKE = "have the database's administrator run, in this order:"
_WHY = {
    Role.PLANNER: "whoever opens a merge request may come to its password, and could do all of this",
    Role.APPLIER: "a mistake, or somebody with its password, could do more harm than reconciler ever needs to",
}


def _on_tables(held: Held, needs: Needs, role: Role) -> Iterator[Right]:
    """Rights on PostfixAdmin's tables that the account does not use. To read more than it needs is no harm, but for
    what `_secrets` is about; to write is."""
    wanted = needs.wanted.of(role)
    allowed = {(p, grant.table) for grant in wanted for p in grant.privileges}
    if role is Role.APPLIER:
        allowed |= {(p, grant.table) for grant in needs.wanted.domains for p in grant.privileges}
    for right in held.rights:
        if right.privilege not in _LOOKING and (right.privilege, right.table) not in allowed:
            yield right


def _beyond(held: Held, needs: Needs) -> Iterator[Right]:
    for right in held.beyond:
        database = re.search(r" ON ([^.]+)\.\S+$", right.written)
        named = database is not None and database[1].replace("\\", "") in needs.others
        if right.privilege not in _HARMLESS and not (named and right.privilege in EVERYTHING):
            yield right


def _secrets(held: Held, needs: Needs, role: Role) -> Iterator[Check]:
    """Only where PostfixAdmin's tables are; `fetchmail` and the hashes are the applier's, who moves them."""
    if not needs.wanted.domains:
        return
    columns = sorted(f"{table}.{column}" for table, column in held.readable if column in _secret(table, needs.prefix))
    if role is Role.APPLIER:
        yield Check(AREA, "password hashes", Verdict.OK, "the applier reads them, to compare; the planner must not")
    elif not columns:
        yield Check(AREA, "password hashes", Verdict.OK, "the planner cannot read them")
    else:
        readers = [r for r in held.rights if r.privilege == "SELECT" and not r.column and _reaches(r, columns)]
        readers += [r for r in held.rights if r.privilege == "SELECT" and f"{r.table}.{r.column}" in columns]
        lines = tuple(dict.fromkeys(right.revoke for right in readers))
        kept = held._replace(rights=tuple(right for right in held.rights if right.revoke not in lines))
        again = needs.grants(needs.missing(kept, role), held)
        why = "passwords are guessed from their hashes, by whoever comes to the planner's password in a merge request"
        saw = f"the planner can read {', '.join(columns)}"
        yield Check(AREA, "password hashes", Verdict.WARNING, saw, why, (_REVOKE, *lines, *again))


def _secret(table: str, prefix: str) -> Sequence[str]:
    return SECRETS.get(table.removeprefix(prefix), ())


def _reaches(right: Right, columns: Collection[str]) -> bool:
    return not right.table or any(column.startswith(f"{right.table}.") for column in columns)
