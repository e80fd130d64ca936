"""The example of a fourth system: one folder, one line in the registry, one section; run as every system is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from reconciler.apply.engine import carry_out
from reconciler.declared.load import load_state
from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, Mailbox
from reconciler.model.secrets import Passwords
from reconciler.model.source_places import Origin
from reconciler.planning.changes import Change, Result
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import System
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.outbox import OutboxMailer
from reconciler.report.text import plan_text
from reconciler.systems import registry
from reconciler.systems.system_context import SystemContext
from reconciler.workflow import Sources, draft
from tests.apply.test_engine import Pages
from tests.examples.dovecot_acl.system import SiteWithAcl
from tests.systems import contract
from tests.workflow.cases import nothing

ROOT = Path(__file__).parents[2]
EXAMPLE = "tests.examples.dovecot_acl"
ANNA, BERND = "anna@mail.example", "bernd@mail.example"


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line."""
    monkeypatch.setattr(registry, "SYSTEMS", [*registry.SYSTEMS, EXAMPLE])


def site(folder: Path) -> SiteWithAcl:
    """A site with this system alone: the one section."""
    acl = {"directory": str(folder / "acl"), "reader": "postmaster@mail.example"}
    return SiteWithAcl.model_validate({"site": "nrw", "folder": folder, "dovecot_acl": acl})


def systems(folder: Path) -> list[System]:
    return registry.build_systems(
        SystemContext(site(folder), SiteHosts({}), OutboxMailer(folder / "outbox"), Passwords())
    )


def declared(*addresses: str, active: bool = True) -> DesiredState:
    boxes = (Mailbox(Address(a), Origin("a.yaml", "mailboxes", a), groupware=False, active=active) for a in addresses)
    return DesiredState(date(2026, 11, 24), {box.address: box for box in boxes})


class AclWorld:
    """A folder of ACL files."""

    states: Sequence[DesiredState] = (declared(ANNA), declared(ANNA, BERND, active=False), declared(ANNA, BERND))

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "acl").mkdir()

    def system(self) -> System:
        (system,) = systems(self.folder)
        return system

    async def drift(self) -> None:
        (self.folder / "acl" / ANNA).write_text("* user=eve@mail.example lrwstipekxa\n")

    async def lose_race(self, change: Change) -> None:
        (self.folder / "acl" / change.key).write_text("* user=klaus@mail.example lr\n")

    async def dump(self) -> object:
        return {file.name: file.read_text() for file in sorted((self.folder / "acl").iterdir())}

    async def reset(self) -> None:
        for file in (self.folder / "acl").iterdir():
            file.unlink()


class TestAclFiles(contract.Contract):
    """drift, convergence, repetition, races and crashes."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> contract.World:
        return AclWorld(tmp_path)


async def test_the_pipeline_plans_and_carries_it_out(tmp_path: Path) -> None:
    """From a state file to the file on the host, and a second plan is empty; reports name the kind by its noun."""
    (tmp_path / "acl").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "a.yaml").write_text(f"mailboxes:\n  {ANNA}: {{groupware: false}}\n")
    settings = site(tmp_path)
    declaration = load_state(tmp_path / "state", settings, today=date(2026, 11, 24))
    now = datetime(2026, 11, 24, 10, 58, tzinfo=UTC)
    sources = Sources(settings, declaration, PlanContext.of(declaration.state), systems(tmp_path), lambda: now, nothing)
    drafted = await draft(sources)
    assert "dovecot_acl" in plan_text(drafted.plan, width=100, verbose=True, color=False)
    run = await carry_out(
        drafted.plan,
        sources.systems,
        Pages(),
        context=drafted.context,
        clock=sources.clock,
        progress=lambda *_: None,
        stop=asyncio.Event(),
    )
    assert [t.result for t in run.transitions] == [Result.DONE]
    assert (tmp_path / "acl" / ANNA).read_text() == "* user=postmaster@mail.example lr\n"
    again = (await draft(sources)).plan
    assert (again.transitions, dict(again.counts.in_place)) == ((), {"dovecot_acl": 1})


def test_the_files_that_the_docs_name_for_both_are_there() -> None:
    """The lists of what a system and a declared thing touch are true to the file."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for heading in ("How to add a system", "How to add a kind of declared thing"):
        section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
        named = re.findall(r"`((?:tests|[a-z]+)/[\w/]+\.py)`", section)
        assert len(named) >= 4, heading
        missing = [name for name in named if not (ROOT / name).exists() and not (ROOT / "reconciler" / name).exists()]
        assert [name for name in missing if "mailman" not in name] == []


def test_it_is_as_small_as_the_docs_say() -> None:
    lines = sum(len(file.read_text().splitlines()) for file in (Path(__file__).parent / "dovecot_acl").glob("*.py"))
    said = re.search(r"about (\d+)\s+lines", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    assert said is not None
    assert lines <= int(said[1])
