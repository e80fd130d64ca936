"""Ways to log in to MariaDB and MySQL that are not the usual one, through the command."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pymysql
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.cli.served import Served
from tests.services.databases import PASSWORD_ENV
from tests.services.hostile import asks_for, hostile_server, sha2
from tests.services.own_engine import Server
from tests.services.postfixadmin import PostfixAdminDatabase


@pytest.fixture
def site(tmp_path: Path, new_mariadb: Callable[[], PostfixAdminDatabase], mariadb_server: Server) -> Served:
    """On MariaDB."""
    return Served(tmp_path, new_mariadb(), mariadb_server)


def test_mariadb_s_ed25519(site: Served) -> None:
    site.prepared()
    with site.server.admin.connect() as admin:
        admin.exec_driver_sql("INSTALL SONAME 'auth_ed25519'")
    password = os.environ[PASSWORD_ENV]
    try:
        with site.as_user(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.* TO {user}",
            f"ALTER USER {{user}} IDENTIFIED VIA ed25519 USING PASSWORD('{password}')",
        ):
            answer = site.run("apply", "--yes")
            wrong = site.run("plan", **{PASSWORD_ENV: "another"})
    finally:
        with site.server.admin.connect() as admin:
            admin.exec_driver_sql("UNINSTALL SONAME 'auth_ed25519'")
    assert answer.status == 0, answer
    assert wrong.status == 9
    assert "access denied" in wrong.words


@pytest.mark.parametrize("cached", [True, False])
def test_mysql_s_caching_sha2_password(site: Served, cached: bool) -> None:
    """MariaDB 10.11 has no such login: a stand-in carries it out, checks the password, and hands over to MariaDB."""
    at = site.database.full_url
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def mariadb() -> socket.socket:
        opened = pymysql.connect(
            host="127.0.0.1", port=at.port or 0, user=at.username, password=str(at.password), database=at.database
        )
        line: socket.socket = opened._sock  # type: ignore[attr-defined]  # the connection itself is of no use here
        opened._sock = None  # type: ignore[attr-defined]  # not in the stubs
        opened._rfile.close()  # type: ignore[attr-defined]  # not in the stubs
        return line

    password = os.environ[PASSWORD_ENV]
    with hostile_server(sha2(password.encode(), key, mariadb, cached=cached)) as (port, _):
        there = site.database.url.replace(f":{at.port}/", f":{port}/")
        site.write(postfixadmin={**site.sections["postfixadmin"], "url": there})
        answer = site.run("plan")
        wrong = site.run("plan", **{PASSWORD_ENV: "another"})
    assert answer.status == 4, answer
    assert "presse" in answer.words
    assert wrong.status == 9
    assert "access denied" in wrong.words


def test_a_login_that_nobody_here_speaks_is_told(site: Served) -> None:
    with hostile_server(asks_for("parsec")) as (port, _):
        there = site.database.url.replace(f":{site.database.full_url.port}/", f":{port}/")
        site.write(postfixadmin={**site.sections["postfixadmin"], "url": there})
        answer = site.run("plan")
    assert answer.status == 9, answer
    assert "a way to log in that is not known here" in answer.words
    assert "ed25519" in answer.words
