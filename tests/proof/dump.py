"""What a world holds, row for row, without clocks, hashes and numbers of runs; and what its letters open.

Two worlds are alike when their dumps are equal: the one that nothing disturbed and the one that was put right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from email.message import EmailMessage
from functools import cache
from typing import Any, NamedTuple

from passlib.hash import sha512_crypt  # type: ignore[import-untyped]  # libpass has no stubs

from reconciler.apply.ledger.tables import UtcTime, declare
from reconciler.sandbox.openxchange import control, passwords, store
from tests.cli.site import read_mail
from tests.proof.world import World

_TABLES = {
    "alias": "SELECT address, goto, domain, active FROM alias ORDER BY 1",
    "mailbox": "SELECT username, name, maildir, quota, local_part, domain, active FROM mailbox ORDER BY 1",
    "vacation": "SELECT email, subject, body, domain, active FROM vacation ORDER BY 1",
    "vacation_notification": "SELECT on_vacation, notified, notified_at FROM vacation_notification ORDER BY 1, 2",
    "quota2": "SELECT username, bytes, messages FROM quota2 ORDER BY 1",
    "fetchmail": "SELECT mailbox, domain, src_user FROM fetchmail ORDER BY 1",
    # not the blocks: our section of the map is ours as a whole, and no decision asks the inventory about it
    "inventory": """SELECT system, kind, key, scope, subject, value FROM reconciler_inventory
        WHERE kind <> 'block' ORDER BY 1, 2, 3""",
    "lock": "SELECT name, holder, run FROM reconciler_lock",
}
_LEDGER = [table for table in declare() if not table.name.endswith("plans")]
_CLOCKS = {column.name for table in _LEDGER for column in table.columns if isinstance(column.type, UtcTime)}
_CLOCKS |= {"since", "expires"}
_PASSWORD = re.compile(r"Passwort:\s+(\S+)")


class Letter(NamedTuple):
    """A letter to a member: `text` without its password."""

    recipient: str
    subject: str
    text: str
    password: str


def dump(world: World) -> dict[str, Any]:
    """Everything that two worlds can be compared by."""
    tables: dict[str, Any] = {name: world.sql(query) for name, query in _TABLES.items()}
    tables["inventory"] = [{**row, "value": _managed(row["value"])} for row in tables["inventory"]]
    return tables | {
        "ox": [_user(world, user.ident) for user in control.users(world.ox)],
        "map": world.map.read_text(encoding="utf-8").splitlines() if world.with_map else [],
        "files": sorted(p.name for p in world.map.parent.iterdir()) if world.with_map else [],
        "letters": {letter.recipient: (letter.subject, letter.text) for letter in letters(world)},
        "opened": opened(world),
    }


def everything(world: World) -> str:
    """All that a next command could tell two worlds apart by: the dump, the ledger without its clocks, half a file."""
    ledger = {
        table.name: [_without_clocks(row) for row in world.sql(f"SELECT * FROM {table.name}")] for table in _LEDGER
    }
    files = {file.name: file.read_bytes() for file in world.map.parent.glob("*") if file.is_file()}
    return repr((dump(world), ledger, files))


def _without_clocks(row: dict[str, Any]) -> dict[str, Any]:
    """Of a time only whether it is there."""
    return {name: value is not None if name in _CLOCKS else value for name, value in row.items()}


def opened(world: World) -> dict[str, list[list[str]]]:
    """What the passwords of each member's letters open, oldest first, those that open nothing left out.

    A letter whose password opens nothing is a dead one; of the living there must be one for each member. A mail server
    that took a letter and could not say so does not get it again: the password in it is the one that holds.
    """
    told = dict.fromkeys((letter.recipient, letter.password) for letter in letters(world) if letter.password)
    found: dict[str, list[list[str]]] = {}
    for recipient, password in told:
        places = sorted(_places(world, password))
        if places:
            found.setdefault(recipient, []).append(places)
    return found


def newest_password(world: World, recipient: str) -> str:
    """The password of the newest letter to a member that has one."""
    return [letter.password for letter in letters(world) if letter.recipient == recipient and letter.password][-1]


def letters(world: World) -> list[Letter]:
    """Letters to members, oldest first; welcome mails go to our own domains."""
    outbox = sorted((world.folder / "outbox").glob("*.eml"))
    return [letter for file in outbox if (letter := _letter(read_mail(file.read_bytes()))).recipient.count("gmx")]


def _managed(value: str) -> dict[str, Any] | str:
    """An inventory row's fields; a member number stays one. What a live row cannot know (whose it is, which of it we
    manage) or a wanted one (OX' id) says only whether the row was written or adopted."""
    fields: Any = json.loads(value)
    if not isinstance(fields, dict):
        return value
    return {k: v for k, v in fields.items() if k not in ("account", "role", "id") and not k.endswith("_managed")}


def _letter(mail: EmailMessage) -> Letter:
    text = mail.get_content()
    password = _PASSWORD.search(text)
    shown = text.replace(password[1], "*****") if password else text
    return Letter(str(mail["To"]), str(mail["Subject"]), shown, password[1] if password else "")


def _places(world: World, password: str) -> Iterator[str]:
    for row in world.sql("SELECT username, password FROM mailbox"):
        if _fits(password, row["password"]):
            yield f"mailbox {row['username']}"
    for user in control.users(world.ox):
        if passwords.matches(password, user.fields.get("Password")):
            yield f"openxchange {user.id} {user.ident}"
        for account in control.accounts(world.ox, user.ident):
            if account["password"] == password:
                yield f"attached {account['primary_address']} of {user.id}"


@cache
def _fits(password: str, stored: str) -> bool:
    digest = stored.removeprefix("{SHA512-CRYPT}")
    return digest.startswith("$6$") and bool(sha512_crypt.verify(password, digest))


def _user(world: World, login: str) -> dict[str, Any]:
    user = control.user(world.ox, login)
    fields = {name: value for name, value in user.fields.items() if name != "Password"}
    accounts = [
        {name: value for name, value in account.items() if "password" not in name and name != "id"}
        for account in control.accounts(world.ox, login)
    ]
    return {**user._asdict(), "fields": fields, "aliases": sorted(user.aliases), "accounts": accounts}


def next_ox_id(world: World) -> int:
    """How many users were ever made: one more means that somebody was made twice."""
    with closing(store.connect(world.ox)) as connection:
        return int(connection.execute("SELECT next_id FROM context").fetchone()[0])
