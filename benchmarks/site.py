"""One folder with a whole site: state in git, register, site file, OX stand-in, sender map; PostfixAdmin is on a
server. Made by `run`, `kept` and the test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from sqlalchemy import URL

from benchmarks import live, people, state
from reconciler.sandbox.openxchange.install import install
from tests.services.databases import PASSWORD_ENV
from tests.services.git import git

_SITE = Template("""\
site: bench
state: state
postfixadmin: {url: "$url", password_env: $password_env, vacation_domain: $vacation_domain}
openxchange: {sbin: "$sbin", admin_password_file: ox-password, parallel: 4}
postfix: {sender_access: "hash:$map", privilege: direct, config_directory: "$config"}
register: {csv: members.csv}
letters: {outbox: outbox, from: technik@mail.example}
policy:
  limits:
    changes: {number: 10000000}
    creations: {number: 10000000}
""")
NEW = 1_000
"""Accounts that an `apply` has to make."""
_IGNORE = "/*\n!/.gitignore\n!/reconciler.yaml\n!/state\n"


@dataclass(frozen=True, slots=True)
class BenchSite:
    """A site of `size` mailboxes in which nothing is to be done but the sender map, which lacks our section."""

    folder: Path
    size: int
    new: int
    """How many accounts `with_newcomers` adds."""

    @property
    def file(self) -> Path:
        """The site file."""
        return self.folder / "reconciler.yaml"

    @property
    def map(self) -> Path:
        """The sender map."""
        return self.folder / "sender_access"

    @property
    def register(self) -> Path:
        """The member register."""
        return self.folder / "members.csv"

    @property
    def tools(self) -> Path:
        """The folder with OX' tools."""
        return self.folder / "ox" / "sbin"

    @contextmanager
    def with_change(self) -> Iterator[None]:
        """While it lasts, one mailbox of a hundred wants another quota."""
        with self._changed(people.changed(self.size)):
            yield

    @contextmanager
    def with_one_change(self) -> Iterator[None]:
        """While it lasts, one mailbox wants another quota."""
        with self._changed(1):
            yield

    @contextmanager
    def with_newcomers(self) -> Iterator[None]:
        """While it lasts, the state declares accounts that do not exist yet."""
        state.write_newcomers(self.folder / "state", people.newcomers(self.new))
        try:
            yield
        finally:
            state.remove_newcomers(self.folder / "state")

    @contextmanager
    def _changed(self, count: int) -> Iterator[None]:
        state.write_changed(self.folder / "state", self.size, count)
        try:
            yield
        finally:
            state.write_changed(self.folder / "state", self.size, 0)

    def at(self, url: URL) -> None:
        """The database is there from now on: the site file says so, without the password."""
        bare = URL.create(url.drivername, url.username, None, url.host, url.port, url.database)
        text = _SITE.substitute(
            url=bare.render_as_string(),
            password_env=PASSWORD_ENV,
            vacation_domain=live.VACATION_DOMAIN,
            sbin=self.tools,
            map=self.map,
            config=self.folder / "postfix",
        )
        if self.file.exists() and self.file.read_text(encoding="utf-8") == text:
            return
        self.file.write_text(text, encoding="utf-8")
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "-m", "Site")


def build(folder: Path, url: URL, *, size: int, new: int) -> BenchSite:
    """Makes the site. `url` names an empty database with PostfixAdmin's tables, with the password in it."""
    site = BenchSite(folder, size, new)
    parts, by_hand = people.parts(size), people.unmanaged(size)
    everybody = [person for part in parts for person in part.people]
    state.write_state(folder / "state", size)
    state.write_register(site.register, [*everybody, *people.newcomers(new).people], size)
    live.fill_database(url, parts, by_hand)
    password = secrets.token_urlsafe(12)
    (folder / "ox-password").write_text(password, encoding="utf-8")
    install(folder / "ox", admin_password=password)
    live.fill_groupware(folder / "ox", everybody, by_hand)
    live.make_postfix(folder / "postfix", site.map, size)
    (folder / "outbox").mkdir()
    (folder / ".gitignore").write_text(_IGNORE, encoding="utf-8")
    git(folder, "init", "-q")
    site.at(url)
    return site
