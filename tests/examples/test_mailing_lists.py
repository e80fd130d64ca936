"""The example of a kind of declared thing: its own files, one line in each of two lists, one section of the site file;
from YAML through the command to the live files, with a ledger."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState
from reconciler.model.source_places import Origin
from reconciler.planning.changes import Change
from reconciler.planning.ports import System
from reconciler.remote.host import Host
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.local_host import LocalHost
from reconciler.systems.system_context import NoFence
from tests.cli.conftest import Command
from tests.cli.site import DOMAIN, Site
from tests.examples.adding import add
from tests.examples.mailing_lists.system import ListFiles, ListManager
from tests.examples.mailing_lists.value import MailingList
from tests.systems import contract

ROOT = Path(__file__).parents[2]
EXAMPLE = "tests.examples.mailing_lists"
TEAM, BOARD = f"team@{DOMAIN}", f"board@{DOMAIN}"
BOXES = "mailboxes: {anna: {groupware: false}}\n"


@pytest.fixture(autouse=True)
def _added(monkeypatch: pytest.MonkeyPatch) -> None:
    sections = [f"{EXAMPLE}.mailing_lists"]
    add(monkeypatch, key="list_manager", section=ListManager, systems=[EXAMPLE], sections=sections)


class Lists(contract.World):
    """A folder with a file for each list."""

    states: Sequence[DesiredState]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        anna, bernd = Address(f"anna@{DOMAIN}"), Address(f"bernd@{DOMAIN}")
        self.states = [self._declared(team=(anna,)), self._declared(team=(anna, bernd), board=(bernd,))]

    @staticmethod
    def _declared(**lists: tuple[Address, ...]) -> DesiredState:
        addresses = {name: Address(f"{name}@{DOMAIN}") for name in lists}
        made = [MailingList(addresses[n], m[0], m, Origin("a.yaml", "mailing_lists", n)) for n, m in lists.items()]
        return DesiredState(date(2026, 11, 24), others={"mailing_lists": {each.address: each for each in made}})

    def system(self) -> System:
        return ListFiles(ListManager(directory=str(self.folder)), SiteHosts({}).get(None), NoFence())

    async def drift(self) -> None:
        (self.folder / TEAM).write_text("owner: eve@mail.example\neve@mail.example\n")

    async def lose_race(self, change: Change) -> None:
        (self.folder / change.key).write_text("owner: klaus@mail.example\nklaus@mail.example\n")

    async def dump(self) -> object:
        return {file.name: file.read_text() for file in self.folder.iterdir()}

    async def reset(self) -> None:
        for file in self.folder.iterdir():
            file.unlink()


class TestListFiles(contract.Contract):
    """drift, convergence, repetition, races and crashes."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> contract.World:
        return Lists(tmp_path / "lists")


class ListSite(Site):
    """A site with this system alone."""

    def lists(self, *entries: str) -> None:
        """Declares these lists."""
        section = "".join(f"  {entry}\n" for entry in entries)
        text = f"domain: {DOMAIN}\n{BOXES}" + (f"mailing_lists:\n{section}" if entries else "")
        (self.folder / "state" / "state.yaml").write_text(text)

    def live(self) -> dict[str, str]:
        """What the list manager would read."""
        return {file.name: file.read_text() for file in (self.folder / "lists").iterdir()}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> ListSite:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lists").mkdir()
    made = ListSite(
        tmp_path,
        register=None,
        letters=None,
        ledger={"url": "sqlite:///ledger.sqlite"},
        list_manager={"directory": str(tmp_path / "lists")},
    )
    assert command("ledger", "init").status == 0
    return made


TEAM_OF_TWO = "team: {owner: anna, members: [anna, klaus@extern.example]}"
IN_FILE = f"owner: anna@{DOMAIN}\nanna@{DOMAIN}\nklaus@extern.example\n"


def test_from_yaml_to_the_files_and_back(site: ListSite, command: Command) -> None:
    """Planned, applied, nothing left; changed; taken out, with the commit's place in the reason; nothing left."""
    site.lists(TEAM_OF_TWO, "board: {owner: anna, members: [anna]}")
    planned = command("plan")
    assert planned.status == 4
    assert f"mailing list of anna@{DOMAIN} with anna@{DOMAIN}, klaus@extern.example" in planned.words
    assert "2 mailing lists" in planned.words
    assert {t["id"] for t in command("plan", "--format", "json").json["transitions"]} == {
        f"list:{TEAM}",
        f"list:{BOARD}",
    }
    assert command("apply", "--yes").status == 0
    assert site.live() == {TEAM: IN_FILE, BOARD: f"owner: anna@{DOMAIN}\nanna@{DOMAIN}\n"}
    assert command("plan").status == 0
    assert "2 mailing lists" in command("validate").words
    assert f"mailing list of anna@{DOMAIN}" in command("show", TEAM).words

    site.lists("team: {owner: anna, members: [anna]}")
    planned = command("plan")
    assert "1 change · 1 removal" in planned.words
    assert "mailing list removed: no longer declared" in planned.words
    assert command("apply", "--yes").status == 0
    assert site.live() == {TEAM: f"owner: anna@{DOMAIN}\nanna@{DOMAIN}\n"}
    assert command("plan").status == 0
    assert BOARD in command("history", "2").words


def test_what_others_made_or_changed_stays(site: ListSite, command: Command) -> None:
    theirs, file = f"owner: eve@{DOMAIN}\neve@{DOMAIN}\n", site.folder / "lists" / TEAM
    (site.folder / "lists" / BOARD).write_text(theirs)
    site.lists(TEAM_OF_TWO)
    assert "1 unmanaged mailing list" in command("apply", "--yes").words
    file.write_text(theirs)
    site.lists()
    answer = command("plan")
    assert (answer.status, site.live()) == (0, {TEAM: theirs, BOARD: theirs})
    assert "2 unmanaged mailing lists" in command("drift", "--strict").words
    file.write_text(IN_FILE)  # as we left it: ours again
    assert command("apply", "--yes").status == 0
    assert site.live() == {BOARD: theirs}


@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_dies_around_the_effect_is_finished_by_the_next(
    site: ListSite,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    after: bool,
) -> None:
    """Before the file is there, or after it and before the ledger knows: the next run ends as an undisturbed one, and
    the list is ours."""
    replace = LocalHost.replace

    async def die(self: Host, path: str, content: bytes, mode: int = 0o644) -> None:
        if after:
            await replace(self, path, content, mode)
        raise SystemExit(137)

    site.lists(TEAM_OF_TWO)
    with monkeypatch.context() as dying:
        dying.setattr(LocalHost, "replace", die)
        assert command("apply", "--yes").status == 137
    assert site.live() == ({TEAM: IN_FILE} if after else {})
    assert command("plan").status == (0 if after else 4)
    assert command("apply", "--yes").status == 0
    assert site.live() == {TEAM: IN_FILE}
    assert command("plan").status == 0
    site.lists()
    assert command("apply", "--yes").status == 0
    assert site.live() == {}


def test_what_is_wrong_is_said_with_its_place(site: ListSite, command: Command) -> None:
    site.lists("anna: {owner: klaus, members: [nobody@]}", "team: {member: [anna]}", f"{TEAM.upper()}: {{owner: anna}}")
    answer = command("validate")
    assert answer.status == 3
    assert f"state.yaml:4:3: error: anna@{DOMAIN} is a mailing list and a mailbox or an alias" in answer.words
    assert f"klaus@{DOMAIN} is to answer for anna@{DOMAIN}, and no mailbox is declared there" in answer.words
    assert "`member` is not known here" in answer.words
    site.lists(TEAM_OF_TWO, TEAM_OF_TWO.replace("team", TEAM))
    assert f"the mailing list {TEAM} is declared twice" in command("validate").words


def test_a_saved_plan_is_bound_to_the_entry(site: ListSite, command: Command) -> None:
    site.lists(TEAM_OF_TWO)
    assert command("plan", "--out", "plan.json").status == 4
    site.lists("team: {owner: anna, members: [anna]}")
    answer = command("apply", "plan.json", "--yes")
    assert (answer.status, site.live()) == (6, {})
    site.lists(TEAM_OF_TWO)
    assert command("apply", "plan.json", "--yes").status == 0


def test_the_schemas_have_it(command: Command) -> None:
    assert "mailing_lists" in command("schema", "state").json["properties"]
    scope = command("schema", "plan").json["$defs"]["TransitionPart"]["properties"]["scope"]
    assert scope["enum"][-1] == "list"


def test_the_docs_name_every_file_of_it() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("## How to add a kind of declared thing\n")[2].partition("\n## ")[0]
    files = {
        f"tests/examples/mailing_lists/{file.name}"
        for file in (Path(__file__).parent / "mailing_lists").glob("[a-z]*.py")
    }
    assert set(re.findall(r"tests/examples/mailing_lists/\w+\.py", section)) == files
