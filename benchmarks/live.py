"""The people of a site in the live systems, written in bulk and past the tools, with what people do by hand in real
ones: forwards and vacations of users, rows that nobody declares, other spellings. Used by `site`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Table, create_engine, text

from benchmarks import people
from benchmarks.people import QUOTA, Part, Person
from reconciler.sandbox.openxchange.bulk import Row, import_users
from reconciler.systems.postfixadmin.tables import declare

VACATION_DOMAIN = "autoreply.example"
_BYTES = 1_024_000
"""In one MB of PostfixAdmin (facts/postfixadmin.md 8)."""
_ODD_BYTES = 5_368_709_120
"""No whole number of such MB: another program wrote it."""
_ROWS = 5_000
_SINCE = datetime(2026, 11, 22)
_CLOCKS = {"created": _SINCE, "modified": _SINCE}
_VACATION = text(
    "INSERT INTO vacation (email, subject, body, cache, domain, created, active) "
    "VALUES (:email, 'Urlaub ✈', 'Bin am See.', '', :domain, :created, :active)"
)
_ADMIN = text("INSERT INTO admin (username, password, superadmin) VALUES (:username, '!', 1)")
_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
smtpd_recipient_restrictions = check_sender_access hash:{map}, permit
"""


def fill_database(url: URL, parts: Sequence[Part], by_hand: Sequence[Person]) -> None:
    """Domains, mailboxes, each with its own alias and that of the member, the declared aliases, and what is there
    beside: mailboxes `by_hand` and their aliases, vacations, administrators."""
    tables, engine = declare(), create_engine(url)
    declared = [person for part in parts for person in part.people]
    with engine.begin() as connection:
        _insert(connection, tables.domain, map(_domain, (*people.domains(), people.ALIAS_DOMAIN)))
        link = {"alias_domain": people.ALIAS_DOMAIN, "target_domain": people.domains()[0], "active": True}
        _insert(connection, tables.alias_domain, [link | _CLOCKS])
        _insert(connection, tables.mailbox, map(mailbox, chain(declared, by_hand)))
        _insert(connection, tables.alias, chain(map(_own_alias, declared), map(_own_alias, by_hand)))
        _insert(connection, tables.alias, (_alias(f"{p.member}@{p.domain}", p.address) for p in declared if p.member))
        for part in parts:
            _insert(connection, tables.alias, (_alias(a.address, ",".join(a.goto), a.active) for a in part.aliases()))
        _insert(
            connection,
            tables.alias,
            (_alias(f"hand{p.number}@{p.domain}", f"{p.address}, x@y.example") for p in by_hand),
        )
        connection.execute(_VACATION, [_vacation(p) for p in declared if _answers(p)] or [_vacation(by_hand[0])])
        connection.execute(_ADMIN, [{"username": person.address} for person in declared[:3]])
    engine.dispose()


def fill_groupware(folder: Path, declared: Iterable[Person], by_hand: Iterable[Person]) -> None:
    """A user for every person, and some whom nobody declares."""
    import_users(folder, (_user(person) for person in chain(declared, by_hand) if person.member))


def make_postfix(folder: Path, map_file: Path, size: int) -> None:
    """The configuration of a Postfix that reads the map; it is only asked, never started. The map has lines that
    somebody wrote."""
    folder.mkdir()
    (folder / "main.cf").write_text(_MAIN_CF.format(folder=folder, map=map_file), encoding="utf-8")
    (folder / "master.cf").write_text("", encoding="utf-8")
    lines = (f"mallory{number}@von-hand.example REJECT\n" for number in range(size // 200))
    map_file.write_text(f"# by hand\n{''.join(lines)}", encoding="utf-8")


def _domain(name: str) -> dict[str, Any]:
    return {"domain": name, "description": name, "transport": "virtual", "active": True, **_CLOCKS}


def mailbox(person: Person) -> dict[str, Any]:
    """What is not declared may be anything; a declared name may have its spaces and a login its capitals by hand."""
    quota = QUOTA * _BYTES if person.quota else (0, _ODD_BYTES)[person.number % 8 == 1]
    username, name = person.address, person.name
    return {
        "username": username.capitalize() if person.number % 500 == 10 else username,
        "password": "!",
        "name": name.replace(" ", "  ", 1) if person.number % 300 == 15 else name,
        "maildir": f"{person.domain}/{person.local}/",
        "quota": quota,
        "local_part": person.local,
        "domain": person.domain,
        "active": person.active,
        **_CLOCKS,
    }


def _own_alias(person: Person) -> dict[str, Any]:
    """Some forward their mail, and some are on holiday."""
    goto = person.address
    if person.number % 25 == 4:
        goto += f",privat{person.number}@extern.example"
    if _answers(person):
        goto = f"{person.local}#{person.domain}@{VACATION_DOMAIN},{goto}"
    return _alias(person.address, goto, person.active)


def _answers(person: Person) -> bool:
    return person.number % 100 == 20


def _vacation(person: Person) -> dict[str, Any]:
    return {"email": person.address, "domain": person.domain, "created": _SINCE, "active": _answers(person)}


def _alias(address: str, goto: str, active: bool = True) -> dict[str, Any]:
    return {"address": address, "goto": goto, "domain": address.partition("@")[2], "active": active, **_CLOCKS}


def _user(person: Person) -> Row:
    aliases = [person.address, *([f"privat{person.number}@pirat.alt"] if person.number % 40 == 5 else [])]
    return {
        "Name": person.local,
        "Display_name": person.name,
        "Given_name": person.given,
        "Sur_name": person.surname,
        "PrimaryEmail": person.address,
        "ImapLogin": person.address,
        "Aliases": ",".join(aliases),
    }


def _insert(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    rows = iter(rows)
    while some := list(islice(rows, _ROWS)):
        connection.execute(table.insert(), some)
