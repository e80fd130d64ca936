"""How values are stored and how they are compared: keys and their spellings, targets, quotas, characters of names.

Texts are interned: what is equal is one object, here and on the wanted side. That is a fifth of a big site's memory.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, func, or_, select
from sqlalchemy import text as sql

from reconciler.model.addresses import CATCH_ALL
from reconciler.model.records import Row
from reconciler.systems.postfixadmin.tables import PostfixAdminTables

_PIECE = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^,])+')
"""A target up to the next comma outside quotation marks; a mark that is never closed is an ordinary character."""


def address_key(stored: str) -> str:
    """A mailbox's or a domain's key. An address outside ASCII is never managed and stays as it is. Only
    spaces are stripped: a row with a tab in its key is found by nobody, and SQL's `trim` agrees."""
    return sys.intern(stored.strip(" ").lower()) if stored.isascii() else stored


def alias_key(stored: str) -> str:
    """An alias' key: PostfixAdmin stores a domain's catch-all as `@domain` (facts/postfixadmin.md 6)."""
    key = address_key(stored)
    return CATCH_ALL + key if key.startswith("@") else key


def stored_alias(key: str) -> str:
    """The address under which PostfixAdmin stores an alias."""
    return key[len(CATCH_ALL) :] if key.startswith(CATCH_ALL + "@") else key


def goto_of(stored: str) -> tuple[str, ...]:
    """A goto as a set, which is how PostfixAdmin treats it (facts/postfixadmin.md 6): sorted, canonical."""
    lowered = stored.lower()
    if "," not in lowered:
        only = lowered.strip()
        return (sys.intern(only),) if only else ()
    return tuple(sorted(map(sys.intern, set(pieces(lowered)))))


def pieces(stored: str) -> list[str]:
    """The targets of a goto as they stand there; a comma in a quoted local part separates nothing (RFC 5321)."""
    found = _PIECE.findall(stored) if '"' in stored else stored.split(",")
    return [piece for text in found if (piece := text.strip())]


def goto_text(goto: Iterable[str], key: str, stored: str = "") -> str:
    """A goto as PostfixAdmin writes it: no spaces, a mailbox's own address last (facts/postfixadmin.md 6). Targets that
    are in `stored` stay as they are written there: capitals may mean something where they lead."""
    written = {piece.lower(): piece for piece in pieces(stored)}
    return ",".join(written.get(target, target) for target in sorted(goto, key=lambda t: (t == key, t)))


@lru_cache(maxsize=1024)
def megabytes(stored: int, multiplier: int) -> int:
    """Bytes as whole MB. 0 (unlimited) and -1 (disabled) stay, and a small quota never becomes unlimited (facts 8)."""
    if stored <= 0:
        return stored
    return max(1, (stored + multiplier // 2) // multiplier)


def quota_bytes(quota: int, multiplier: int) -> int:
    """Whole MB as bytes; -1 is stored as it is (facts/postfixadmin.md 5.2)."""
    return quota * multiplier if quota > 0 else quota


Spellings = Mapping[tuple[str, str], tuple[str, ...]]
"""(kind, key) → other spellings under which rows are stored."""


ALL_DOMAINS = "all"
"""The pseudo domain of the superadmins, which is no mail domain (facts/postfixadmin.md 1)."""


class Hidden(NamedTuple):
    """A row that no look-up finds, in a table that no step is about."""

    kind: str
    stored: str


class Read(NamedTuple):
    """A table as records, and the rows that are not stored canonically: key → stored."""

    rows: MutableMapping[str, Row]
    odd: Mapping[str, str]


def odd_spellings(connection: Connection, tables: PostfixAdminTables) -> Spellings:
    """Rows that an IN of canonical keys misses: with capitals where the database tells them apart, or with spaces.
    Postfix, Dovecot and PostfixAdmin's pages ask for lower case (facts/postfixadmin.md 3); whether `=` finds a spelling
    is asked of the database, whose collation decides. Two scans of the keys, so asked once for a whole batch."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for kind, column, key_of in (
        ("alias", tables.alias.c.address, alias_key),
        ("mailbox", tables.mailbox.c.username, address_key),
    ):
        for stored in _odd(connection, column):
            key = (kind, key_of(stored))
            found[key] = (*found.get(key, ()), stored)
    return found


def mark(connection: Connection, column: Column[Any], table: Read) -> None:
    """Notes in rows that no look-up finds how they are stored. Asks nothing when all are stored canonically."""
    hidden = set(_odd(connection, column)) if table.odd else set()
    for key, stored in table.odd.items():
        if stored in hidden:
            table.rows[key] = table.rows[key]._replace(spelling=stored)  # type: ignore[attr-defined]  # both kinds have it


def take_hidden(connection: Connection, tables: PostfixAdminTables, domains: Read, linked: Read) -> list[Hidden]:
    """Removes domains and alias domains that no look-up finds from the records: nobody gets mail through them. Returns
    these, and the vacations that are not found. A row that is found stays, even beside one that is not."""
    domain, link, vacation = tables.domain.c, tables.alias_domain.c, tables.dependent_tables.vacation.c
    hidden: list[Hidden] = []
    for kind, table, columns in (
        ("domain", domains, (domain.domain,)),
        ("alias_domain", linked, (link.alias_domain, link.target_domain)),
    ):
        for stored in _odd(connection, *columns):
            key = address_key(stored)
            if key == ALL_DOMAINS:
                continue
            if table.odd.get(key, key) == stored:
                table.rows.pop(key, None)
            hidden.append(Hidden(kind, stored))
    return hidden + [Hidden("vacation", stored) for stored in _odd(connection, vacation.email)]


def _odd(connection: Connection, *columns: Column[Any]) -> Iterator[str]:
    """The first column of the rows in which one of the columns is stored so that no look-up finds it."""
    otherwise: list[ColumnElement[bool]] = [column != func.lower(func.trim(column)) for column in columns]
    found = connection.scalars(select(columns[0]).where(or_(*otherwise)))
    return (stored for stored in found if stored.isascii())


_CHARSET = {
    "mysql": "SELECT character_set_name FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND table_name = :mailbox AND column_name = 'name'",
    "postgresql": "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()",
}
_CODECS = {
    # MariaDB's names, then PostgreSQL's
    "ascii": "ascii",
    "latin1": "cp1252",
    "latin2": "iso8859-2",
    "latin7": "iso8859-13",
    "cp1250": "cp1250",
    "LATIN1": "latin-1",
    "LATIN2": "iso8859-2",
    "LATIN9": "iso8859-15",
    "WIN1250": "cp1250",
    "WIN1252": "cp1252",
}


def charset_of_names(connection: Connection, tables: PostfixAdminTables) -> str:
    """The character set of `mailbox.name`, as the server names it; empty where every character can be stored. Asked at
    plan, so that a name without a place there is refused before the first effect. Signs of four bytes, which MariaDB's
    utf8mb3 lacks, are an error in git already. In SQL_ASCII texts are bytes: we write and expect UTF-8, as PostfixAdmin
    does, and the server refuses to hand out what is not (`remote.database_errors`)."""
    query = _CHARSET.get(connection.dialect.name)
    if query is None:
        return ""
    values = {"mailbox": tables.mailbox.name} if ":mailbox" in query else {}
    found = connection.execute(sql(query), values).scalar()
    return found if found in _CODECS else ""


def not_storable(name: str, charset: str) -> str:
    """The characters of a name that a `charset_of_names` lacks."""
    codec = _CODECS[charset]
    return "".join(sign for sign in name if not sign.encode(codec, "ignore"))
