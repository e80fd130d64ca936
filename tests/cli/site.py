"""A site in a folder for one test: a site file, state, a register, an outbox; and a whole one on stand-ins.

tests/integration builds its sites on real parts from the same class.
"""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, datetime
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import create_engine

from reconciler.apply.ledger import table_check
from reconciler.apply.ledger.tables import declare as declare_ledger
from reconciler.sandbox.openxchange import control
from reconciler.sandbox.openxchange.install import install
from reconciler.sandbox.postfixadmin_tables import create_tables
from tests.cli.running import Answer, reconciler
from tests.services.quick import called

DOMAIN = "pirat.alt"
ZONE = ZoneInfo("Europe/Berlin")
ANNA, BERND = f"anna.beispiel@{DOMAIN}", f"bernd.muster@{DOMAIN}"
OX_ENV, OX_PASSWORD = "RECONCILER_TEST_OX_PASSWORD", "only-for-the-stand-in-9"

MEMBERS = """\
member,status,email,given_name,surname
10042,active,anna@gmx.example,Anna,Beispiel
10077,active,bernd@gmx.example,Bernd,Muster
10103,left,clara@gmx.example,Clara,Probe
"""

ANNA_DECLARED = "anna.beispiel: {given_name: Anna, surname: Beispiel, member: 10042, quota: 10240 MB}"
BERND_DECLARED = "bernd.muster: {given_name: Bernd, surname: Muster, member: 10077}"


def today() -> date:
    """The day in the sites' time zone, which is another one than the machine's for an hour or two every night."""
    return datetime.now(ZONE).date()


class Site:
    """A site file and what belongs to it. `sections` is what the site file says and may be changed before `write`."""

    tools = True
    """Whether the tools of the OX stand-in are processes; else `run` calls them (tests/services/quick.py)."""

    def __init__(self, folder: Path, **sections: Any) -> None:
        self.folder = folder
        self.sections: dict[str, Any] = {
            "site": "nrw",
            "state": "state",
            "register": {"csv": "members.csv"},
            "letters": {"outbox": "outbox", "from": "AG Technik <technik@mail.example>"},
            **sections,
        }
        (folder / "state").mkdir()
        (folder / "members.csv").write_text(MEMBERS, encoding="utf-8")
        self.write()

    def write(self, **sections: Any) -> None:
        """Writes the site file, with these sections changed; None takes one out."""
        self.sections |= sections
        written = {name: section for name, section in self.sections.items() if section is not None}
        self.file.write_text(json.dumps(written, indent=1), encoding="utf-8")  # JSON is YAML

    @property
    def file(self) -> Path:
        """The site file."""
        return self.folder / "reconciler.yaml"

    def declare(
        self, *mailboxes: str, aliases: Sequence[str] = (), blocks: Sequence[str] = (), more: Mapping[str, Any] = {}
    ) -> None:
        """The whole state: entries as they stand in YAML; `more` are whole sections."""
        lines = [f"domain: {DOMAIN}"]
        for section, entries, mark in (("mailboxes", mailboxes, ""), ("aliases", aliases, "")):
            lines += [f"{section}:", *(f"  {mark}{entry}" for entry in entries)] if entries else []
        lines += ["sender_blocks:", *(f"  - {{{entry}}}" for entry in blocks)] if blocks else []
        lines += [f"{section}: {json.dumps(content)}" for section, content in more.items()]
        (self.folder / "state" / "state.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def run(self, *arguments: str, **env: str) -> Answer:
        """`reconciler ARGUMENTS` in this folder, whose site file it finds by itself."""
        env = {OX_ENV: OX_PASSWORD, **env}
        return reconciler(self.folder, *arguments, env=env, tools=self.tools)

    def pipe(self, content: bytes, *arguments: str) -> Answer:
        """`reconciler ARGUMENTS < FILE`."""
        env = {OX_ENV: OX_PASSWORD}
        return reconciler(self.folder, *arguments, env=env, tools=self.tools, piped=content)

    def letters(self) -> dict[str, EmailMessage]:
        """The letters in the outbox by recipient; the newest counts. Welcome mails go to our own domain."""
        found: dict[str, EmailMessage] = {}
        for file in sorted((self.folder / "outbox").glob("*.eml")):
            message = read_mail(file.read_bytes())
            if not str(message["To"]).endswith(f"@{DOMAIN}"):
                found[str(message["To"])] = message
        return found


def read_mail(content: bytes) -> EmailMessage:
    """A mail as it was sent."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def password_in(letter: EmailMessage) -> str:
    """The password that a letter tells."""
    found = re.search(r"Passwort:\s+(\S+)", letter.get_content())
    assert found, "the letter tells no password"
    return found[1]


@cache
def _empty_tables() -> bytes:
    """PostfixAdmin's tables and the ledger, as a file of SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.sqlite"
        engine = create_engine(f"sqlite:///{file}")
        create_tables(engine)
        table_check.create(engine, declare_ledger())  # as `reconciler ledger init` does
        engine.dispose()
        return file.read_bytes()


class StandInSite(Site):
    """PostfixAdmin's tables on SQLite, the OX stand-in, a texthash map that no Postfix reads."""

    tools = False

    def __init__(self, folder: Path) -> None:
        sbin = install(folder / "ox", admin_password=OX_PASSWORD)
        (folder / "map").mkdir()
        self._a_postfix_that_uses_no_map(folder / "postfix")
        super().__init__(
            folder,
            postfixadmin={"url": "sqlite:///postfixadmin.sqlite"},
            openxchange={"sbin": str(sbin), "admin_password_env": OX_ENV},
            postfix={
                "sender_access": f"texthash:{folder}/map/sender_access",
                "privilege": "direct",
                "config_directory": str(folder / "postfix"),
            },
        )
        self.map.write_text("muster@muster.example REJECT\n", encoding="utf-8")
        self._database.write_bytes(_empty_tables())
        self.add_domain(DOMAIN)

    @property
    def map(self) -> Path:
        """The sender map."""
        return self.folder / "map" / "sender_access"

    @property
    def ox(self) -> Path:
        """The stand-in's folder."""
        return self.folder / "ox"

    def fault(self, kind: str, **details: object) -> None:
        """The stand-in's only fault from now on."""
        control.set_switches(self.ox, faults=[{"kind": kind, **details}])

    def sound(self) -> None:
        """The stand-in has no fault any more."""
        control.set_switches(self.ox, faults=[])

    def add_domain(self, domain: str) -> None:
        """A domain, as PostfixAdmin's web form makes it."""
        self.sql("INSERT INTO domain (domain, description, transport, active) VALUES (?, '', 'virtual', 1)", domain)

    def add_mailbox(self, address: str, goto: str = "", **values: object) -> None:
        """A mailbox from before, with its own alias."""
        local, _, domain = address.partition("@")
        row = {"username": address, "password": "{x}y", "local_part": local, "domain": domain, "active": 1, **values}
        self._insert("mailbox", {"name": "", "maildir": f"{domain}/{local}/", **row})
        self.add_alias(address, goto or address)

    def was_removed(self, address: str, run: int = 900) -> None:
        """The ledger of a site whose removal of this mailbox switched it off, a while ago."""
        then = "2026-01-02 03:04:05"
        whose = {"site": "nrw", "digest": "d", "commit": "", "who": "t", "host": "h", "pid": 1}
        self._insert("reconciler_runs", {"id": run, **whose, "started": then, "finished": then, "state": "done"})
        step = {
            "run": run,
            "seq": 0,
            "scope": "account",
            "subject": address,
            "step_id": address,
            "system": "",
            "key": address,
        }
        how = {"kind": "mailbox", "action": "update", "stage": 10, "counted": "removal", "state": "done", "ended": then}
        self._insert("reconciler_steps", {**step, **how, "system": "", "origin": "", "message": "", "hint": ""})

    def add_alias(self, address: str, goto: str) -> None:
        """An alias from before."""
        self._insert("alias", {"address": address, "goto": goto, "domain": address.partition("@")[2], "active": 1})

    def add_ox_user(self, login: str, address: str, name: str) -> None:
        """A user from before."""
        given, _, surname = name.partition(" ")
        self._ox_tool("createuser", "-u", login, "-d", name, "-g", given, "-s", surname, "-e", address)

    def change_ox_user(self, login: str, *options: str) -> None:
        """Somebody calls OX' own tool."""
        self._ox_tool("changeuser", "-u", login, *options)

    def _ox_tool(self, tool: str, *options: str) -> None:
        env = {"ADMIN_PASSWORD": OX_PASSWORD, "NEW_USER_PASSWORD": "from-before-7", "LC_ALL": "C.UTF-8"}
        done = called(tool, self.ox, ["-c", "1", "-A", "oxadmin", *options], env)
        assert done.status == 0, done

    def sql(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        """Somebody's own SQL; rows as mappings."""
        with closing(sqlite3.connect(self._database)) as connection, connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement, parameters)]

    def mailbox(self, address: str) -> dict[str, Any] | None:
        """The row of a mailbox."""
        return next(iter(self.sql("SELECT * FROM mailbox WHERE username = ?", address)), None)

    def goto(self, address: str) -> str | None:
        """Where an alias leads."""
        found = self.sql("SELECT goto FROM alias WHERE address = ?", address)
        return found[0]["goto"] if found else None

    def live(self) -> object:
        """Everything that is live, for comparing before and after."""
        tables = {name: self.sql(f"SELECT * FROM {name}") for name in self._tables}
        letters = sorted(file.name for file in (self.folder / "outbox").glob("*"))
        return tables, control.users(self.ox), self.map.read_bytes(), letters

    @staticmethod
    def _a_postfix_that_uses_no_map(config: Path) -> None:
        # postconf waits a second where there is no main.cf, and until a fresh one has cooled down
        config.mkdir()
        for name, content in (("main.cf", "compatibility_level = 3.6\n"), ("master.cf", "")):
            (config / name).write_text(content)
            os.utime(config / name, (0, 0))

    def _insert(self, table: str, row: Mapping[str, object]) -> None:
        names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
        self.sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", *row.values())

    @property
    def _database(self) -> Path:
        return self.folder / "postfixadmin.sqlite"

    @property
    def _tables(self) -> list[str]:
        """All but the lock, which even a run that asks and hears no takes for a while."""
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'reconciler_lock' ORDER BY name"
        return [row["name"] for row in self.sql(query)]
