"""What PostfixAdmin holds: a snapshot in a constant number of statements, streamed, and fresh reads of a few rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Select, String, cast, func, select

from reconciler.model.derived_rows import DerivedRows
from reconciler.model.name_folding import folded
from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, MailboxRow, Records, Row, VacationRow
from reconciler.planning.ports import Observation
from reconciler.remote.table_json import rows_of, stream
from reconciler.systems.postfixadmin.stored_values import (
    ALL_DOMAINS,
    Hidden,
    Read,
    Spellings,
    address_key,
    alias_key,
    charset_of_names,
    goto_of,
    mark,
    megabytes,
    stored_alias,
    take_hidden,
)
from reconciler.systems.postfixadmin.table_checks import check_tables
from reconciler.systems.postfixadmin.tables import PostfixAdminTables

T = TypeVar("T")

_NOTHING: Mapping[str, Row] = MappingProxyType({})
_NEVER = date(2000, 1, 1)
"""PostfixAdmin's default for a time that nobody wrote down (facts/postfixadmin.md 13.7)."""


class Twice(NamedTuple):
    """Two live rows that mean the same address; possible where the database distinguishes case."""

    kind: str
    key: str
    stored: tuple[str, ...]


class Details(NamedTuple):
    """What `review` needs beside the records: the rows that were left out, and more."""

    twice: tuple[Twice, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    admins: frozenset[str] = frozenset()
    """Addresses that are administrators of PostfixAdmin too."""
    charset: str = ""
    """See `charset_of_names`."""


class Reading(NamedTuple):
    """How rows of one kind are read."""

    query: Select[Any]
    """What planning needs, the key first; no dates, which old rows hold as zeros (facts/postfixadmin.md 13.7)."""
    normal: Callable[[Any], Any]
    """A row of the query as a record."""
    stored: Callable[[str], str] = str
    """The key of a record as it should be stored."""
    is_as: Callable[[Any, Any], bool] | None = None
    """Whether a row of the query, which has the key of this wanted row, surely is as that; without a look at its
    key. Of kinds with many rows."""


def readings(tables: PostfixAdminTables, multiplier: int) -> dict[str, Reading]:
    """By kind. `multiplier` is the bytes in a MB of quota."""

    def mailbox(row: Any) -> MailboxRow:
        stored, name, quota, active = row
        return MailboxRow(address_key(stored), "", folded(name), megabytes(quota, multiplier), bool(active))

    def is_mailbox(row: Any, wanted: MailboxRow) -> bool:
        _, name, quota, active = row
        same = name == wanted.name and bool(active) is wanted.active
        return same and megabytes(quota, multiplier) == wanted.quota

    m, a, d, link = tables.mailbox.c, tables.alias.c, tables.domain.c, tables.alias_domain.c
    v = tables.dependent_tables.vacation.c
    domains = select(d.domain, d.active, d.backupmx, d.mailboxes, d.aliases, d.maxquota, d.quota)
    # where case matters PostfixAdmin finds lower case only (facts 3)
    vacations = select(v.email, v.active).where(v.email == func.lower(v.email))
    return {
        "mailbox": Reading(select(m.username, m.name, m.quota, m.active), mailbox, is_as=is_mailbox),
        "alias": Reading(select(a.address, a.goto, a.active), _alias, stored_alias, _is_alias),
        "domain": Reading(domains, _domain),
        "alias_domain": Reading(select(link.alias_domain, link.target_domain, link.active), _alias_domain),
        "vacation": Reading(vacations, lambda row: VacationRow(address_key(row[0]), "", bool(row[1]))),
    }


def observe(
    connection: Connection, tables: PostfixAdminTables, multiplier: int, wanted: Records | None = None
) -> Observation:
    """Reads everything inside the caller's snapshot, beside what is wanted, if anything is. Raises Unreadable when the
    tables are not what they should be."""
    check_tables(connection, tables)
    by_kind = readings(tables, multiplier)
    twice: list[Twice] = []
    tabled = ("mailbox", "alias", "domain", "alias_domain")

    def table(kind: str) -> Read:
        reading = by_kind[kind]
        beside = (wanted or {}).get(kind, {}) if reading.is_as is not None else {}
        return table_of(rows_of(connection, reading.query), kind, reading, twice, beside)

    read = {kind: table(kind) for kind in tabled}
    mark(connection, tables.mailbox.c.username, read["mailbox"])
    mark(connection, tables.alias.c.address, read["alias"])
    hidden = take_hidden(connection, tables, read["domain"], read["alias_domain"])
    records = {kind: read[kind].rows for kind in ("alias", "mailbox", "domain", "alias_domain")}
    records["vacation"] = vacations(rows_of(connection, by_kind["vacation"].query), by_kind)
    return Observation(records, details_of(connection, tables, twice, hidden))


def vacations(rows: Iterable[Any], by_kind: Mapping[str, Reading]) -> dict[str, Row]:
    """Rows of vacations as records."""
    return {row.key: row for row in map(by_kind["vacation"].normal, rows)}


def details_of(connection: Connection, tables: PostfixAdminTables, twice: list[Twice], hidden: list[Hidden]) -> Details:
    """With what is read beside the records."""
    admin = tables.dependent_tables.admin.c.username
    administrators = frozenset(address_key(username) for (username,) in stream(connection, select(admin)))
    return Details(tuple(twice), tuple(hidden), administrators, charset_of_names(connection, tables))


def _alias(row: Any) -> AliasRow:
    stored, goto, active = row
    key = alias_key(stored)
    # nearly every alias leads to itself alone: then both are one string in memory
    return AliasRow(key, "", (key,) if goto == key else goto_of(goto), bool(active))


def _is_alias(row: Any, wanted: AliasRow) -> bool:
    _, goto, active = row
    # as one text it is as `goto_of` makes it: lower case, sorted
    one = wanted.goto[0] if len(wanted.goto) == 1 else ",".join(wanted.goto)
    return goto == one != "" and bool(active) is wanted.active


def _domain(row: Any) -> DomainRow:
    stored, active, backupmx, *limits = row
    mailboxes, aliases, maxquota, quota = (limit or 0 for limit in limits)
    return DomainRow(address_key(stored), bool(active), bool(backupmx), mailboxes, aliases, maxquota, quota)


def _alias_domain(row: Any) -> AliasDomainRow:
    return AliasDomainRow(address_key(row[0]), address_key(row[1]), bool(row[2]))


def table_of(
    rows: Iterable[Any], kind: str, reading: Reading, twice: list[Twice], wanted: Mapping[str, Row] = _NOTHING
) -> Read:
    """Rows of one kind as records, but for the superadmins' domain. Of two rows with one key the canonically stored one
    stays, which is the one that mail look-ups find. Beside `wanted` nothing is kept of rows that are as that."""
    table: dict[str, Row] = {}
    odd: dict[str, str] = {}
    unlike = set(wanted)  # less and less: no key of a row is kept that way
    for row in rows:
        like: Any = wanted.get(row[0])
        if like is not None and reading.is_as is not None and reading.is_as(row, like) and row[0] not in odd:
            unlike.discard(like.key)
            continue
        value = reading.normal(row)
        key, stored = value.key, row[0]
        if kind == "domain" and key == ALL_DOMAINS:
            continue
        if stored != reading.stored(key):
            there = key in table or (key in wanted and key not in unlike)
            other = odd.get(key, reading.stored(key) if there else None)
            if other is not None:
                twice.append(Twice(kind, key, (other, stored)))
                continue
            odd[key] = stored
        elif key in odd:
            twice.append(Twice(kind, key, (stored, odd.pop(key))))
        if like is not None and value == like.as_found():
            unlike.discard(like.key)
            table.pop(key, None)  # one that was stored otherwise
        else:
            table[key] = value
    # a set keeps the room of all that it had
    return Read(DerivedRows.beside(wanted, set(unlike), table) if wanted else table, odd)


CHUNK = 500
"""Accounts in one transaction, and about that many keys in one IN."""


class Live(NamedTuple):
    """A row as it is compared, and as it is stored: `stored` begins with the key."""

    row: MailboxRow | AliasRow | VacationRow | DomainRow | AliasDomainRow
    stored: tuple[Any, ...]


FreshRows = Mapping[tuple[str, str], Live]
"""(kind, key) → row; what is not in it is not there."""


def rows(
    connection: Connection,
    tables: PostfixAdminTables,
    keys: Collection[tuple[str, str]],
    spellings: Spellings,
    multiplier: int,
    *,
    lock: bool = False,
) -> FreshRows:
    """The live rows of (kind, key) pairs; locked until the transaction ends when `lock` is set. Kind after kind, each
    in the order of their keys, so that two writers cannot wait for each other."""
    found: dict[tuple[str, str], Live] = {}
    by_kind = readings(tables, multiplier)
    for kind in ("domain", "alias_domain", "alias", "mailbox", "vacation"):
        query, normal, stored, _ = by_kind[kind]
        key_column = query.selected_columns[0]
        if lock:
            query = query.with_for_update()
        for part in in_parts(sorted(stored_keys(kind, keys, spellings, stored))):
            for row in connection.execute(query.where(key_column.in_(part)).order_by(key_column)):
                value = normal(row)
                key = (kind, value.key)
                if row[0] in spellings.get(key, ()):
                    value = value._replace(spelling=row[0])
                # of two spellings the canonical one counts, as in `observe`
                if key in keys and (key not in found or row[0] == stored(value.key)):
                    found[key] = Live(value, tuple(row))
    return found


def password_days(connection: Connection, tables: PostfixAdminTables, domains: Collection[str]) -> dict[str, int]:
    """Domain → days that a password lasts; a domain that PostfixAdmin lacks is not in it."""
    domain = tables.domain.c
    found = connection.execute(
        select(domain.domain, domain.password_expiry).where(domain.domain.in_(sorted(filter(str.isascii, domains))))
    )
    return {address_key(name): days or 0 for name, days in found}


def made_on(connection: Connection, tables: PostfixAdminTables, addresses: Collection[str]) -> dict[str, date]:
    """Mailbox → the day it was made, by the database's clock; not of those whose day nobody wrote down (zeros, and
    2000-01-01: facts/postfixadmin.md 13.7)."""
    mailbox = tables.mailbox.c
    found: dict[str, date] = {}
    for part in in_parts(sorted(filter(str.isascii, addresses))):
        # as text: a driver makes no date of zeros
        query = select(mailbox.username, cast(mailbox.created, String(40))).where(mailbox.username.in_(part))
        for username, text in connection.execute(query):
            if (day := _day(text or "")) and day > _NEVER:
                found[address_key(username)] = day
    return found


def mail_domains(connection: Connection, tables: PostfixAdminTables) -> list[str]:
    """Every active domain as it is stored, those that only lead to another one too."""
    domain = tables.domain.c
    found = connection.execute(select(domain.domain).where(domain.active.is_(True), domain.domain != ALL_DOMAINS))
    return sorted(found.scalars())


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def stored_passwords(connection: Connection, tables: PostfixAdminTables, keys: Collection[str]) -> dict[str, str]:
    """Mailbox → stored hash, only to find out whether a broken commit was one; never shown."""
    mailbox = tables.mailbox.c
    found: dict[str, str] = {}
    for part in in_parts(sorted(filter(str.isascii, keys))):
        query = select(mailbox.username, mailbox.password).where(mailbox.username.in_(part))
        found.update((address_key(username), password) for username, password in connection.execute(query))
    return found


def database_clock(connection: Connection) -> datetime:
    """The database's own time in its own zone: mail look-ups compare with it (facts/postfixadmin.md 12, 13.12)."""
    now: datetime = connection.execute(select(func.now())).scalar_one()
    return now


def stored_keys(
    kind: str, keys: Collection[tuple[str, str]], spellings: Spellings, stored: Callable[[str], str]
) -> set[str]:
    """Every spelling to ask for. Never one outside ASCII: it makes the whole statement fail (facts 13.2)."""
    wanted = [pair for pair in keys if pair[0] == kind and pair[1].isascii()]
    return {spelling for pair in wanted for spelling in (stored(pair[1]), pair[1], *spellings.get(pair, ()))}


def in_parts(keys: list[T], size: int = 2 * CHUNK) -> Iterator[list[T]]:
    """As many keys at a time as one IN takes."""
    # twice CHUNK: an account has its own and its member alias, and one transaction takes one statement for them
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
