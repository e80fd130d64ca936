"""A state of which only the files are read that somebody asks for (`declared.lazy`) is the state, where it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.declared import lazy
from reconciler.declared.cache.entries import Cache
from reconciler.declared.lazy import Unsound
from reconciler.declared.load import Declaration, load_state
from reconciler.errors import InvalidInput
from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, declared_among, leading, member_numbers, near, with_login
from tests.declared.samples import BOX, TODAY, load, site
from tests.declared.test_cache import AWKWARD, CONFIRM, World, same, world

__all__ = ["world"]
SITE = site(openxchange={"unique_display_names": False})
ANNA = Address("anna@x.example")
OTHERS = {f"other{number}.yaml": f"mailboxes:\n  other{number}@y.example: {BOX}\n" for number in range(9)}
"""So many that reading the rest is worth less than leaving them."""


@pytest.fixture(autouse=True)
def small_is_big(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy, "BIG", 0)


def lazily(folder: Path, files: Mapping[str, str | bytes], **options: Any) -> Declaration:
    """These files and others, read in part."""
    for name, content in {**OTHERS, **files}.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_state(folder, SITE, today=TODAY, lazily=True, **options)


def test_a_small_state_is_read_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy, "BIG", 100_000)
    assert lazily(tmp_path, {}).unread == 0
    assert isinstance(lazily(tmp_path, {}).state.mailboxes[Address("other1@y.example")].origin.file, str)


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    files = {
        "a.yaml": f"domain: x.example\nmailboxes:\n  anna: {{groupware: false, member: 7}}\n  bernd: {BOX}\n",
        "b.yaml": "domain: x.example\naliases:\n  board: anna\n",
        "odd.yaml": f'mailboxes:\n  "\\x63lara@x.example": {BOX}\n',
        "blocks.yaml": "sender_blocks:\n  - {domain: spam.example, reason: spam}\n",
    }
    found = lazily(tmp_path, files)
    state, files_left = found.state, len(OTHERS) + 2
    assert found.unread == files_left, "but what no search finds"
    assert "spam.example" in state.sender_blocks
    assert bool(state.mailboxes)
    assert Address("nobody@x.example") not in state.mailboxes
    assert Address("clara@x.example") in state.mailboxes
    assert found.unread == files_left
    assert state.mailboxes[ANNA].member == "7"
    assert found.unread == files_left - 1
    assert Address("bernd@x.example") in state.mailboxes
    assert member_numbers(state.mailboxes).get("7") == ANNA
    assert member_numbers(state.mailboxes).get("8") is None
    assert [a.address for a in leading(state.aliases, [ANNA]).values()] == ["board@x.example"]
    assert found.unread == files_left - 2
    assert "extern.example" not in state.domains
    assert "y.example" in state.domains
    assert found.unread == files_left - 3, "one of them is enough"


def test_whatever_is_asked_it_is_the_same(tmp_path: Path) -> None:
    """Each question to a state of which nothing else was read."""
    boxes = "".join(f"  o{n}: {{given_name: A, surname: B, member: {n}}}\n" for n in range(10, 13))
    files = {
        "a.yaml": f"domain: x.example\nmailboxes:\n{boxes}aliases:\n  all: [o10, o11, k@gmail.example]\n",
        "b.yaml": "mailboxes:\n  p@x.example: {given_name: A, surname: B, groupware: {username: q}}\n",
        "c.yaml": "aliases:\n  '*@z.example': p@x.example\n  p+x@y.example: o10+list@x.example\n",
    }
    whole = load(tmp_path, {**OTHERS, **files}, SITE).state
    addresses = ["o10@x.example", "p@x.example", "*@z.example", "p+x@y.example", "other3@y.example", "no@x.example"]
    addresses += ["no'body@x.example", "NOBODY", "", "Anna@x.example", "q@x.example"]
    questions: list[Callable[[DesiredState], Any]] = [
        *(lambda state, a=a: state.mailboxes.get(a) for a in addresses),
        *(lambda state, a=a: a in state.aliases for a in addresses),
        lambda state: declared_among(state, addresses),
        lambda state: declared_among(state, [*addresses, *(f"no{number}@x.example" for number in range(50))]),
        lambda state: [a for a in near(state.mailboxes, (), ["x.example"]) if a.endswith("@x.example")],
        lambda state: [a for a in near(state.aliases, ["p+x@y.example"]) if a == "p+x@y.example"],
        *(lambda state, d=d: d in state.domains for d in ("x.example", "z.example", "gmail.example", "", "a b")),
        *(lambda state, n=n: member_numbers(state.mailboxes).get(n) for n in ("10", "12", "13", "x")),
        lambda state: [a for a, box in with_login(state.mailboxes, "q").items() if box.username == "q"],
        lambda state: [a for a, each in leading(state.aliases, ["o10@x.example"], "+").items() if a[0] == "p"],
        lambda state: list(state.mailboxes),
        lambda state: sorted(state.domains),
        lambda state: len(state.aliases),
        lambda state: dict(member_numbers(state.mailboxes)),
    ]
    for number, question in enumerate(questions):
        assert question(lazily(tmp_path, files).state) == question(whole), number


def test_it_is_the_same_when_all_is_read(tmp_path: Path) -> None:
    files = {**AWKWARD, **CONFIRM}
    plain = load(tmp_path, {**OTHERS, **files}, SITE)
    same(lazily(tmp_path, files), plain)


B = "given_name: B, surname: B"
TWO = {
    "the same mailbox": ("anna@x.example", f"mailboxes:\n  anna@x.example: {BOX}\n"),
    "the same mailbox in capitals": ("anna@x.example", f"domain: X.example\nmailboxes:\n  ANNA: {BOX}\n"),
    "an alias": ("anna@x.example", "domain: x.example\naliases:\n  anna: b@extern.example\n"),
    "the same number": ("anna@x.example", "mailboxes:\n  b@z.example: {groupware: false, member: '7'}\n"),
    "the same login": (
        "anna@x.example",
        "mailboxes:\n  b@z.example: {given_name: B, surname: B, groupware: {username: Anna}}\n",
    ),
    "the same login by its address": ("anna@x.example", f"domain: z.example\nmailboxes:\n  anna: {{{B}}}\n"),
    "a circle": ("board@x.example", "domain: z.example\naliases:\n  all: [a@extern.example, board@x.example]\n"),
    "a removal": ("gone@x.example", "domain: z.example\naliases:\n  all: [a@extern.example, gone@x.example]\n"),
    "a removal, behind its name": ("gone@x.example", "aliases:\n  all@z.example: gone+x@x.example\n"),
    "a number as an alias": ("7@z.example", "aliases:\n  '7@z.example': a@extern.example\n"),
    "a former address": ("former@x.example", f"mailboxes:\n  former@x.example: {BOX}\n"),
    "two in one file": (
        "anna@x.example",
        f"mailboxes:\n  b@z.example: {BOX}\n  B@z.example: {BOX}\n  Anna@x.example: {BOX}\n",
    ),
}


@pytest.mark.parametrize(("asked", "text"), TWO.values(), ids=TWO.keys())
def test_what_contradicts_what_is_asked_for_is_found(asked: str, text: str, tmp_path: Path) -> None:
    """In whatever file it is: as long as nobody asks, it is not."""
    files = {
        "a.yaml": "domain: x.example\nmailboxes:\n  anna: {given_name: A, surname: A, member: 7}\n"
        "aliases:\n  board: all@z.example\n",
        "b.yaml": "removals:\n  - {mailbox: gone@x.example, date: 2026-11-20, reason: left}\n"
        "renames:\n  - {from: former@x.example, to: other1@y.example, date: 2026-11-20}\n",
    }
    assert lazily(tmp_path, files).state.mailboxes.get(ANNA) is not None
    found = lazily(tmp_path, {**files, "z.yaml": text})
    assert found.findings == ()
    with pytest.raises(Unsound):
        _asked(found, asked)
    with pytest.raises(Unsound):
        _said(found)
    with pytest.raises(InvalidInput):
        load_state(tmp_path, SITE, today=TODAY)


def _asked(found: Declaration, address: str) -> None:
    """As a part is asked for: with all that aliases lead to."""
    left, known = [address], set[str]()
    while left:
        each = left.pop()
        if each not in known:
            known.add(each)
            alias = found.state.aliases.get(Address(each))
            left += alias.goto if alias is not None else ()
    near(found.state.mailboxes, known)


def test_a_rename_to_nobody_is_found_when_it_is_asked_for(tmp_path: Path) -> None:
    rename = "renames:\n  - {from: former@x.example, to: nobody@x.example, date: 2026-11-20}\n"
    found = lazily(tmp_path, {"b.yaml": rename})
    assert found.findings == ()
    with pytest.raises(Unsound):
        near(found.state.mailboxes, ["nobody@x.example"])


def test_an_error_is_found_with_its_file(tmp_path: Path) -> None:
    broken = f"domain: x.example\nmailboxes:\n  anna: {BOX}\n  bernd: {{quota: much}}\n"
    found = lazily(tmp_path, {"a.yaml": broken})
    assert (found.findings, found.unread) == ((), len(OTHERS) + 1)
    assert Address("other1@y.example") in found.state.mailboxes
    with pytest.raises(Unsound):
        found.state.mailboxes.get(ANNA)


@pytest.mark.parametrize(
    "text", ["renames: [", "domains: {x: {}}\n", "# *a\nmailboxes:\n  a@x.example: {quota: much}\n"]
)
def test_an_error_in_what_is_always_read_tells_all(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        lazily(tmp_path, {"a.yaml": text, "z.yaml": "mailboxes:\n  anna@x.example: {quota: much}\n"})
    assert len(refused.value.findings) == 2


def test_a_file_that_cannot_be_read_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="1 problem"):
        lazily(tmp_path, {"big.yaml": b"#" * (16 * 2**20 + 1)})


def test_who_asks_for_much_gets_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = lazily(tmp_path, {})
    for number in range(4):
        assert Address(f"other{number}@y.example") in found.state.mailboxes
    assert found.unread == len(OTHERS) - 4
    assert Address("other4@y.example") in found.state.mailboxes
    assert found.unread == 0, "less than half would be left"
    monkeypatch.setattr(lazy, "MOST", 3)
    found = lazily(tmp_path, {})
    for number in range(4):
        assert Address(f"nobody{number}@y.example") not in found.state.mailboxes
    assert found.unread == 0


def test_what_is_said_is_said_of_what_was_read(tmp_path: Path) -> None:
    """By itself, and beside the rest."""
    files = {
        "a.yaml": "domain: x.example\nmailboxes:\n  anna: {groupware: false, password_reset: 2026-11-20}\n",
        "b.yaml": "domain: x.example\naliases:\n  board: former # x\n  news: a@extern.example #1\n",
        "c.yaml": "renames:\n  - {from: former@x.example, to: other1@y.example, date: 2026-11-20}\n",
    }
    found = lazily(tmp_path, files)
    assert _said(found) == []
    assert Address("board@x.example") in found.state.aliases
    assert _said(found) == [("renamed-target", "b.yaml"), ("comment", "b.yaml")]
    assert ANNA in found.state.mailboxes
    assert _said(found)[0] == ("password-reset", "a.yaml")


def _said(found: Declaration) -> list[tuple[str, str]]:
    return [(finding.rule, Path(finding.place.file).name) for finding in found.findings if finding.place is not None]


def test_what_was_read_before_comes_from_the_cache(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    load(world.state, {**OTHERS, **CONFIRM})
    plain = world.load()
    asked: list[str] = []
    get = Cache.get

    def noted(self: Cache, file: str, entry: str) -> Sequence[Any] | None:
        asked.append(file)
        return get(self, file, entry)

    monkeypatch.setattr(Cache, "get", noted)
    found = world.load(lazily=True)
    assert found.state.mailboxes[Address("other1@y.example")] == plain.state.mailboxes[Address("other1@y.example")]
    assert "other1.yaml" in asked
    assert "other2.yaml" not in asked
    assert found.unread > 1
    assert len(world.parsed) == 1, "confirm, where the day decides"
    same(found, plain)
