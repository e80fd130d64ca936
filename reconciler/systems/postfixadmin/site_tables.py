"""What a site may have made of PostfixAdmin's tables that would fail in the middle of a write: found before any.

A column of its own that must have a value, a view in place of a table, a switch that is no switch.
`table_checks` calls it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, text

from reconciler.errors import Unreadable
from reconciler.systems.postfixadmin.tables import PostfixAdminTables

_INSERTED = ("mailbox", "alias", "log")
_READ_ONLY = frozenset({"domain", "alias_domain", "config"})
"""Nothing is written there: a view will do."""
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


class _Column(NamedTuple):
    table: str
    of_view: bool
    name: str
    type: str
    needs_value: bool


def check_site_tables(connection: Connection, tables: PostfixAdminTables, names: Mapping[str, str]) -> None:
    """`names` has the tables by PostfixAdmin's names for them. Raises Unreadable with what to do."""
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
