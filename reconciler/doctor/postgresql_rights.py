"""The rights of a role on PostgreSQL, by its own `has_…_privilege` functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, text

from reconciler.doctor.held_rights import Held, Right

_TABLE_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
_COLUMN_PRIVILEGES = ("SELECT", "INSERT", "UPDATE")
_VISIBLE = "FROM pg_class c WHERE c.relnamespace = ANY (current_schemas(false)::regnamespace[]) AND c.relkind "
_POWERS = ("SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS")
_OWN_POWERS = (
    "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles "
    "WHERE rolname = current_user"
)
_ROLES = (
    "pg_read_all_data",
    "pg_write_all_data",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_execute_server_program",
)


def postgresql_rights(connection: Connection) -> Held:
    """Those of the role of this connection, with what it has by others and by PUBLIC. Raises DBAPIError."""
    login = str(connection.execute(text("SELECT quote_ident(current_user)")).scalar())
    columns = {
        (table, column): (granted, whole)
        for table, column, granted, whole in connection.execute(text(_columns_query()))
    }
    rights = [*_whole_tables(connection, login), *_single_columns(columns, login), *_sequences(connection, login)]
    readable = frozenset(place for place, (granted, _) in columns.items() if granted[0])
    return Held(login, tuple(rights), tuple(_powers(connection, login)), readable)


def _columns_query() -> str:
    single = ", ".join(f"has_column_privilege(c.oid, a.attnum, '{each}')" for each in _COLUMN_PRIVILEGES)
    whole = ", ".join(f"has_table_privilege(c.oid, '{each}')" for each in _COLUMN_PRIVILEGES)
    return (
        f"SELECT c.relname, a.attname, ARRAY[{single}], ARRAY[{whole}] "
        + _VISIBLE.replace("WHERE", "JOIN pg_attribute a ON a.attrelid = c.oid WHERE")
        + "IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped"
    )


def _single_columns(columns: dict[tuple[str, str], tuple[list[bool], list[bool]]], login: str) -> Iterator[Right]:
    for (table, column), (granted, whole) in columns.items():
        for privilege, one, every in zip(_COLUMN_PRIVILEGES, granted, whole, strict=True):
            if one and not every:
                what = f"{privilege} ({column}) ON {table}"
                yield Right(privilege, table, column, what, f"REVOKE {what} FROM {login};")


def _whole_tables(connection: Connection, login: str) -> Iterator[Right]:
    flags = ", ".join(f"has_table_privilege(c.oid, '{each}')" for each in _TABLE_PRIVILEGES)
    query = f"SELECT c.relname, pg_has_role(c.relowner, 'USAGE'), {flags} {_VISIBLE} IN ('r', 'p', 'v', 'm', 'f')"
    for table, owner, *granted in connection.execute(text(query)):
        for privilege, there in zip(_TABLE_PRIVILEGES, granted, strict=True):
            if there:
                what = f"{privilege} ON {table}"
                yield Right(privilege, table, "", what, f"REVOKE {what} FROM {login};")
        if owner:
            what = f"ownership of {table}"
            yield Right("OWNER", table, "", what, f"ALTER TABLE {table} OWNER TO postgres;")


def _sequences(connection: Connection, login: str) -> Iterator[Right]:
    # CASE: the parts of an AND have no order, and the function fails for a table
    granted = "CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'USAGE') ELSE false END"
    query = f"SELECT c.relname {_VISIBLE} = 'S' AND {granted}"
    for (name,) in connection.execute(text(query)):
        what = f"USAGE ON SEQUENCE {name}"
        yield Right("USAGE", name, "", what, f"REVOKE {what} FROM {login};")


def _powers(connection: Connection, login: str) -> Iterator[Right]:
    flags = connection.execute(text(_OWN_POWERS)).one()
    held = [word for word, there in zip(_POWERS, flags, strict=True) if there]
    yield from (Right(word, "", "", word, f"ALTER ROLE {login} NO{word};") for word in held)
    if "SUPERUSER" in held:
        return  # has everything
    roles = text("SELECT rolname FROM pg_roles WHERE rolname = ANY (:names) AND pg_has_role(oid, 'USAGE')")
    yield from _member(connection.scalars(roles, {"names": list(_ROLES)}), login)
    create = (
        "SELECT has_schema_privilege(current_schema(), 'CREATE'), has_database_privilege(current_database(), 'CREATE')"
    )
    in_schema, in_database = connection.execute(text(create)).one()
    schema, database = connection.execute(text("SELECT current_schema(), current_database()")).one()
    if in_schema:
        what = f"CREATE ON SCHEMA {schema}"
        yield Right("CREATE", "", "", what, f"REVOKE {what} FROM {login}, PUBLIC;")
    if in_database:
        what = f"CREATE ON DATABASE {database}"
        yield Right("CREATE", "", "", what, f"REVOKE {what} FROM {login}, PUBLIC;")


def _member(roles: Iterable[str], login: str) -> Iterator[Right]:
    yield from (Right("MEMBER", "", "", f"the role {name}", f"REVOKE {name} FROM {login};") for name in roles)
