"""Sites on real parts: PostfixAdmin's own tables, a real Postfix, OX' stand-in, all here or behind a real sshd."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from passlib.hash import sha512_crypt  # type: ignore[import-untyped]  # libpass has no stubs
from sqlalchemy.engine import URL

from reconciler.sandbox.openxchange import control
from reconciler.sandbox.openxchange.install import install
from reconciler.settings import Postfix as PostfixSection
from reconciler.systems.postfix.sudoers import sudoers_lines
from tests.cli.site import DOMAIN, OX_ENV, OX_PASSWORD, Site, password_in
from tests.integration.sink import Sink
from tests.services.mail import Postfix
from tests.services.needs import require
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.services.sshd import Sshd
from tests.systems.postfixadmin.support import by_hand, rows

MAIL_HOST = "mail.example"
SUDOERS = Path("/etc/sudoers.d")


def bare(url: URL) -> str:
    """A database as the site file writes it: without the password."""
    made = URL.create(url.drivername, url.username, None, url.host, url.port, url.database)
    return made.render_as_string(hide_password=False)


class Parts(NamedTuple):
    """What a site is made of; `ox` is the stand-in's folder."""

    database: PostfixAdminDatabase
    ox: Path
    postfix: Postfix
    sink: Sink


class RealSite(Site):
    """The parts, and how to look at them behind the command's back."""

    def __init__(self, folder: Path, parts: Parts, sections: dict[str, Any]) -> None:
        self.database, self.ox, self.postfix, self.sink = parts
        database, smtp = self.database, {"host": "127.0.0.1", "port": self.sink.port}
        super().__init__(
            folder,
            postfixadmin={"url": database.url, "password_env": database.password_env},
            letters={"smtp": smtp, "from": "AG Technik <technik@mail.example>"},
            **sections,
        )
        database.add_domain(DOMAIN)
        answer = self.run("ledger", "init")
        assert answer.status == 0, answer

    def letter(self, recipient: str) -> EmailMessage:
        """The newest letter to a member."""
        return self.sink.to(recipient)[-1]

    def password_of(self, recipient: str) -> str:
        """The password that their newest letter tells."""
        return password_in(self.letter(recipient))

    def rows(self, query: str, **parameters: object) -> list[dict[str, Any]]:
        """What a query finds."""
        return rows(self.database, query, **parameters)

    def by_hand(self, *statements: str, **parameters: object) -> None:
        """Somebody's own SQL."""
        by_hand(self.database, *statements, **parameters)

    def mailbox(self, address: str) -> dict[str, Any] | None:
        """The row of a mailbox."""
        return next(iter(self.rows("SELECT * FROM mailbox WHERE username = :address", address=address)), None)

    def goto(self, address: str) -> str | None:
        """Where an alias leads."""
        found = self.rows("SELECT goto FROM alias WHERE address = :address", address=address)
        return str(found[0]["goto"]) if found else None

    def fault(self, kind: str, **details: object) -> None:
        """The stand-in's only fault from now on."""
        control.set_switches(self.ox, faults=[{"kind": kind, **details}])

    def rename_in_ox(self, login: str, name: str) -> None:
        """Somebody changes a display name by OX' own tool."""
        options = ["-c", "1", "-A", "oxadmin", "-u", login, "-d", name]
        env = {**os.environ, "ADMIN_PASSWORD": OX_PASSWORD}
        subprocess.run([self.ox / "sbin" / "changeuser", *options], env=env, check=True, capture_output=True)

    def sound(self) -> None:
        """The stand-in has no fault any more."""
        control.set_switches(self.ox, faults=[])

    def ox_logins(self) -> list[str]:
        """All users but the context admin."""
        return sorted(user.ident for user in control.users(self.ox) if user.ident != "oxadmin")

    def opens(self, address: str, login: str, password: str) -> tuple[bool, bool]:
        """Whether the password is the one in the mail database (SHA512-CRYPT), and the one in OX."""
        box = self.mailbox(address)
        stored = box["password"].removeprefix("{SHA512-CRYPT}") if box else ""
        return bool(stored) and sha512_crypt.verify(password, stored), control.check_password(self.ox, login, password)

    def live(self) -> object:
        """Everything that is live, for comparing before and after; the ledger too, but for its lock."""
        tables = {name: self.rows(f"SELECT * FROM {name}") for name in self._tables}
        ordered = {name: sorted(map(repr, found)) for name, found in tables.items()}
        maps = sorted((file.name, file.read_bytes()) for file in self.postfix.map.parent.iterdir())
        return ordered, control.users(self.ox), maps, len(self.sink.mails)

    @cached_property
    def _tables(self) -> list[str]:
        ours = ("inventory", "meta", "one_shots", "plans", "runs", "steps", "chain", "heads")
        theirs = ("mailbox", "alias", "domain", "alias_domain", "log", "config", "vacation")
        return [*theirs, *(f"reconciler_{name}" for name in ours)]


def near(folder: Path, database: PostfixAdminDatabase, postfix: Postfix, sink: Sink) -> RealSite:
    """Everything on this machine."""
    sbin = install(folder / "ox", admin_password=OX_PASSWORD)
    sections = {
        "openxchange": {"sbin": str(sbin), "admin_password_env": OX_ENV},
        "postfix": {
            "sender_access": postfix.sender_access,
            "privilege": "direct",
            "config_directory": str(postfix.config),
        },
    }
    return RealSite(folder, Parts(database, folder / "ox", postfix, sink), sections)


def far(folder: Path, parts: Parts, sshd: Sshd) -> RealSite:
    """OX and the map behind sshd, as the restricted user, who owns OX' folder and writes the map by sudo."""
    sbin = install(parts.ox, admin_password=OX_PASSWORD, portable=True)
    for path in (parts.ox, *parts.ox.rglob("*")):
        shutil.chown(path, sshd.user)
    login = sshd.login()
    names = ("user", "port", "address", "key_file", "known_hosts")
    sections = {
        "openxchange": {"host": MAIL_HOST, "sbin": str(sbin), "admin_password_env": OX_ENV},
        "postfix": far_postfix(parts.postfix),
        "ssh": {MAIL_HOST: {name: getattr(login, name) for name in names}},
    }
    return RealSite(folder, parts, sections)


def far_postfix(postfix: Postfix) -> dict[str, Any]:
    """The site file's section for a map that is written with sudo on the mail host."""
    return {
        "host": MAIL_HOST,
        "sender_access": postfix.sender_access,
        "privilege": "sudo",
        "config_directory": str(postfix.config),
    }


@contextmanager
def sudo_allowed(postfix: Postfix, user: str) -> Iterator[None]:
    """Exactly `sudoers_lines` are in force while the block runs. They are named after this process, since several
    test runs may share one machine and sudo refuses everything when two files define one alias."""
    _, visudo = require("sudo", "sudo", "visudo")
    _drop_those_of_dead_runs()
    lines = "\n".join(sudoers_lines(PostfixSection.model_validate(far_postfix(postfix)), user)) + "\n"
    file = SUDOERS / f"reconciler-test-{os.getpid()}"
    fresh = file.with_suffix(".new")  # sudo skips names with a dot
    fresh.touch(mode=0o440)
    fresh.write_text(lines.replace("RECONCILER_POSTFIX", f"RECONCILER_POSTFIX_{os.getpid()}"), encoding="utf-8")
    try:
        checked = subprocess.run([visudo, "-c", "-f", fresh], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        fresh.rename(file)
        yield
    finally:
        fresh.unlink(missing_ok=True)
        file.unlink(missing_ok=True)


def _drop_those_of_dead_runs() -> None:
    for file in SUDOERS.glob("reconciler-test-*"):
        number = file.stem.rpartition("-")[2]
        if number.isdigit() and not Path(f"/proc/{number}").exists():
            file.unlink(missing_ok=True)
