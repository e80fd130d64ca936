"""The contract of every system, on the stand-in: its rules, its shuffled columns; in one of its versions with its tools
as real processes, in another one over SOAP, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, GroupwareAccount, Removal, Rename
from reconciler.model.records import OxUserRow
from reconciler.model.secrets import Passwords
from reconciler.model.source_places import Origin
from reconciler.planning.changes import Change
from reconciler.planning.ports import System
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.outbox import OutboxMailer
from reconciler.sandbox.openxchange import control, store, users
from reconciler.sandbox.openxchange.bulk import import_users
from reconciler.sandbox.openxchange.install import install
from reconciler.sandbox.openxchange.soap import PATH as SOAP_PATH
from reconciler.sandbox.openxchange.web import running
from reconciler.settings import OpenXchange, Settings
from reconciler.systems.openxchange.system import build
from reconciler.systems.system_context import SystemContext
from tests.services.quick import tools_in_process
from tests.systems.contract import Contract
from tests.systems.openxchange.test_matching import box, declared

ADMIN_PASSWORD = "only-for-the-stand-in"
KLAUS = "klaus@pirat.example"
NEW = "klaus.neu@pirat.example"
BERND = "bernd@pirat.example"


class StandIn:
    """A context of the stand-in, as the world of the contract."""

    states: Sequence[DesiredState]

    def __init__(self, folder: Path, version: str) -> None:
        self.folder = folder
        self._version = version
        self.soap_url: str | None = None
        first = declared(
            box(),
            box(KLAUS, given_name="Klaus", surname="Extern", name="Klaus Extern"),
            box(BERND, given_name="Bernd", surname="Neu", name='Bernd "B." Neu, Öffentlichkeit'),
            box("post@pirat.example", groupware=False),
        )
        second = declared(
            box(surname="Müller", name="Anna Müller-Beispiel"),
            box(KLAUS, given_name="Klaus", surname="Extern", name="Klaus von Extern"),
        )
        self.states = [first, replace(first, mailboxes={**first.mailboxes, **second.mailboxes})]
        self._install()

    def _install(self) -> None:
        install(self.folder, admin_password=ADMIN_PASSWORD)
        control.set_switches(self.folder, version=self._version)

    def system(self) -> System:
        section = OpenXchange(
            sbin=str(self.folder / ("sbin" if self.soap_url is None else "no-tools")),
            admin_password_env="RECONCILER_OX_PASSWORD",
            parallel=2,
            soap_url=self.soap_url,
        )
        settings = Settings(site="nrw", openxchange=section, folder=self.folder)
        system = build(SystemContext(settings, SiteHosts({}), OutboxMailer(self.folder), Passwords()))
        assert system is not None
        return system

    async def drift(self) -> None:
        self.by_hand("anna", Display_name="Somebody else", DefaultSenderAddress="old@pirat.example", ImapLogin=None)
        self.by_hand("klaus", PrimaryEmail="old@pirat.example", Email1="old@pirat.example", aliases="old@pirat.example")

    async def lose_race(self, change: Change) -> None:
        assert isinstance(change.before, OxUserRow)
        self.by_hand(change.before.login, Display_name="Changed meanwhile", aliases="new@pirat.example")

    async def dump(self) -> object:
        # without passwords, and by login: several tools at once give out the ids
        return {
            user.ident: ({**user.fields, "Password": ""}, sorted(user.aliases), sorted(user.access))
            for user in control.users(self.folder)
        }

    async def reset(self) -> None:
        (self.folder / store.FILE_NAME).unlink()
        self._install()

    def by_hand(self, login: str, aliases: str | None = None, **columns: str | None) -> None:
        """Changes a user behind the tools' back and past their rules, as direct SQL would."""
        user = control.user(self.folder, login)
        fields = {name: value for name, value in {**user.fields, **columns}.items() if value is not None}
        changed = user._replace(fields=fields, aliases=frozenset(aliases.split(",")) if aliases else user.aliases)
        with closing(store.connect(self.folder)) as connection, store.transaction(connection):
            users.save(connection, 1, changed)


WAYS = ["OLD", "MID", "NEW", "NEW over SOAP"]


@pytest.fixture(params=WAYS)
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    yield from _made(StandIn, request.param, tmp_path, monkeypatch)


def _made(kind: type[StandIn], way: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("RECONCILER_OX_PASSWORD", ADMIN_PASSWORD)
    version, _, over_soap = way.partition(" ")
    made = kind(folder / "ox", version)
    if over_soap:
        with running(made.folder, SOAP_PATH) as made.soap_url:
            yield made
        return
    if version != "MID":
        tools_in_process(monkeypatch)
    yield made


class Renaming(StandIn):
    """The same with people who change their addresses, one of them with a second user, and one who left."""

    def __init__(self, folder: Path, version: str) -> None:
        super().__init__(folder, version)
        origin = Origin("state.yaml", "renames", KLAUS)
        renames = (Rename(Address(KLAUS), Address(NEW), date(2026, 11, 22), origin, "Extern"),)
        removal = Removal(Address(BERND), date(2026, 1, 1), "left", origin, GroupwareAccount.DELETE)
        klaus = box(NEW, given_name="Klaus", surname="Neu", name="Klaus Neu")
        self.states = [
            self.states[0],
            replace(declared(box(), klaus), renames=renames, removals=(removal,)),
        ]

    def _install(self) -> None:
        super()._install()
        control.set_switches(self.folder, USERNAME_CHANGEABLE=True)

    async def drift(self) -> None:
        # a hand-made rename back, and the second user that PostfixAdmin's hook makes
        names = {"Given_name": "Klaus", "Sur_name": "Neu", "Display_name": "Klaus Neu"}
        self.by_hand("klaus.neu", Name="klaus", PrimaryEmail=KLAUS, Email1=KLAUS, Display_name="Klaus Extern")
        import_users(self.folder, [{"Name": "klaus.neu", "PrimaryEmail": NEW, "Password": "x", **names}])


@pytest.fixture(params=WAYS)
def renaming_world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StandIn]:
    yield from _made(Renaming, request.param, tmp_path, monkeypatch)


class TestRenamesAndRemovals(Contract):
    """The contract with steps that rename and delete."""

    @pytest.fixture
    def world(self, renaming_world: StandIn) -> StandIn:
        return renaming_world


class TestOpenXchangeContract(Contract):
    """drift → converge → empty plan; twice; is_applied; races; crashes."""
