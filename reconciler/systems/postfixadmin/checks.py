"""What must be true of the tables before a row of them is believed or written (facts/postfixadmin.md 16.7).

Called inside the transaction of `observe` and of `check`, so that both stop with the same words.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, false, func, insert, select, text, update

from reconciler.errors import Unreadable
from reconciler.systems.postfixadmin.tables import Tables

MIN_VERSION = 1844
"""The oldest `config.version` whose tables have these columns (facts/postfixadmin.md 1)."""

_USED = {
    "mailbox": "username password name maildir quota local_part domain created modified active "
    "token_validity password_expiry",
    "alias": "address goto domain created modified active",
    "domain": "domain active password_expiry",
    "alias_domain": "alias_domain target_domain active",
    "log": "timestamp username domain action data",
    "config": "name value",
}
"""The columns that our statements name; nothing is asked of the others."""

# one query for each backend; a user sees only what she may use
_COLUMNS = {
    "mysql": "SELECT table_name, column_name, collation_name FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND table_name IN :names",
    "postgresql": "SELECT table_name, column_name, NULL FROM information_schema.columns "
    "WHERE table_schema = ANY (current_schemas(false)) AND table_name IN :names",
    "sqlite": "SELECT m.name, c.name, NULL FROM sqlite_master m JOIN pragma_table_info(m.name) c "
    "WHERE m.name IN :names",
}
_ENGINES = (
    "SELECT table_name, engine, @@sql_mode FROM information_schema.tables "
    "WHERE table_schema = DATABASE() AND table_name IN :names"
)


_Columns = dict[str, dict[str, str | None]]
"""Table → column → collation (None where the backend has none)."""


def check_tables(connection: Connection, tables: Tables) -> None:
    """Raises Unreadable unless these are PostfixAdmin's tables, new enough and transactional."""
    names = {word: getattr(tables, word).name for word in _USED}
    columns = _columns(connection, names.values())
    _check_columns(columns, names)
    _check_version(connection, tables)
    if connection.dialect.name == "mysql":
        _check_engines(connection, names)
        _check_collations(columns, tables)


def check_writable(connection: Connection, tables: Tables) -> None:
    """Tries every kind of write that `perform` does, on no row. Raises DBAPIError with the server's reason."""
    for table in (tables.alias, tables.mailbox, tables.log):
        nothing = select(*table.columns).where(false())
        connection.execute(insert(table).from_select([c.name for c in table.columns], nothing))
    for table in (tables.alias, tables.mailbox):
        connection.execute(update(table).values(modified=func.now()).where(false()))


def _columns(connection: Connection, names: Iterable[str]) -> _Columns:
    query = text(_COLUMNS[connection.dialect.name]).bindparams(bindparam("names", list(names), expanding=True))
    found: _Columns = {}
    for table, column, collation in connection.execute(query):
        found.setdefault(table, {})[column] = collation
    return found


def _check_columns(columns: _Columns, names: dict[str, str]) -> None:
    absent = [name for name in names.values() if name not in columns]
    if absent:
        raise Unreadable(
            f"PostfixAdmin's tables are missing, or this user may not see them: {', '.join(absent)}",
            hint="check the database in postfixadmin.url, postfixadmin.table_prefix and the user's rights; "
            "PostfixAdmin's setup.php makes the tables",
        )
    lacking = [
        f"{names[word]}.{column}"
        for word, used in _USED.items()
        for column in used.split()
        if column not in columns[names[word]]
    ]
    if lacking:
        raise Unreadable(
            f"PostfixAdmin's tables lack columns: {', '.join(lacking)}",
            hint="upgrade PostfixAdmin to 3.3 or later and run its setup.php; or give this user SELECT on them",
        )


def _check_version(connection: Connection, tables: Tables) -> None:
    config = tables.config.c
    value = connection.execute(select(config.value).where(config.name == "version")).scalar()
    if value is None or not value.isdecimal() or int(value) < MIN_VERSION:
        shown = "no version" if value is None else f"version {value!r}"
        raise Unreadable(
            f"PostfixAdmin's tables have {shown}, {MIN_VERSION} or later is needed",
            hint="upgrade PostfixAdmin to 3.3 or later and run its setup.php",
        )


def _check_engines(connection: Connection, names: dict[str, str]) -> None:
    query = text(_ENGINES).bindparams(bindparam("names", list(names.values()), expanding=True))
    rows = connection.execute(query).all()
    # PostfixAdmin 3.3 does not name an engine, so an old server's default may be there (facts/postfixadmin.md 2, 13.15)
    wrong = sorted(table for table, engine, _ in rows if engine != "InnoDB" and table != names["config"])
    if wrong:
        raise Unreadable(
            f"tables without transactions (not InnoDB): {', '.join(wrong)}",
            hint="have the database's administrator run: " + " ".join(f"ALTER TABLE {t} ENGINE=InnoDB;" for t in wrong),
        )
    if any("STRICT_" not in mode for _, _, mode in rows):
        raise Unreadable(
            "the server ignores the session's SQL mode, so values that are too long would be cut silently",
            hint="let postfixadmin.url lead to the database itself and not to a proxy that drops SET SESSION sql_mode",
        )


def _check_collations(columns: _Columns, tables: Tables) -> None:
    for column in (tables.mailbox.c.username, tables.alias.c.address):
        table = column.table.name
        collation = columns[table][column.name]
        if collation is None or not collation.endswith("_ci"):
            raise Unreadable(
                f"{table}.{column.name} distinguishes upper and lower case (collation {collation}), "
                "as PostfixAdmin's own tables do not",
                hint=f"have the database's administrator run: ALTER TABLE {table} MODIFY {column.name} varchar(255) "
                "CHARACTER SET latin1 COLLATE latin1_general_ci NOT NULL;",
            )
