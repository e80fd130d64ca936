"""What must be true of the tables before their rows are read or written (facts/postfixadmin.md 16.7).

Called inside the transaction of `observe` and of `check`, so that both fail with the same message.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, Table, bindparam, cast, delete, false, func, insert, null, select, text, update

from reconciler.errors import Unreadable
from reconciler.remote.database import check_packet
from reconciler.remote.grants import Grant
from reconciler.systems.postfixadmin.rights import LATE, READ, WITH_APP_PASSWORDS, WRITTEN, to_read, to_write
from reconciler.systems.postfixadmin.tables import PostfixAdminTables

MIN_VERSION = 1844
"""The oldest `config.version` whose tables have these columns (facts/postfixadmin.md 1)."""

# one query for each backend; a user sees only what they may use
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
_INSERTED = ("mailbox", "alias", "log")
_READ_ONLY = frozenset({"domain", "alias_domain", "config"})
"""Nothing is written there, so a view is fine."""
_FLAG = "active"

# PostgreSQL's catalogue shows every column, MariaDB those that the user has a right to: `apply` sees them all
_LOOK = {
    "mysql": "SELECT c.table_name, t.table_type LIKE '%VIEW', c.column_name, c.data_type, c.is_nullable = 'NO' "
    "AND c.column_default IS NULL AND c.extra NOT LIKE '%auto_increment%' AND c.extra NOT LIKE '%GENERATED%' "
    "FROM information_schema.columns c JOIN information_schema.tables t "
    "ON t.table_schema = c.table_schema AND t.table_name = c.table_name "
    "WHERE c.table_schema = DATABASE() AND c.table_name IN :names ORDER BY c.table_name, c.ordinal_position",
    "postgresql": "SELECT c.relname, c.relkind IN ('v', 'm'), a.attname, format_type(a.atttypid, NULL), "
    "a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' "
    "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
    "WHERE pg_table_is_visible(c.oid) AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND a.attnum > 0 "
    "AND NOT a.attisdropped AND c.relname IN :names ORDER BY c.relname, a.attnum",
    "sqlite": "SELECT m.name, m.type = 'view', c.name, c.type, c.\"notnull\" AND c.dflt_value IS NULL AND NOT c.pk "
    "FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.name IN :names ORDER BY m.name, c.cid",
}
_NUMBERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
_TO_SWITCH = {
    "mysql": "ALTER TABLE {table} MODIFY {column} tinyint(1) NOT NULL DEFAULT 1;",
    "postgresql": "ALTER TABLE {table} ALTER {column} DROP DEFAULT, ALTER {column} TYPE boolean "
    "USING {column}::text NOT IN ('0', 'f', 'false'), ALTER {column} SET DEFAULT true; look-ups of Postfix and Dovecot "
    "that say `{column} = 1` must then say `{column} = '1'`, which fits both",
}

_Columns = dict[str, dict[str, str | None]]
"""Table → column → collation (None where the backend has none)."""


class _Column(NamedTuple):
    table: str
    of_view: bool
    name: str
    type: str
    needs_value: bool


def check_tables(connection: Connection, tables: PostfixAdminTables) -> None:
    """Raises Unreadable unless these are PostfixAdmin's tables, new enough and transactional, and may be read."""
    columns = _columns(connection, [_table(tables, word).name for word in READ])
    _check_columns(connection, columns, tables, READ, to_read)
    _version(connection, tables)
    names = _names(tables)
    check_site_tables(connection, tables)
    if connection.dialect.name == "mysql":
        _check_engines(connection, names)
        _check_collations(columns, tables)


def check_writable(connection: Connection, tables: PostfixAdminTables, kinds: Collection[str] = ()) -> None:
    """Tries every kind of write that `perform` does, on no row; on domains only where `kinds` of the records to be
    written has them, since most sites give no right to it. Raises Unreadable, and DBAPIError with the server's
    reason."""
    check_packet(connection)
    late = LATE if _version(connection, tables) >= WITH_APP_PASSWORDS else {}
    wanted = WRITTEN | late
    columns = _columns(connection, [_table(tables, word).name for word in wanted])
    _check_columns(connection, columns, tables, wanted, to_write)
    kinds_of_domain = {"domain": tables.domain, "alias_domain": tables.alias_domain}
    domains = [table for kind, table in kinds_of_domain.items() if kind in kinds]
    for table in (tables.alias, tables.mailbox, tables.log, *domains):
        # from a table that may be read in any case: nobody needs SELECT on the log
        nothing = select(*(cast(null(), c.type) for c in table.columns)).select_from(tables.config).where(false())
        connection.execute(insert(table).from_select([c.name for c in table.columns], nothing))
    for table in (tables.alias, tables.mailbox, *domains):
        connection.execute(update(table).values(modified=func.now()).where(false()))
    if tables.alias_domain in domains:
        connection.execute(delete(tables.alias_domain).where(false()))
    others = tables.dependent_tables
    for other, key in ((others.vacation, "email"), (others.quota2, "username"), (others.fetchmail, "mailbox")):
        connection.execute(update(other).values({key: other.c[key]}).where(false()))
        connection.execute(delete(other).where(false()))


def _table(tables: PostfixAdminTables, word: str) -> Table:
    found: Table = getattr(tables if word in PostfixAdminTables._fields else tables.dependent_tables, word)
    return found


def _columns(connection: Connection, names: Iterable[str]) -> _Columns:
    query = text(_COLUMNS[connection.dialect.name]).bindparams(bindparam("names", list(names), expanding=True))
    found: _Columns = {}
    for table, column, collation in connection.execute(query):
        found.setdefault(table, {})[column] = collation
    return found


def _check_columns(
    connection: Connection,
    columns: _Columns,
    tables: PostfixAdminTables,
    wanted: Mapping[str, str],
    right: Callable[[str, str], Grant],
) -> None:
    """A server shows a user only what they have a right to: what is not seen is missing, or not allowed."""
    names = {word: _table(tables, word).name for word in wanted}
    lacking = {
        word: [column for column in used.split() if column not in columns.get(names[word], ())]
        for word, used in wanted.items()
    }
    absent = [word for word in wanted if names[word] not in columns]
    if absent:
        raise Unreadable(
            "PostfixAdmin's tables are missing, or this user may not see them: "
            + ", ".join(names[word] for word in absent),
            hint="check the database in postfixadmin.url and postfixadmin.table_prefix (PostfixAdmin's setup.php makes "
            f"the tables), or run: {_grants(connection, names, right, absent)}",
        )
    short = [word for word, missing in lacking.items() if missing]
    if short:
        shown = ", ".join(f"{names[word]}.{column}" for word in short for column in lacking[word])
        raise Unreadable(
            f"PostfixAdmin's tables lack columns, or this user may not use them: {shown}",
            hint="upgrade PostfixAdmin to 3.3 or later and run its setup.php, or run: "
            + _grants(connection, names, right, short),
        )


def _grants(
    connection: Connection, names: Mapping[str, str], right: Callable[[str, str], Grant], words: Iterable[str]
) -> str:
    """What the database's administrator runs; on SQLite rights are those of the file."""
    match connection.dialect.name:
        case "mysql":
            name, _, host = str(connection.execute(text("SELECT CURRENT_USER()")).scalar()).rpartition("@")
            user = f"'{name}'@'{host}'"
        case "postgresql":
            user = str(connection.engine.url.username)
        case _:
            return "chmod u+rw on the file"
    dialect, database = connection.dialect.name, str(connection.engine.url.database)
    return "; ".join(right(word, names[word]).statement(dialect, database, user) for word in words)


def _version(connection: Connection, tables: PostfixAdminTables) -> int:
    """Raises Unreadable when it is too old."""
    config = tables.config.c
    value = connection.execute(select(config.value).where(config.name == "version")).scalar()
    if value is None or not value.isdecimal() or int(value) < MIN_VERSION:
        shown = "no version" if value is None else f"version {value!r}"
        raise Unreadable(
            f"PostfixAdmin's tables have {shown}, {MIN_VERSION} or later is needed",
            hint="upgrade PostfixAdmin to 3.3 or later and run its setup.php",
        )
    return int(value)


def _check_engines(connection: Connection, names: dict[str, str]) -> None:
    query = text(_ENGINES).bindparams(bindparam("names", list(names.values()), expanding=True))
    rows = connection.execute(query).all()
    # PostfixAdmin 3.3 names none, so an old server's default may be there (facts 13.15); views have none
    wrong = sorted(table for table, engine, _ in rows if engine not in ("InnoDB", None) and table != names["config"])
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


def _check_collations(columns: _Columns, tables: PostfixAdminTables) -> None:
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


def _names(tables: PostfixAdminTables) -> dict[str, str]:
    """By PostfixAdmin's names. Of administrators only the names are read, whatever else a site made of that table."""
    return {word: _table(tables, word).name for word in {**READ, **WRITTEN} if word != "admin"}


def check_site_tables(connection: Connection, tables: PostfixAdminTables) -> None:
    """What a site may have made of the tables that would fail in the middle of a write: a column of its own that must
    have a value, a view in place of a table, a switch that is none; as far as the user may see them. Raises
    Unreadable."""
    names = _names(tables)
    words = {name: word for word, name in names.items()}
    query = text(_LOOK[connection.dialect.name]).bindparams(bindparam("names", list(words), expanding=True))
    columns = [_Column(*row) for row in connection.execute(query)]
    views = dict.fromkeys(c.table for c in columns if c.of_view and words[c.table] not in _READ_ONLY)
    if views:
        raise Unreadable(
            f"views replace PostfixAdmin's tables: {', '.join(views)}; rows cannot be locked and written through them",
            hint="let postfixadmin.url and postfixadmin.table_prefix lead to the tables themselves",
        )
    wrong = [c for c in columns if c.name == _FLAG and not _is_switch(connection.dialect.name, c.type)]
    if wrong:
        change = _TO_SWITCH.get(connection.dialect.name, "make the column {column} of {table} a number, 0 or 1")
        raise Unreadable(
            "PostfixAdmin's own tables have another type for "
            + ", ".join(f"{c.table}.{c.name} (here {c.type})" for c in wrong),
            hint="have the database's administrator run, after a backup: "
            + "; ".join(change.format(table=c.table, column=c.name) for c in wrong),
        )
    if lacking := list(_unfillable(columns, tables, names)):
        raise Unreadable(
            "columns that PostfixAdmin does not have must get a value, and have no default: "
            + ", ".join(f"{c.table}.{c.name} ({c.type})" for c in lacking)
            + "; every new row would be refused",
            hint="have the database's administrator run, with a value that fits: "
            + " ".join(_with_default(connection.dialect.name, c) for c in lacking),
        )


def _unfillable(columns: list[_Column], tables: PostfixAdminTables, names: Mapping[str, str]) -> Iterator[_Column]:
    ours = {names[word]: frozenset(getattr(tables, word).columns.keys()) for word in _INSERTED}
    for column in columns:
        if column.needs_value and column.table in ours and column.name not in ours[column.table]:
            yield column


def _is_switch(dialect: str, declared: str) -> bool:
    """Whether what is stored there reads as 0 or 1. A text `0` or a bit string would be taken for true."""
    match dialect:
        case "mysql":
            return declared.lower() in _NUMBERS
        case "postgresql":
            return declared == "boolean"
        case _:  # any type that does not keep texts (sqlite.org/datatype3.html, 3.1)
            return not any(word in declared.upper() for word in ("CHAR", "CLOB", "TEXT", "BLOB"))


def _with_default(dialect: str, column: _Column) -> str:
    if dialect == "sqlite":
        return f"make the column {column.name} of {column.table} anew, with `DEFAULT ''`"
    value = "''" if any(word in column.type.lower() for word in ("char", "text")) else "…"
    return f"ALTER TABLE {column.table} ALTER COLUMN {column.name} SET DEFAULT {value};"
