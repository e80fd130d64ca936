"""The rights of a login on MariaDB and MySQL, by SHOW GRANTS. Its lines hold a hash of the password, which goes no
further than here."""

from __future__ import annotations

import re

from sqlalchemy import Connection, text

from reconciler.doctor.held_rights import Held, Right

# GRANT SELECT (`a`, `b`), INSERT ON `database`.`table` TO `user`@`host` IDENTIFIED BY PASSWORD '*…' WITH GRANT OPTION
_LINE = re.compile(
    r"GRANT (?P<privileges>.+?) ON (?P<object>(?:(?:PROCEDURE|FUNCTION|PACKAGE(?: BODY)?) )?"
    r"(?P<database>\*|`(?:[^`]|``)+`)\.(?P<table>\*|`(?:[^`]|``)+`)) "
    r"TO (?P<to>(?:`(?:[^`]|``)*`|'[^']*')(?:@(?:`[^`]*`|'[^']*'))?)(?P<rest>.*)"
)
_PRIVILEGE = re.compile(r"(?P<name>[A-Z][A-Z ]*[A-Z])(?: \((?P<columns>[^)]*)\))?(?:, |$)")
_FOUR = ("SELECT", "INSERT", "UPDATE", "DELETE")
_EVERY = "ALL PRIVILEGES"


def mysql_rights(connection: Connection) -> Held:
    """Those of the user of this connection, and of the role that they have now. Raises DBAPIError."""
    name, _, host = str(connection.execute(text("SELECT CURRENT_USER()")).scalar()).rpartition("@")
    database = str(connection.execute(text("SELECT DATABASE()")).scalar())
    rights: list[Right] = []
    beyond: list[Right] = []
    for (line,) in connection.execute(text("SHOW GRANTS")):
        found = _LINE.match(line)
        if found is None or found["object"] != f"{found['database']}.{found['table']}":
            continue  # a role, whose rights have lines of their own; a procedure of others
        here = covers(found["database"], database)
        of_tables, others = _split(found, ours=here)
        rights += of_tables
        beyond += others
    readable = connection.execute(
        text(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND privileges LIKE '%select%'"
        )
    )
    return Held(f"'{name}'@'{host}'", tuple(rights), tuple(beyond), frozenset((t, c) for t, c in readable))


def _split(line: re.Match[str], *, ours: bool) -> tuple[list[Right], list[Right]]:
    """The rights of one line on tables of our database, and all others."""
    place = f"{_unquoted(line['database'])}.{_unquoted(line['table'])}"
    table = "" if line["table"] == "*" else _unquoted(line["table"])
    of_tables: list[Right] = []
    others: list[Right] = []
    for privilege in _PRIVILEGE.finditer(line["privileges"]):
        word, columns = privilege["name"], privilege["columns"]
        if word == "USAGE":
            continue
        what = f"{word} ({columns})" if columns else word
        revoke = f"REVOKE {what} ON {line['object']} FROM {line['to']};"
        written = f"{what.replace('`', '')} ON {place}"
        names = [_unquoted(each) for each in columns.split(", ")] if columns else [""]
        for each in _FOUR if word == _EVERY else (word,):
            of_tables += [Right(each, table, column, written, revoke) for column in names] if ours else []
        # ALL is more than the four, and what is granted on *.* reaches beyond
        if word == _EVERY or not ours or line["database"] == "*":
            others.append(Right(word, table, "", written, revoke))
    if "GRANT OPTION" in line["rest"]:
        revoke = f"REVOKE GRANT OPTION ON {line['object']} FROM {line['to']};"
        others.append(Right("GRANT OPTION", table, "", f"GRANT OPTION ON {place}", revoke))
    return of_tables, others


def _unquoted(name: str) -> str:
    return name[1:-1].replace("``", "`") if name.startswith("`") else name


def covers(quoted: str, database: str) -> bool:
    """Whether a database name of a GRANT, where `%` and `_` are wildcards unless escaped, fits this one."""
    if quoted == "*":
        return True
    parts = re.findall(r"\\(.)|(%)|(_)|(.)", _unquoted(quoted))
    pattern = "".join(
        ".*" if many else "." if one else re.escape(escaped or plain) for escaped, many, one, plain in parts
    )
    return re.fullmatch(pattern, database) is not None
