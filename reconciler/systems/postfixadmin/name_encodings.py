"""Which names the database can store: its tables may be in Latin-1 or the like.

Asked at plan, so that a name which has no place there is refused before the first effect and not in the middle. Signs
of four bytes, which MariaDB's utf8mb3 lacks, are an error in git already. In a PostgreSQL database of encoding
SQL_ASCII texts are bytes; we write and expect UTF-8, as PostfixAdmin does, and the server refuses to hand out what is
not (`remote.database_errors`).
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from reconciler.systems.postfixadmin.tables import PostfixAdminTables

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
    """The character set of `mailbox.name`, in the server's own word; empty where every character can be stored."""
    query = _CHARSET.get(connection.dialect.name)
    if query is None:
        return ""
    values = {"mailbox": tables.mailbox.name} if ":mailbox" in query else {}
    found = connection.execute(text(query), values).scalar()
    return found if found in _CODECS else ""


def not_storable(name: str, charset: str) -> str:
    """The characters of a name that a `charset_of_names` lacks."""
    codec = _CODECS[charset]
    return "".join(sign for sign in name if not sign.encode(codec, "ignore"))
