"""Engines for the tests' own statements, beside those of the product, and the server that they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool


def own_engine(url: URL, **options: Any) -> Engine:
    """One connection for each use. PyMySQL would read every authority of this machine first, each time."""
    arguments = {"ssl_disabled": True} if url.get_backend_name() == "mysql" else {}
    return create_engine(url, poolclass=NullPool, connect_args=arguments, **options)


@dataclass(frozen=True, slots=True)
class Server:
    """A running database server; `url` names its template database and carries the password."""

    url: URL
    admin: Engine
    """Statements that stand alone (CREATE DATABASE); autocommit."""

    def database(self, name: str) -> URL:
        """The same server, another database."""
        return self.url.set(database=name)
