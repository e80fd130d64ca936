"""What files were read as is kept (`declared.cache`): a load with it is the load without it, whatever lies there."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reconciler.declared import load as load_module
from reconciler.declared.cache import folder as cache_folder
from reconciler.declared.cache.entries import Cache
from reconciler.declared.cache.folder import Folder, Unsafe
from reconciler.declared.fields.state_file import SiteFacts
from reconciler.declared.load import Declaration, load_state
from reconciler.declared.parse import documents
from reconciler.declared.parse.fast import read_fast
from reconciler.declared.section import SECTIONS
from reconciler.errors import InvalidInput
from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState
from reconciler.planning.finding import Finding
from reconciler.settings import Settings
from reconciler.translation import _Spoken, speak
from tests.declared.samples import BOX, TODAY, load, site

NOBODY = 54321
AWKWARD = {
    "people.yaml": """domain: Bücher.example
mailboxes:
  Anna.Beispiel: {given_name: Zoë, surname: "Bei'spiel\\u00df", member: '00042', quota: 10240 MB, \
password_reset: 2026-11-20}
  bernd:
    given_name: Bernd
    surname: Muster
    name: 李 "B" \\ Muster
    member: 10077
    quota: unlimited
    active: false
    groupware: {username: b.muster}
    subscriptions_reset: 2026-11-21
  technik: {groupware: false}
  info: {groupware: false, given_name: I}
aliases:
  '*': [anna.beispiel, klaus@extern.example]
  vorstand: {goto: [BERND@BÜCHER.example, nobody], active: false}
""",
    "others.yaml": """renames:
  - {from: alt@bücher.example, to: anna.beispiel@bücher.example, date: 2026-11-22, former_surname: Alt,
     ticket: RT 1, old_mailbox: move, rewrite_references: true}
  - {from: alt@mail.example, to: bernd@bücher.example, date: 2026-11-23}
removals:
  - {mailbox: weg@mail.example, date: 2026-11-01, reason: left, groupware_account: delete}
sender_blocks:
  - {sender: Spam@Example.net, reason: 'phishing: "wave"', added: 2026-11-22, expires: 2027-02-22}
  - {domain: böse.example, reason: spam, expires: 2026-11-01}
domains:
  mail.example: {max_mailboxes: 0, max_aliases: unlimited, max_quota: 10240 MB, backup_mx: false}
  plain.example:
alias_domains:
  other.example: mail.example
  off.example: {target: mail.example, active: false}
""",
    "anchors.yaml": "mailboxes:\n  a@x.example: &box {groupware: false}\n  b@x.example: *box\n",
    "windows.yaml": "\ufeffdomain: w.example\r\naliases:\r\n  w: [a@x.example]\r\n",
    "empty.yaml": "",
    "list.yaml": "mailboxes:\n",
}
CONFIRM = {"confirm.yaml": "confirm:\n  - {gate: removals, subject: example, until: 2026-12-01, reason: r}\n"}
READER = b"this program"


class World:
    """A state folder beside a cache, and which texts the last load parsed."""

    def __init__(self, folder: Path, parsed: list[str]) -> None:
        self.state, self.cache, self.parsed = folder / "state", folder / "cache", parsed
        self.read: list[str] = []
        load(self.state, AWKWARD)

    def load(
        self, settings: Settings | None = None, reader: bytes = READER, *, lazily: bool = False, today: date = TODAY
    ) -> Declaration:
        """With the cache."""
        self.parsed.clear()
        folder = Folder(self.cache)
        found = load_state(self.state, settings or site(), today=today, cache=Cache(folder, reader), lazily=lazily)
        self.unsafe = folder.unsafe
        return found

    def plain(self, settings: Settings | None = None, *, today: date = TODAY) -> Declaration:
        """Without it."""
        before = list(self.parsed)
        found = load_state(self.state, settings or site(), today=today)
        self.parsed[:] = before
        return found

    @property
    def entries(self) -> list[Path]:
        return sorted(self.cache.iterdir())

    def entry_of(self, name: str) -> Path:
        """The entry of a file of AWKWARD."""
        return self.cache / Cache(None, READER).entry(Cache.digest(AWKWARD[name].encode()), SiteFacts.of(site()))

    def lie(self) -> Path:
        """An entry as ours are, for a file whose content it is not."""
        said = self.entry_of("windows.yaml")
        cache = Cache(Folder(self.cache), READER)
        values = cache.get("list.yaml", self.entry_of("list.yaml").name)
        assert values is not None
        cache.put("windows.yaml", said.name, values)
        return said


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    parsed: list[str] = []

    def read_one(text: str) -> object:
        parsed.append(text)
        return read_fast(text)

    monkeypatch.setattr(documents, "read_fast", read_one)
    return World(tmp_path, parsed)


def complete(found: Declaration) -> Declaration:
    """With every entry read."""
    sections = {name: found.state.section(name) for name in SECTIONS}
    whole = {name: dict(table) if isinstance(table, Mapping) else table for name, table in sections.items()}
    fields: dict[str, Any] = {name: whole.pop(name) for name in list(whole) if name in DesiredState.__slots__}
    return found._replace(state=DesiredState(found.state.today, **fields, others=whole))


def same(one: Declaration, other: Declaration) -> None:
    """Values, their types, their order, what is said and where all of it stands."""
    assert repr(complete(one).state) == repr(complete(other).state)
    assert (one.findings, one.files) == (other.findings, other.files)
    for name in SECTIONS:
        table = one.state.section(name)
        for value in table.values() if hasattr(table, "values") else table:
            assert one.locate(value.origin) == other.locate(value.origin)


def test_what_was_kept_is_what_would_be_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    load(world.state, CONFIRM)
    plain = world.plain()
    same(world.load(), plain)
    assert len(world.parsed) == len(AWKWARD) + 1
    assert len(world.entries) == len(AWKWARD) + 1, "files, and what was said of all together"
    monkeypatch.setattr(load_module, "check", None)
    same(world.load(), plain)
    assert world.parsed == [*CONFIRM.values()], "what the day decides is not kept"
    assert {"note", "warning"} <= {finding.severity for finding in plain.findings}
    for section in SECTIONS.values():
        assert len(plain.state.section(section.name)) > 0, "the sample has all"


def test_what_counts_is_content_site_and_program(world: World) -> None:
    world.load()
    groupware = site(openxchange=None)
    (world.state / "people.yaml").write_text("domain: b.example\nmailboxes:\n  info: {active: false}\n")
    (world.state / "others.yaml").unlink()
    same(world.load(groupware), world.plain(groupware))
    assert len(world.parsed) == len(AWKWARD) - 1
    same(world.load(groupware), world.plain(groupware))
    assert world.parsed == []
    vacation = site(openxchange=None, postfixadmin={"url": "sqlite:///x.db", "vacation_domain": "x.example"})
    with pytest.raises(InvalidInput, match="problem"):
        world.load(vacation)
    assert len(world.parsed) == len(AWKWARD) - 1
    world.load(groupware, reader=b"another program")
    assert len(world.parsed) == len(AWKWARD) - 1
    (world.state / "windows.yaml").rename(world.state / "aa.yaml")
    same(world.load(groupware), world.plain(groupware))
    assert world.parsed == [], "a name is no content"


def test_what_is_said_is_of_the_day_the_language_and_the_policy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of which entries do not depend."""
    said = {world.load().findings}
    day, strict = date(2027, 3, 1), site(policy={"local_part": "^x$"})
    world.parsed.clear()
    for lazily in (False, True):
        assert world.load(today=day, lazily=lazily).findings == world.plain(today=day).findings
        assert world.load(strict, lazily=lazily).findings == world.plain(strict).findings
    said |= {world.plain(today=day).findings, world.plain(strict).findings}
    monkeypatch.setattr(_Spoken, "language", "en")  # again afterwards
    monkeypatch.setattr(_Spoken, "catalogue", _Spoken.catalogue)
    speak("de")
    assert world.load(lazily=True).findings == world.plain().findings
    assert len(said | {world.plain().findings}) == 4
    assert world.parsed == [], "entries are the same"


def test_about_which_something_is_said_is_read_each_time(world: World) -> None:
    world.load()
    number = len(world.entries)
    remarkable = {
        "comment.yaml": f"mailboxes:\n  c@x.example: {BOX}\naliases:\n  d@x.example:\n    - c@x.example #1\n",
        "wrong.yaml": "mailboxes:\n  d@x.example: {quta: 1}\n",
    }
    for name, content in remarkable.items():
        (world.state / name).write_text(content, encoding="utf-8")
    for _ in range(2):
        with pytest.raises(InvalidInput) as refused:
            world.load()
        assert world.parsed == [*remarkable.values()]
        with pytest.raises(InvalidInput) as plain:
            load_state(world.state, site(), today=TODAY)
        assert refused.value.findings == plain.value.findings
    assert len(world.entries) == number
    (world.state / "wrong.yaml").unlink()
    for _ in range(2):
        same(world.load(), world.plain())
        assert world.parsed == [remarkable["comment.yaml"]]


def test_what_entries_say_about_each_other_is_checked_and_shown_in_its_place(world: World) -> None:
    world.load()
    (world.state / "z.yaml").write_text(
        "# a line\n\naliases:\n  info@bücher.example: [a@x.example]\n", encoding="utf-8"
    )
    with pytest.raises(InvalidInput) as refused:
        world.load()
    with pytest.raises(InvalidInput) as plain:
        world.plain()
    assert refused.value.findings == plain.value.findings
    (found,) = refused.value.findings
    assert isinstance(found, Finding)
    assert found.place is not None
    assert (found.place.line, found.place.column) == (4, 3)
    assert "people.yaml:14:3" in found.message
    (world.state / "z.yaml").unlink()
    known = world.load()
    technik = known.state.mailboxes[Address("technik@xn--bcher-kva.example")]
    text = AWKWARD["people.yaml"].replace("mailboxes:", "\n\nmailboxes:")
    (world.state / "people.yaml").write_text(text, encoding="utf-8")
    assert known.locate(technik.origin).line == 1, "where it stood cannot be known any more"


def test_a_damaged_entry_is_none_and_is_made_good(world: World) -> None:
    plain = world.plain()
    world.load()
    people, other = world.entry_of("people.yaml"), world.entry_of("others.yaml")
    whole = people.read_bytes()
    flipped = (whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, len(whole), 97))
    for content in (b"", whole[:20], whole[:-1], whole + b" ", other.read_bytes(), *flipped):
        people.write_bytes(content)
        found = world.load()
        assert world.parsed == [AWKWARD["people.yaml"]]
        assert repr(found.state) == repr(plain.state)
        assert people.read_bytes() == whole


@pytest.mark.parametrize("way", ["mode", "owner", "link", "pipe", "folder"])
def test_what_others_may_have_written_is_not_read(world: World, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = world.plain()
    world.load()
    lie = world.lie()
    assert repr(world.load().state) != repr(plain.state), "who may write there is believed, so this test can fail"
    match way:
        case "mode":
            lie.chmod(0o620)
        case "owner":
            opened = Folder(world.cache)
            monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
            assert (opened.read(lie.name), opened.unsafe) == (None, 1)
            with pytest.raises(Unsafe, match="another user"):
                Folder(world.cache)
            return
        case "link":
            lie.rename(world.cache / "elsewhere")
            lie.symlink_to("elsewhere")
        case "pipe":
            lie.unlink()
            os.mkfifo(lie)
        case "folder":
            lie.unlink()
            lie.mkdir()
    assert repr(world.load().state) == repr(plain.state)
    assert world.unsafe == (way in ("mode", "pipe"))


def test_a_folder_that_others_may_write_is_not_opened(world: World) -> None:
    world.load()
    for mode in (0o770, 0o702):
        world.cache.chmod(mode)
        with pytest.raises(Unsafe, match="others may write there"):
            Folder(world.cache)


@contextmanager
def full_disk() -> Iterator[None]:
    """A process that may write no file of more than 100 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_cannot_be_kept_is_read(world: World) -> None:
    """A full disk, and a folder that was removed meanwhile."""
    with full_disk():
        same(world.load(), world.plain())
    assert world.entries == []
    folder = Folder(world.cache)
    shutil.rmtree(world.cache)
    found = load_state(world.state, site(), today=TODAY, cache=Cache(folder, READER))
    same(found, world.plain())
    assert not world.cache.exists()


def test_a_folder_that_is_read_only_is_read(world: World) -> None:
    world.load()
    people = world.entry_of("people.yaml")
    people.unlink()
    with tempfile.TemporaryDirectory() as elsewhere:  # whose parents everybody may enter
        copy = World.__new__(World)
        copy.state, copy.cache, copy.parsed = Path(elsewhere, "state"), Path(elsewhere, "cache"), world.parsed
        for path in (world.state, world.cache):
            shutil.copytree(path, Path(elsewhere, path.name))
        copy.cache.chmod(0o500)
        user = os.geteuid()
        if user == 0:  # whom no mode stops
            for path in (Path(elsewhere), *Path(elsewhere).rglob("*")):
                os.chown(path, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            same(copy.load(), world.plain()) if user != 0 else copy.load()
        finally:
            os.seteuid(user)
        assert copy.parsed == [AWKWARD["people.yaml"]]
        assert not (copy.cache / people.name).exists()


def test_what_nobody_asks_for_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.load()
    people, others = world.entry_of("people.yaml"), world.entry_of("others.yaml")
    begun, dead, foreign = (world.cache / name for name in (f"{'0' * 64}.{'1' * 16}", f"{'2' * 64}.{'3' * 16}", "mine"))
    for path in (begun, dead, foreign):
        path.write_bytes(b"x")
    for path, days in ((people, 29), (others, 31), (dead, 2), (foreign, 99)):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - days * 86_400))
    (world.state / "others.yaml").unlink()
    (world.state / "new.yaml").write_text("mailboxes: {}\n")
    world.load()
    left = {entry.name for entry in world.entries}
    assert {others.name, dead.name}.isdisjoint(left)
    assert {people.name, begun.name, "mine"} <= left
    assert people.stat().st_mtime > foreign.stat().st_mtime + 90 * 86_400, "it was asked for today"
    monkeypatch.setattr(cache_folder, "MOST_BYTES", 300)
    (world.state / "new.yaml").write_text("aliases: {}\n")
    world.load()
    assert sum(entry.stat().st_size for entry in world.entries if len(entry.name) == 64) <= 300
