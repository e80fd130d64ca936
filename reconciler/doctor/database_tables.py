"""PostfixAdmin's tables as they are: version, engines, collations, and what a site made of them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, bindparam, select, text
from sqlalchemy.exc import DBAPIError

from reconciler.apply.ledger.tables import declare as declare_ledger
from reconciler.doctor.check import Check, Verdict
from reconciler.errors import Unreadable
from reconciler.systems.postfixadmin.rights import READ, WRITTEN
from reconciler.systems.postfixadmin.table_checks import MIN_VERSION, check_site_tables
from reconciler.systems.postfixadmin.tables import declare

AREA = "database"
NEWEST = 1856
"""The `config.version` of the newest PostfixAdmin whose tables were read (facts/postfixadmin.md 1)."""
_ADDRESSES = (
    ("mailbox", "username"),
    ("alias", "address"),
    ("domain", "domain"),
    ("alias_domain", "alias_domain"),
    ("vacation", "email"),
    ("quota2", "username"),
)
_NO_TRANSACTIONS = "config", "admin"
"""Nothing is written there."""


class Tables:
    """Under the names that this site gave them."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.declared = declare(prefix)
        self.names = {word: prefix + word for word in {**READ, **WRITTEN}}
        self.ledger = [table.name for table in declare_ledger(prefix)]


def version(connection: Connection, tables: Tables) -> int | None:
    """PostfixAdmin's `config.version`; None where it cannot be seen. Raises DBAPIError."""
    config = tables.declared.config.c
    try:
        value = connection.execute(select(config.value).where(config.name == "version")).scalar()
    except DBAPIError:
        connection.rollback()
        return None
    return int(value) if value is not None and str(value).isdecimal() else None


def version_check(found: int | None) -> Check:
    """Whether these are PostfixAdmin's tables, and of a version that is known."""
    name = "schema version"
    if found is None:
        why = "another version has other columns"
        fix = ("see the rights above; without a right that is missing: PostfixAdmin's setup.php makes the tables",)
        return Check(AREA, name, Verdict.UNKNOWN, "PostfixAdmin's table `config` shows no version", why, fix)
    if found < MIN_VERSION:
        why = "columns that are read and written are not there"
        fix = ("upgrade PostfixAdmin to 3.3 or later, and run its setup.php",)
        return Check(AREA, name, Verdict.FAILED, f"{found}, and {MIN_VERSION} or later is needed", why, fix)
    if found > NEWEST:
        why = "what came after it may have changed what the rows mean"
        fix = ("try a plan and one apply on a test account first, and look into reconciler's changelog",)
        return Check(AREA, name, Verdict.WARNING, f"{found}, and {NEWEST} is the newest that is known here", why, fix)
    return Check(AREA, name, Verdict.OK, f"{found}")


def checks(connection: Connection, tables: Tables) -> Iterator[Check]:
    """Everything about the tables but their version and rights. Raises DBAPIError."""
    if connection.dialect.name == "mysql":
        yield _engines(connection, tables)
        yield from _collations(connection, tables)
    yield _site_tables(connection, tables)


_ENGINES = text(
    "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN :names"
).bindparams(bindparam("names", expanding=True))


def _engines(connection: Connection, tables: Tables) -> Check:
    names = [name for word, name in tables.names.items() if word not in _NO_TRANSACTIONS] + tables.ledger
    rows = connection.execute(_ENGINES, {"names": names})
    wrong = sorted(str(table) for table, engine in rows if engine not in ("InnoDB", None))  # a view has none
    if not wrong:
        return Check(AREA, "engines", Verdict.OK, "every table has transactions (InnoDB)")
    why = "a write that fails half-way would leave its half behind, so nothing is planned or applied"
    fix = (
        "have the database's administrator run, after a backup:",
        *(f"ALTER TABLE {t} ENGINE=InnoDB;" for t in wrong),
    )
    return Check(AREA, "engines", Verdict.FAILED, f"without transactions: {', '.join(wrong)}", why, fix)


_COLLATIONS = text(
    "SELECT table_name, column_name, collation_name FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND table_name IN :names"
).bindparams(bindparam("names", expanding=True))


def _collations(connection: Connection, tables: Tables) -> Iterator[Check]:
    wanted = {(tables.prefix + table, column) for table, column in _ADDRESSES}
    rows = connection.execute(_COLLATIONS, {"names": [table for table, _ in wanted]})
    found = {(t, c): str(collation) for t, c, collation in rows if (t, c) in wanted}
    strict = sorted(place for place, collation in found.items() if not collation.endswith("_ci"))
    name = "collations"
    if strict:
        saw = "upper and lower case are told apart in " + _shown(strict, found)
        why = "Postfix and Dovecot ask for lower case: a row in capitals would get no mail, and nobody would see why"
        yield Check(AREA, name, Verdict.FAILED, saw, why, (_CONVERT, *map(_as_postfixadmin_makes_it, strict)))
    elif len(set(found.values())) > 1:
        usual = max(set(found.values()), key=list(found.values()).count)
        others = sorted(place for place, collation in found.items() if collation != usual)
        saw = f"{usual}, but {_shown(others, found)}"
        why = "PostfixAdmin joins these columns: with two collations that takes long, or fails (error 1267)"
        yield Check(AREA, name, Verdict.WARNING, saw, why, (_CONVERT, *map(_as_postfixadmin_makes_it, others)))
    else:
        yield Check(AREA, name, Verdict.OK, f"addresses are {', '.join(set(found.values())) or 'not to be seen'}")


_CONVERT = "have the database's administrator run, after a backup:"


def _as_postfixadmin_makes_it(place: tuple[str, str]) -> str:
    table, column = place
    return f"ALTER TABLE {table} MODIFY {column} varchar(255) CHARACTER SET latin1 COLLATE latin1_general_ci NOT NULL;"


def _shown(places: list[tuple[str, str]], found: dict[tuple[str, str], str]) -> str:
    return ", ".join(f"{table}.{column} ({found[table, column]})" for table, column in places)


def _site_tables(connection: Connection, tables: Tables) -> Check:
    name = "changed tables"
    try:
        check_site_tables(connection, tables.declared)
    except Unreadable as error:
        why = "new rows would be refused, or read wrongly, so nothing is planned or applied"
        return Check(AREA, name, Verdict.FAILED, error.message, why, (error.hint,))
    return Check(AREA, name, Verdict.OK, "no view, no column without a default, no switch of another type")
