"""A whole site that is fast, and its commands run in this process: the real ones, from `cli` down to every write.

Real are the commands, the workflow, all systems, the ledger and the gates; PostfixAdmin's tables on SQLite, the code of
the OX stand-in, the sender map's files, the letters in an outbox. Only the lines between them are ours (`outside`), so
that a test may cut one, or kill the command, at any touch.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from passlib.hash import sha512_crypt  # type: ignore[import-untyped]  # libpass has no stubs
from sqlalchemy import create_engine

from reconciler import workflow
from reconciler.apply import session
from reconciler.apply.engine import carry_out
from reconciler.apply.ledger import Ledger, table_check
from reconciler.apply.ledger.lock import Lease
from reconciler.apply.ledger.tables import declare as declare_ledger
from reconciler.apply.session import Operator
from reconciler.cli import apply_commands, commands, report_commands, site_session
from reconciler.cli.formats import Format
from reconciler.cli.site_ledger import build_ledger
from reconciler.cli.state_cache import state_cache
from reconciler.declared.load import Declaration, load_state
from reconciler.declared.site_file.load import load_site
from reconciler.planning.ports import System
from reconciler.sandbox.openxchange import control, store, users
from reconciler.sandbox.openxchange.bulk import import_users
from reconciler.sandbox.openxchange.install import install
from reconciler.sandbox.postfixadmin_tables import create_tables
from reconciler.settings import Settings
from reconciler.systems.openxchange import attach, soap_client
from reconciler.systems.postfixadmin import password_hashes
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from reconciler.systems.registry import build_systems
from reconciler.systems.system_context import SystemContext
from tests.proof.outside import InProcessHosts, InProcessSoap, InProcessWeb, Outbox, hook
from tests.proof.touches import Death, Fault, Touch, Touches
from tests.services.quick import made_once

LONG = os.environ.get("RECONCILER_PROOF") == "long"
"""`make proof`: every cell of every product."""
DOMAIN, OTHER = "pirat.example", "verein.example"
VACATION = "autoreply.example"
TODAY = date(2026, 11, 22)
OX_PASSWORD = "only-for-the-stand-in-9"

MEMBERS = """\
member,status,email,given_name,surname
10042,active,anna@gmx.example,Anna,Beispiel
10077,active,bernd@gmx.example,Bernd,Muster
10103,active,clara@gmx.example,Clara,Probe
"""

Watch = Callable[[], None]
State = Mapping[str, Any]
"""The sections of a state file."""


class Answer(NamedTuple):
    """How a command ended; status None when it was killed."""

    status: int | None
    out: str
    touches: Sequence[Touch]
    struck: bool

    @property
    def died(self) -> bool:
        """Whether it was killed."""
        return self.status is None


@dataclass
class World:
    """One site in a folder."""

    folder: Path
    today: date = TODAY
    with_map: bool = False
    over_soap: bool = False
    """Whether OX is asked over SOAP, and its tools never."""

    @classmethod
    def build(cls, folder: Path, *, with_map: bool = False, over_soap: bool = False) -> World:
        """A site that is in use, with nothing declared yet."""
        world = cls(folder, with_map=with_map, over_soap=over_soap)
        (folder / "state").mkdir(parents=True)
        (folder / "members.csv").write_text(MEMBERS, encoding="utf-8")
        install(world.ox, admin_password=OX_PASSWORD)
        control.set_switches(world.ox, USERNAME_CHANGEABLE=True, trial="off", seed=1)
        if with_map:
            world._make_map()
        world._write_site()
        engine = create_engine(f"sqlite:///{world.database}")
        create_tables(engine)
        table_check.create(engine, declare_ledger())
        engine.dispose()
        for domain in (DOMAIN, OTHER):
            world.sql(
                "INSERT INTO domain (domain, description, transport, active) VALUES (?, '', 'virtual', 1)", domain
            )
        return world

    def copy(self, folder: Path) -> World:
        """The same world, to be ruined."""
        shutil.copytree(self.folder, folder)
        other = World(folder, self.today, self.with_map, self.over_soap)
        other._write_site()
        return other

    @property
    def site(self) -> Path:
        """The site file."""
        return self.folder / "reconciler.yaml"

    @property
    def ox(self) -> Path:
        """The stand-in's folder."""
        return self.folder / "ox"

    @property
    def database(self) -> Path:
        """PostfixAdmin's tables and the ledger."""
        return self.folder / "postfixadmin.sqlite"

    @property
    def map(self) -> Path:
        """The sender map."""
        return self.folder / "map" / "sender_access"

    def declare(self, state: State) -> None:
        """Replaces what git says. JSON is YAML."""
        content = json.dumps({"domain": DOMAIN, **state}, default=str)
        (self.folder / "state" / "state.yaml").write_text(content, encoding="utf-8")

    def apply(
        self, fault: Fault | None = None, machine: str = "a", watch: Watch | None = None, *, live: bool = False
    ) -> Answer:
        """`reconciler apply --yes`; `live`: with its threads, and a lock that is renewed all the time."""
        command = partial(apply_commands.apply, None, self.site, Format.TEXT, yes=True)
        return self._command(command, fault, machine, watch, live=live)

    def resume(self, fault: Fault | None = None, machine: str = "a", watch: Watch | None = None) -> Answer:
        """`reconciler resume --yes`."""
        return self._command(partial(apply_commands.resume, self.site, Format.TEXT, yes=True), fault, machine, watch)

    def plan(self) -> Answer:
        """`reconciler plan`."""
        return self._command(partial(commands.plan, self.site, Format.TEXT), None, "a", None)

    def planned(self, only: Sequence[str] = ()) -> dict[str, Any]:
        """`reconciler plan --format json`, with `--only`; the declared state must be valid."""
        answer = self._command(partial(commands.plan, self.site, Format.JSON, only=list(only)), None, "a", None)
        document = json.loads(answer.out)
        assert isinstance(document, dict)
        return document

    def planned_in_shards(self, number: int) -> dict[str, Any]:
        """The plan that `report --merge` makes of so many shards."""
        files = [self.folder / f"shard{each}.json" for each in range(number)]
        for at, file in enumerate(files):
            shard = f"{at + 1}/{number}"
            command = partial(commands.plan, self.site, Format.JSON, out=file, shard=shard)
            said = self._command(command, None, "a", None)
            assert said.status in (0, 4, 5, 9), said.out
        merged = self.folder / "merged.json"
        said = self._command(partial(report_commands.report, files, merge=True, out=merged), None, "a", None)
        document = json.loads(merged.read_text(encoding="utf-8"))
        assert said.status == document["status"], said.out
        assert isinstance(document, dict)
        return document

    def sql(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        """Somebody's own SQL; rows as mappings."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement, parameters)]

    def add_ox_user(self, login: str, address: str, name: str) -> None:
        """Somebody made a user by hand."""
        given, _, surname = name.partition(" ")
        names = {"Display_name": name, "Given_name": given, "Sur_name": surname, "Password": "by-hand-1"}
        import_users(self.ox, [{"Name": login, "PrimaryEmail": address, "ImapLogin": address, **names}])

    def rename_ox_users(self, address: str, display: str) -> None:
        """Somebody gave the user of this address another name by hand."""
        found = [user for user in control.users(self.ox) if user.fields.get("PrimaryEmail") == address]
        with closing(store.connect(self.ox)) as connection:
            for user in found:
                users.save(connection, 1, user._replace(fields={**user.fields, "Display_name": display}))

    def expire_lock(self) -> None:
        """The time of a dead run's lock is over, in the ledger and at the map."""
        self.sql("UPDATE reconciler_lock SET expires = 1 WHERE expires IS NOT NULL")
        self._drop_map_lock()

    def break_lock(self) -> None:
        """What `reconciler unlock` does."""
        self.sql("UPDATE reconciler_lock SET expires = NULL, run = NULL WHERE expires IS NOT NULL")
        self._drop_map_lock()

    # commands

    def _command(
        self,
        command: Callable[[], None],
        fault: Fault | None,
        machine: str,
        watch: Watch | None,
        *,
        live: bool = False,
    ) -> Answer:
        touches, out = Touches(fault, watch), io.StringIO()
        with self._lines(touches, machine, live), redirect_stdout(out), redirect_stderr(out):
            try:
                command()
            except SystemExit as ended:
                status: int | None = int(ended.code or 0)
            except BaseException as error:  # deaths come in groups where tasks do
                # what dies in the thread that renews the lock is seen by the run as a lock that is lost
                if not (touches.dead and (live or _only_deaths(error))):
                    raise
                status = None
        return Answer(status, out.getvalue(), touches.seen, touches.struck)

    @contextmanager
    def _lines(self, touches: Touches, machine: str, live: bool) -> Iterator[None]:
        """What a command opens is ours while the block runs."""
        make_ledger = build_ledger

        def systems(context: SystemContext) -> list[System]:
            built = build_systems(context)
            for system in built:
                if isinstance(system, PostfixAdminSystem):
                    hook(system._database._writing, touches)
                    hook(system._database._reading, touches)
            return built

        def ledger(site: Settings, *, create: bool = False) -> Ledger | None:
            opened = make_ledger(site, create=create)
            assert opened is not None
            hook(opened._engine, touches)
            return opened

        def read_site(
            path: Path | None, state: Path | None = None, *, lazily: bool = False
        ) -> tuple[Settings, Declaration]:
            site = load_site(path)
            with state_cache() as cache:
                folder = state or site.path(site.state)
                return site, load_state(folder, site, today=self.today, cache=cache, lazily=lazily)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(site_session, "build_systems", systems)
            patch.setattr(site_session, "build_ledger", ledger)
            patch.setattr(site_session, "read_site", read_site)
            patch.setattr(site_session, "SiteHosts", lambda *_: InProcessHosts(touches, self.ox))
            patch.setattr(site_session, "mailer_of", lambda site: Outbox(touches, site.path("outbox")))
            patch.setattr(site_session, "operator", lambda: Operator("cron", machine, 4711))
            patch.setattr(soap_client, "SoapClient", lambda url: InProcessSoap(url, touches, self.ox))
            patch.setattr(attach, "Web", lambda url: InProcessWeb(url, touches, self.ox))
            patch.setattr(workflow, "carry_out", partial(carry_out, pause=0))
            _quickly(patch)
            if live:
                _lively(patch)
            else:
                # no threads, so that the order of touches is the same each time
                patch.setattr(asyncio, "to_thread", _here)
            yield

    # the site

    def _write_site(self) -> None:
        mail = {"host": "127.0.0.1", "port": 1, "security": "none"}
        site: dict[str, Any] = {
            "site": "proof",
            "state": "state",
            "postfixadmin": {"url": "sqlite:///postfixadmin.sqlite", "vacation_domain": VACATION},
            "openxchange": {
                "sbin": "ox/sbin",
                "admin_password_file": "ox-password",
                "web_url": "http://127.0.0.1:1/ajax/",
                "imap": mail,
                "smtp": mail,
            },
            "register": {"csv": "members.csv"},
            "letters": {"outbox": "outbox", "from": "AG Technik <technik@mail.example>"},
            # how much a run may do is asked in tests/policy
            "policy": {"limits": {name: {"number": 500, "at_least": 500} for name in ("removals", "changes")}},
        }
        if self.over_soap:
            site["openxchange"] |= {"sbin": "no-tools", "soap_url": "http://127.0.0.1:1/webservices/OXUserService"}
        if self.with_map:
            site["postfix"] = {
                "sender_access": f"texthash:{self.map}",
                "privilege": "direct",
                "config_directory": str(self.folder / "postfix"),
            }
        (self.folder / "ox-password").write_text(OX_PASSWORD, encoding="utf-8")
        self.site.write_text(json.dumps(site), encoding="utf-8")

    def _make_map(self) -> None:
        self.map.parent.mkdir()
        self.map.write_text("hand@made.example REJECT\n", encoding="utf-8")
        config = self.folder / "postfix"
        config.mkdir()
        for name, content in (("main.cf", "compatibility_level = 3.6\n"), ("master.cf", "")):
            (config / name).write_text(content)

    def _drop_map_lock(self) -> None:
        lock = self.map.parent / ".sender_access.lock"
        if lock.exists():
            lock.rmdir()


async def _here(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def _quickly(patch: pytest.MonkeyPatch) -> None:
    """What can be made once is, and hashes cheaply."""
    made_once(patch)
    patch.setattr(password_hashes, "_SHA512", sha512_crypt.using(rounds=1000))


def _lively(patch: pytest.MonkeyPatch) -> None:
    """The lock is renewed every few milliseconds, between and beside all other touches."""
    renew = session._renew

    async def often(ledger: Ledger, lease: Lease) -> None:
        await renew(ledger, lease._replace(ttl=timedelta(milliseconds=20)))

    patch.setattr(session, "_renew", often)


def _only_deaths(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_only_deaths, error.exceptions))
    return isinstance(error, Death)
