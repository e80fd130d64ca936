"""A site whose tables are on a real server: PostfixAdmin's and the ledger, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from tests.cli.site import DOMAIN, Site
from tests.services.databases import PASSWORD_ENV
from tests.services.own_engine import Server, own_engine
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.postfixadmin.support import by_hand


class Served(Site):
    """PostfixAdmin's tables and the ledger in one database of a real server; nothing else."""

    def __init__(self, folder: Path, database: PostfixAdminDatabase, server: Server) -> None:
        self.database, self.server = database, server
        section = {"url": database.url, "password_env": database.password_env}
        super().__init__(folder, register=None, letters=None, postfixadmin=section)
        domain = "INSERT INTO domain (domain, description, transport) VALUES (:d, '', 'virtual')"
        by_hand(database, domain, d=DOMAIN)
        self.declare(aliases=["presse: [a@extern.example]"])

    def prepared(self) -> None:
        """The ledger's tables are there."""
        answer = self.run("ledger", "init")
        assert answer.status == 0, answer

    def says(self, table: str, event: str, code: int | str, words: str) -> None:
        """From now on the server answers every `event` on this table with this error."""
        if self.database.backend == "mysql":
            by_hand(
                self.database,
                f"CREATE OR REPLACE TRIGGER trouble BEFORE {event} ON {table} FOR EACH ROW "
                f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = '{words}'",
            )
            return
        raised = f"BEGIN RAISE '{words}' USING ERRCODE = '{code}'; END"
        by_hand(
            self.database,
            f"CREATE OR REPLACE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ {raised} $$",
            f"CREATE OR REPLACE TRIGGER trouble BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION trouble()",
        )

    @contextmanager
    def as_user(self, *statements: str) -> Iterator[None]:
        """In the site file is a user of the server's own, made by these statements (`{user}`, `{database}`)."""
        name = self.database.full_url.database
        user = f"u_{name}"
        here = f"{user}@'127.0.0.1'" if self.database.backend == "mysql" else user
        word = "IDENTIFIED BY" if self.database.backend == "mysql" else "PASSWORD"
        written = self.sections["postfixadmin"]
        url = make_url(self.database.url).set(username=user).render_as_string()
        admin = own_engine(self.server.admin.url.set(database=name))
        try:
            with admin.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
                connection.exec_driver_sql(f"CREATE USER {here} {word} '{os.environ[PASSWORD_ENV]}'")
                for statement in statements:
                    connection.exec_driver_sql(statement.format(user=here, database=name))
                try:
                    self.write(postfixadmin={**written, "url": url})
                    yield
                finally:
                    self.write(postfixadmin=written)
                    if self.database.backend == "postgresql":
                        connection.exec_driver_sql(f"DROP OWNED BY {user}")
                    connection.exec_driver_sql(f"DROP USER {here}")
        finally:
            admin.dispose()
