"""Sites on real parts for each test; the servers behind them run once a session (tests/services)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.sink import Sink, running_sink
from tests.integration.sites import Parts, RealSite, far, near, sudo_allowed
from tests.services.mail import Postfix
from tests.services.needs import cannot
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.services.sshd import Sshd


@pytest.fixture(scope="session")
def one_sink() -> Iterator[Sink]:
    """One mail server for the whole session."""
    with running_sink() as sink:
        yield sink


@pytest.fixture
def sink(one_sink: Sink) -> Sink:
    """The mail server, empty."""
    one_sink.forget()
    return one_sink


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a site file stands."""
    made = tmp_path / "site"
    made.mkdir()
    return made


@pytest.fixture
def site(folder: Path, mariadb: PostfixAdminDatabase, postfix: Postfix, sink: Sink) -> RealSite:
    """MariaDB, Postfix with a hash map, OX, all on this machine."""
    return near(folder, mariadb, postfix, sink)


@pytest.fixture
def quick_site(folder: Path, new_sqlite: Callable[[], PostfixAdminDatabase], postfix: Postfix, sink: Sink) -> RealSite:
    """The same on SQLite, for what has nothing to do with the database."""
    return near(folder, new_sqlite(), postfix, sink)


@pytest.fixture
def far_site(
    folder: Path, open_folder: Path, mariadb: PostfixAdminDatabase, postfix: Postfix, sink: Sink, sshd: Sshd
) -> Iterator[RealSite]:
    """MariaDB here; OX and the map on a mail host that is reached over SSH as a user without rights."""
    if os.geteuid() != 0:
        cannot("sudoers can only be written by root")
    with sudo_allowed(postfix, sshd.user):
        yield far(folder, Parts(mariadb, open_folder / "ox", postfix, sink), sshd)
