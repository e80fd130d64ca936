"""The people of a site in the live systems, written in bulk and past the tools. Used by `site`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, create_engine

from benchmarks.people import QUOTA, Person, Team, domains
from reconciler.sandbox.openxchange.bulk import Row, import_users
from reconciler.systems.postfixadmin.tables import declare

_BYTES = 1_024_000
"""In one MB of PostfixAdmin (facts/postfixadmin.md 8)."""
_ROWS = 5_000
_SINCE = datetime(2026, 11, 22)
_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
smtpd_recipient_restrictions = check_sender_access hash:{map}, permit
"""


def fill_database(url: URL, people: Sequence[Person], teams: Iterable[Team]) -> None:
    """Domains, mailboxes with twin and member alias, and the aliases of teams, as PostfixAdmin would hold them."""
    tables = declare()
    clocks = {"created": _SINCE, "modified": _SINCE, "active": True}
    engine = create_engine(url)
    with engine.begin() as connection:
        rows = [{"domain": d, "description": d, "transport": "virtual", **clocks} for d in domains()]
        connection.execute(tables.domain.insert(), rows)
        for part in _slices([_mailbox(person) | clocks for person in people]):
            connection.execute(tables.mailbox.insert(), part)
        for part in _slices([alias | clocks for alias in _aliases(people, teams)]):
            connection.execute(tables.alias.insert(), part)
    engine.dispose()


def fill_groupware(folder: Path, people: Iterable[Person]) -> None:
    """A user for everybody."""
    import_users(folder, (_user(person) for person in people))


def make_postfix(folder: Path, map_file: Path) -> None:
    """The configuration of a Postfix that reads the map; it is only asked, never started."""
    folder.mkdir()
    (folder / "main.cf").write_text(_MAIN_CF.format(folder=folder, map=map_file), encoding="utf-8")
    (folder / "master.cf").write_text("", encoding="utf-8")
    map_file.write_text("", encoding="utf-8")


def _mailbox(person: Person) -> dict[str, Any]:
    return {
        "username": person.address,
        "password": "!",
        "name": person.name,
        "maildir": f"{person.domain}/{person.local}/",
        "quota": QUOTA * _BYTES,
        "local_part": person.local,
        "domain": person.domain,
    }


def _aliases(people: Iterable[Person], teams: Iterable[Team]) -> Iterator[dict[str, Any]]:
    for person in people:
        for address in (person.address, f"{person.member}@{person.domain}"):
            yield {"address": address, "goto": person.address, "domain": person.domain}
    for team in teams:
        yield {"address": team.address, "goto": ",".join(team.goto), "domain": team.address.partition("@")[2]}


def _user(person: Person) -> Row:
    return {
        "Name": person.local,
        "Display_name": person.name,
        "Given_name": person.given,
        "Sur_name": person.surname,
        "PrimaryEmail": person.address,
        "ImapLogin": person.address,
    }


def _slices(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), _ROWS):
        yield rows[start : start + _ROWS]
