"""A state whose entries are read when somebody asks for one (`declared.lazy`) is the state."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from reconciler.declared.cache.entries import Cache
from reconciler.declared.problems import Problems
from reconciler.declared.read.source import Source
from reconciler.declared.read.text import read_content
from reconciler.declared.section import Batch
from reconciler.errors import InvalidInput, UsageError
from reconciler.model.addresses import Address
from reconciler.model.declared import member_numbers
from tests.declared.samples import BOX, load, site
from tests.declared.test_cache import AWKWARD, CONFIRM, World, same, world

__all__ = ["world"]
PERSON = "domain: p.example\nmailboxes:\n  pia: {groupware: false, member: 7}\n"
REMARK = f"mailboxes:\n  c@x.example: {BOX}\naliases:\n  d@x.example:\n    - c@x.example #1\n"


@pytest.fixture
def known(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """It was read as a whole; which files are read again is noted."""
    load(world.state, {**CONFIRM, "pia.yaml": PERSON, "remark.yaml": REMARK})
    world.load()
    get = Cache.get

    def noted(self: Cache, file: str, entry: str) -> Sequence[Batch] | None:
        world.read.append(file)
        return get(self, file, entry)

    monkeypatch.setattr(Cache, "get", noted)
    return world


def test_nothing_is_read_before_it_is_asked_for(known: World) -> None:
    state = known.load(lazily=True).state
    eager = {"others.yaml", "confirm.yaml", "remark.yaml"}
    assert set(known.read) == eager, "those with lists, and those that are not kept"
    assert len(state.mailboxes) == 8
    assert {"a@x.example", "c@x.example"} < set(state.mailboxes)
    assert dict(member_numbers(state.mailboxes))["7"] == "pia@p.example"
    assert "p.example" in state.domains
    assert set(known.read) == eager
    assert state.mailboxes[Address("a@x.example")].groupware is False
    assert state.mailboxes.get(Address("nobody@x.example")) is None
    assert set(known.read) == eager | {"anchors.yaml"}


def test_it_is_the_same(known: World) -> None:
    plain = known.plain()
    found = known.load(lazily=True)
    assert list(member_numbers(found.state.mailboxes)) == list(member_numbers(plain.state.mailboxes))
    assert found.state.domains == plain.state.domains
    same(found, plain)


def test_what_was_not_read_as_a_whole_is_read(known: World) -> None:
    other = site(policy={"retention_days": 3})
    same(known.load(other, lazily=True), known.plain(other))
    assert len(set(known.read)) == len(AWKWARD) + 3
    (known.state / "z.yaml").write_text("aliases:\n  a@x.example: b@x.example\n")
    with pytest.raises(InvalidInput, match="1 problem"):
        known.load(lazily=True)


def test_an_entry_that_is_gone_is_read_from_the_file(known: World) -> None:
    plain = known.plain()
    found = known.load(lazily=True)
    known.entry_of("people.yaml").unlink()
    known.entry_of("anchors.yaml").write_bytes(b"damaged")
    same(found, plain)


def test_a_file_that_changed_meanwhile_is_said(known: World) -> None:
    found = known.load(lazily=True)
    (known.state / "anchors.yaml").write_text("mailboxes: {}\n")
    with pytest.raises(UsageError, match="changed while the state was read"):
        found.state.mailboxes[Address("a@x.example")]
    known.load(lazily=True)


def test_a_file_that_changes_between_two_looks_is_said(known: World, monkeypatch: pytest.MonkeyPatch) -> None:

    def later(source: Source, problems: Problems, new: bytes | None) -> bytes | None:
        source.path.write_text("confirm: []\n")
        return read_content(source, problems, new)

    monkeypatch.setattr("reconciler.declared.values.read_content", later)
    with pytest.raises(UsageError, match="changed while the state was read"):
        known.load(lazily=True)


def test_keys_in_two_files_are_read_as_usual(known: World) -> None:
    """Of two blocks with one key one has expired, which is a note and no error."""
    for name, until in (("b1.yaml", "2026-01-01"), ("b2.yaml", "2027-01-01")):
        text = f"sender_blocks:\n  - {{sender: s@x.test, reason: r, expires: {until}}}\n"
        (known.state / name).write_text(text)
    plain = known.plain()
    same(known.load(), plain)
    same(known.load(lazily=True), plain)
    assert any("ended on" in finding.message for finding in plain.findings)
