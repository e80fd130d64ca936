"""The example of a fourth system: one folder, one line in the registry, one section; run as every system is, and
through the command, with a ledger."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, Mailbox
from reconciler.model.source_places import Origin
from reconciler.planning.changes import Change
from reconciler.planning.ports import System
from reconciler.remote.hosts import SiteHosts
from reconciler.systems.system_context import NoFence
from tests.cli.conftest import Command
from tests.cli.site import DOMAIN, Site
from tests.examples.adding import add
from tests.examples.dovecot_acl.system import AclFiles, DovecotAcl
from tests.systems import contract

ROOT = Path(__file__).parents[2]
READER = f"postmaster@{DOMAIN}"
ANNA, BERND = f"anna@{DOMAIN}", f"bernd@{DOMAIN}"


@pytest.fixture(autouse=True)
def _added(monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, key="dovecot_acl", section=DovecotAcl, systems=["tests.examples.dovecot_acl"])


def declared(*addresses: str, active: bool = True) -> DesiredState:
    boxes = (Mailbox(Address(a), Origin("a.yaml", "mailboxes", a), groupware=False, active=active) for a in addresses)
    return DesiredState(date(2026, 11, 24), {box.address: box for box in boxes})


class AclWorld:
    """A folder of ACL files."""

    states: Sequence[DesiredState] = (declared(ANNA), declared(ANNA, BERND, active=False), declared(ANNA, BERND))

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def system(self) -> System:
        section = DovecotAcl(directory=str(self.folder), reader=READER)
        return AclFiles(section, SiteHosts({}).get(None), NoFence())

    async def drift(self) -> None:
        (self.folder / ANNA).write_text("* user=eve@mail.example lrwstipekxa\n")

    async def lose_race(self, change: Change) -> None:
        (self.folder / change.key).write_text("* user=klaus@mail.example lr\n")

    async def dump(self) -> object:
        return {file.name: file.read_text() for file in sorted(self.folder.iterdir())}

    async def reset(self) -> None:
        for file in self.folder.iterdir():
            file.unlink()


class TestAclFiles(contract.Contract):
    """drift, convergence, repetition, races and crashes."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> contract.World:
        return AclWorld(tmp_path / "acl")


def test_the_command_plans_and_carries_it_out(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a state file to the file on the host, and a second plan is empty; reports name the kind by its noun. What an
    account had is left when nobody declares it any more, and counted."""
    monkeypatch.chdir(tmp_path)
    acl = tmp_path / "acl"
    acl.mkdir()
    section = {"directory": str(acl), "reader": READER}
    site = Site(tmp_path, register=None, letters=None, ledger={"url": "sqlite:///ledger.sqlite"}, dovecot_acl=section)
    site.declare("anna: {groupware: false}", "bernd: {groupware: false, active: false}")
    assert command("ledger", "init").status == 0
    planned = command("plan", "--verbose")
    assert planned.status == 4
    assert "ACL file" in planned.words
    assert command("apply", "--yes").status == 0
    rights = {ANNA: f"* user={READER} lr\n", BERND: f"* user={READER} lrwstipekxa\n"}
    assert {file.name: file.read_text() for file in acl.iterdir()} == rights
    assert command("plan").status == 0
    assert ANNA in command("history", "1").words
    site.declare("anna: {groupware: false}")
    left = command("drift", "--strict")
    assert "1 undeclared object" in left.words
    assert {file.name: file.read_text() for file in acl.iterdir()} == rights


def test_the_files_that_the_docs_name_for_both_are_there() -> None:
    """The lists of what a system and a declared thing touch are true to the file."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for heading in ("How to add a system", "How to add a kind of declared thing"):
        section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
        named = re.findall(r"`((?:tests|[a-z]+)/[\w/]+\.py)`", section)
        assert len(named) >= 4, heading
        assert [name for name in named if not any((root / name).exists() for root in (ROOT, ROOT / "reconciler"))] == []


@pytest.mark.parametrize("example", ["dovecot_acl", "mailing_lists"])
def test_it_is_as_small_as_the_docs_say(example: str) -> None:
    lines = sum(len(file.read_text().splitlines()) for file in (Path(__file__).parent / example).glob("*.py"))
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    said = re.search(rf"`tests/examples/{example}/`,\s+about\s+(\d+)\s+lines", page)
    assert said is not None
    assert lines <= int(said[1])


@pytest.mark.parametrize("example", ["dovecot_acl", "mailing_lists"])
def test_it_touches_its_own_files_and_the_lists_alone(example: str) -> None:
    """No file of the product knows of it: what `adding.add` changes is all."""
    names = example.replace("_", "[ _-]?")
    product = (ROOT / "reconciler").rglob("*.py")
    assert [file.name for file in product if re.search(names, file.read_text(encoding="utf-8"), re.IGNORECASE)] == []
