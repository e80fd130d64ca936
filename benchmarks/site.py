"""One folder with a whole site: state, register, site file, OX stand-in, sender map; PostfixAdmin is on a server.

Made by `run` and by the test. `quiet` brings it back to "nothing to do" after each change.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from sqlalchemy import URL

from benchmarks import live, people
from reconciler.sandbox.openxchange.install import install

_SITE = Template("""\
site: bench
state: state
postfixadmin: {url: "$url", password_env: $password_env, vacation_domain: autoreply.example}
openxchange: {sbin: "$sbin", admin_password_file: ox-password, parallel: 4}
postfix: {sender_access: "hash:$map", privilege: direct, config_directory: "$config"}
register: {csv: members.csv}
letters: {outbox: outbox, from: technik@mail.example}
policy:
  limits:
    changes: {number: 1000000}
    creations: {number: 1000000}
""")


@dataclass(frozen=True, slots=True)
class BenchSite:
    """A site of `size` mailboxes in which nothing is to be done but the sender map, which is empty."""

    folder: Path
    size: int
    new: int
    """How many accounts `with_newcomers` adds."""

    @property
    def file(self) -> Path:
        """The site file."""
        return self.folder / "reconciler.yaml"

    @contextmanager
    def with_change(self) -> Iterator[None]:
        """While it lasts, one state file of a hundred wants another quota."""
        part = people.parts(self.size)[0]
        people.write_part(self.folder / "state", 0, part, people.NEW_QUOTA)
        yield
        people.write_part(self.folder / "state", 0, part, people.QUOTA)

    def with_newcomers(self) -> None:
        """From now on the state declares accounts that do not exist yet."""
        people.write_newcomers(self.folder / "state", people.newcomers(self.size, self.new))


def build(folder: Path, url: URL, password_env: str, *, size: int, new: int) -> BenchSite:
    """Makes the site. `url` names an empty database with PostfixAdmin's tables, with the password in it; the site file
    has it without."""
    parts = people.parts(size)
    everybody = [person for part in parts for person in part]
    people.write_state(folder / "state", size)
    people.write_register(folder / "members.csv", [*everybody, *people.newcomers(size, new)])
    live.fill_database(url, everybody, [team for part in parts for team in people.teams(part)])
    password = secrets.token_urlsafe(12)
    (folder / "ox-password").write_text(password, encoding="utf-8")
    sbin = install(folder / "ox", admin_password=password)
    live.fill_groupware(folder / "ox", everybody)
    live.make_postfix(folder / "postfix", folder / "sender_access")
    (folder / "outbox").mkdir()
    bare = URL.create(url.drivername, url.username, None, url.host, url.port, url.database)
    text = _SITE.substitute(
        url=bare.render_as_string(),
        password_env=password_env,
        sbin=sbin,
        map=folder / "sender_access",
        config=folder / "postfix",
    )
    (folder / "reconciler.yaml").write_text(text, encoding="utf-8")
    return BenchSite(folder, size, new)
