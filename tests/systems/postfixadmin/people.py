"""Anna, who was Muster and is Beispiel: what stands in the tables before a rename, and what git declares."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from reconciler.model.addresses import Address
from reconciler.model.declared import Alias, DesiredState, Mailbox, OldMailbox, Removal, Rename
from reconciler.model.source_places import Origin
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.postfixadmin.support import ANNA, DOMAIN, MEMBER, apply, by_hand, mailbox, rows, state

OLD, NEW = Address("anna.muster@pirat.alt"), ANNA
OTHER_DOMAIN = "verein.alt"
TODAY = date(2026, 11, 22)
FORWARD = "anna@extern.example"
OLD_TOKEN, NEW_TOKEN = "anna.muster#pirat.alt@autoreply.example", "anna.beispiel#pirat.alt@autoreply.example"
MB = 1024000
ADDRESSES = (OLD, NEW, MEMBER)

TABLES = {
    "alias": "SELECT address, goto, domain, active FROM alias ORDER BY address",
    "mailbox": "SELECT username, name, maildir, quota, local_part, domain, active FROM mailbox ORDER BY username",
    "vacation": "SELECT email, subject, domain, active FROM vacation ORDER BY email",
    "vacation_notification": "SELECT on_vacation, notified, notified_at FROM vacation_notification ORDER BY notified",
    "quota": "SELECT username, path, current FROM quota ORDER BY username, path",
    "quota2": "SELECT username, bytes, messages FROM quota2 ORDER BY username",
    "fetchmail": "SELECT mailbox, domain, src_user FROM fetchmail ORDER BY mailbox",
}


def rename(old: str = OLD, new: str = NEW, day: date = TODAY, **written: Any) -> Rename:
    """A declared rename."""
    return Rename(Address(old), Address(new), day, Origin("renames.yaml", "renames", old), **written)


def removal(address: str, day: date = TODAY) -> Removal:
    """A declared removal."""
    return Removal(Address(address), day, "left, RT 4890", Origin("removals.yaml", "removals", address))


def declared(*what: Mailbox | Alias | Rename | Removal, today: date = TODAY) -> DesiredState:
    """Everything that git declares."""
    boxes = state(*(d for d in what if isinstance(d, (Mailbox, Alias))))
    renames = tuple(d for d in what if isinstance(d, Rename))
    removals = tuple(d for d in what if isinstance(d, Removal))
    return DesiredState(today, boxes.mailboxes, boxes.aliases, renames, removals)


def anna(address: str = NEW, **written: Any) -> Mailbox:
    """The mailbox as git declares it after the rename."""
    return mailbox(address, **{"member": "10042", "name": "Anna Beispiel", **written})


def renamed(*more: Mailbox | Alias, move: bool = False, **written: Any) -> DesiredState:
    """The rename as docs/rename.md declares it."""
    kind = OldMailbox.MOVE if move else OldMailbox.ATTACH
    return declared(anna(), *more, rename(**{"former_surname": "Muster", "old_mailbox": kind, **written}))


async def as_before(database: PostfixAdminDatabase, system: PostfixAdminSystem) -> None:
    """Two domains, and Anna's account under the old name."""
    for domain in (DOMAIN, OTHER_DOMAIN):
        database.add_domain(domain)
    await apply(system, state(mailbox(OLD, member="10042", name="Anna Muster", quota=512)))


def forwards(database: PostfixAdminDatabase, goto: str, address: str = OLD) -> None:
    """Anna sets forwards."""
    assert by_hand(database, "UPDATE alias SET goto = :goto WHERE address = :a", goto=goto, a=address) == 1


_VACATION = "INSERT INTO vacation (email, subject, body, domain) VALUES (:a, :s, 'bin weg', 'pirat.alt')"
# MySQL's column has no default (facts/postfixadmin.md 2), PostgreSQL has no such column (3)
_VACATION_MYSQL = (
    "INSERT INTO vacation (email, subject, body, domain, cache) VALUES (:a, :s, 'bin weg', 'pirat.alt', '')"
)
_FETCHMAIL = (
    "INSERT INTO fetchmail (mailbox, domain, src_server, src_user, src_password, src_folder, mda, src_auth, protocol) "
    "VALUES (:a, 'pirat.alt', 'imap.extern.example', :u, '', 'INBOX', '', 'password', 'IMAP')"
)


def vacation(database: PostfixAdminDatabase, address: str = OLD, subject: str = "Urlaub") -> None:
    """Anna is on holiday, and somebody has been told (facts/postfixadmin.md 7)."""
    by_hand(database, _VACATION_MYSQL if database.backend == "mysql" else _VACATION, a=address, s=subject)
    query = "INSERT INTO vacation_notification (on_vacation, notified, notified_at) VALUES (:a, :n, :at)"
    by_hand(database, query, a=address, n=f"frager-{subject}@extern.example", at="2026-11-20 08:15:00")


def satellites(database: PostfixAdminDatabase, address: str = OLD) -> None:
    """What else is kept under the user name."""
    by_hand(database, "INSERT INTO quota (username, path, current) VALUES (:a, 'storage', 7)", a=address)
    by_hand(database, "INSERT INTO quota2 (username, bytes, messages) VALUES (:a, 4711, 3)", a=address)
    by_hand(database, _FETCHMAIL, a=address, u=f"fetch-{address}")


def goto_by_address(database: PostfixAdminDatabase) -> dict[str, str]:
    """Every active alias."""
    found = rows(database, "SELECT address, goto, active FROM alias")
    return {row["address"]: row["goto"] for row in found if row["active"]}


def names(database: PostfixAdminDatabase) -> dict[str, tuple[str, int, bool]]:
    """Mailbox → name, MB, active."""
    found = rows(database, TABLES["mailbox"])
    return {row["username"]: (row["name"], row["quota"] // MB, bool(row["active"])) for row in found}


def dump(database: PostfixAdminDatabase, tables: Iterable[str] = TABLES) -> dict[str, list[dict[str, Any]]]:
    """Every row, without clocks, hashes and ids."""
    return {table: rows(database, TABLES[table]) for table in tables}
