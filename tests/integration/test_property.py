"""Whatever is live and whatever is declared: after `apply` nothing is left to do, and nothing foreign has changed.

The commands, systems, gates and the ledger are the real ones on SQLite, the stand-in and a map (tests/proof/world).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from itertools import count
from types import MappingProxyType
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from reconciler.declared import lazy
from reconciler.planning.plan_part import Asked
from reconciler.sandbox.openxchange import control
from reconciler.sandbox.openxchange.bulk import import_users
from tests.proof.world import DOMAIN, LONG, TODAY, World

LOCALS = ("anna", "bernd", "clara", "dora", "emil")
MEMBERS = {"anna": "10042", "bernd": "10077", "clara": "10103"}
"""Those whom the world's register knows."""
FREE = {
    "removals": {"share": 1, "at_least": 999, "number": 999},
    "changes": {"share": 1, "at_least": 999, "number": 999},
    "creations": {"number": 999},
}
BLOCKS = ("spam@example.net", "example.org", "xn--bcher-kva.test")


class Live(NamedTuple):
    """What stands under one address before."""

    mailbox: bool
    spelling: str
    quota: int
    active: bool
    goto: str | None
    """Of the own alias; None: there is none."""
    member: str | None
    """Where the member alias leads."""
    login: str | None
    """Of the OX user; None: there is none."""


class Wanted(NamedTuple):
    """What is declared of one address."""

    groupware: bool
    member: bool
    active: bool
    quota: int | None
    name: bool


class Once(NamedTuple):
    """What git said of an account before, applied, and what became of it: it stays, is out of git, renamed, removed."""

    becomes: str
    rewrite: bool


class Case(NamedTuple):
    """What is live and what is declared."""

    before: dict[str, Live]
    declared: dict[str, Wanted]
    live_aliases: dict[str, list[str]]
    aliases: dict[str, list[str]]

    def world(self, pattern: World, past: Mapping[str, Once] = MappingProxyType({})) -> World:
        """A copy of this one in which it is so; `past` was applied before."""
        world = fresh(pattern)
        if past:
            once = {local: Wanted(groupware=True, member=False, active=True, quota=None, name=True) for local in past}
            world.declare(_state(once, {"archiv": [f"{local}@{DOMAIN}" for local in past]}))
            assert world.apply().status == 0
        for local, thing in self.before.items():
            _make(world, local, thing)
        for local, goto in self.live_aliases.items():
            _alias(world, f"{local}@{DOMAIN}", ",".join(goto))
        world.declare(_later(_state(self.declared, self.aliases), past))
        return world


def live() -> st.SearchStrategy[Live]:
    goto = st.sampled_from([None, "", "{a}", "{a},x@extern.example", "x@extern.example", "{A} , {a}", "{t}", "{a},{t}"])
    return st.builds(
        Live,
        mailbox=st.booleans(),
        spelling=st.sampled_from(["lower", "Upper"]),
        quota=st.sampled_from([0, -1, 1, 1024000, 10240 * 1024000, 5368709120, 999_999_999]),
        active=st.booleans(),
        goto=goto,
        member=st.sampled_from([None, "{a}", "x@extern.example", "{A}"]),
        login=st.sampled_from([None, "{l}", "{l}", "{l}.old"]),
    )


def wanted() -> st.SearchStrategy[Wanted]:
    return st.builds(
        Wanted,
        groupware=st.booleans(),
        member=st.booleans(),
        active=st.booleans(),
        quota=st.sampled_from([None, 1, 10240]),
        name=st.booleans(),
    )


def targets() -> st.SearchStrategy[list[str]]:
    everybody = st.sampled_from([*(f"{each}@{DOMAIN}" for each in LOCALS), "x@extern.example", "y@extern.example"])
    return st.lists(everybody, min_size=1, max_size=3, unique=True)


def cases() -> st.SearchStrategy[Case]:
    aliases = st.dictionaries(st.sampled_from(["vorstand", "info"]), targets())
    before = st.fixed_dictionaries({}, optional={local: live() for local in LOCALS})
    declared = st.fixed_dictionaries({}, optional={local: wanted() for local in LOCALS})
    return st.builds(Case, before=before, declared=declared, live_aliases=aliases, aliases=aliases)


CASES = cases()
BECOME = st.builds(Once, st.sampled_from(["stays", "stays", "gone", "renamed", "removed"]), st.booleans())
PAST = st.fixed_dictionaries({}, optional=dict.fromkeys(("fritz", "gerda"), BECOME))
HAND_LINES = ("hand@made.example REJECT", "other.example OK", "@trap.example REJECT", "# a remark", "", "x y z")
SOMEBODY = (*LOCALS, "vorstand", "info", "fritz", "gerda.neu", "archiv", "presse")
SOME_NAMES = st.sets(st.sampled_from([f"{each}@{DOMAIN}" for each in SOMEBODY]), min_size=1, max_size=2)
# those whose OX user is as declared are asked for alone
NAMES = SOME_NAMES | st.sampled_from([{f"{each}@{DOMAIN}"} for each in ("fritz", "gerda", "anna")])
QUICKLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=set(Phase) - {Phase.explain})


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world with nothing in it; every example gets a copy."""
    return World.build(tmp_path_factory.mktemp("property") / "pattern")


@pytest.fixture(scope="module")
def pattern_with_map(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same with a sender map, whose commands are processes and take their time."""
    world = World.build(tmp_path_factory.mktemp("property") / "with-map", with_map=True)
    for file in (world.folder / "postfix").iterdir():
        os.utime(file, (0, 0))  # postconf waits until a fresh one has cooled down
    return world


_numbers = count(1)
NOTHING = 30
"""Files in which nothing is declared."""


def fresh(pattern: World) -> World:
    """A copy, without limits on how much may be done."""
    world = pattern.copy(pattern.folder.parent / str(next(_numbers)))
    site = json.loads(world.site.read_text(encoding="utf-8"))
    site["policy"] = {"limits": FREE, "protected": []}
    world.site.write_text(json.dumps(site), encoding="utf-8")
    return world


@given(case=CASES)
@settings(QUICKLY, max_examples=1000 if LONG else 25)
def test_accounts_and_aliases(pattern: World, case: Case) -> None:
    """Odd spellings, quotas, forwards, vacations, missing own aliases, users of other logins: everything converges."""
    world = case.world(pattern)
    _converges(world, _ours(case.declared, case.aliases))


@given(
    blocks=st.sets(st.sampled_from(BLOCKS)),
    then=st.sets(st.sampled_from(BLOCKS)),
    lines=st.lists(st.sampled_from(HAND_LINES), max_size=4, unique=True),
)
@settings(QUICKLY, max_examples=12)
def test_blocks(pattern_with_map: World, blocks: set[str], then: set[str], lines: list[str]) -> None:
    """Hand-made lines stay, whatever they say and wherever they stand, byte for byte."""
    world = fresh(pattern_with_map)
    world.map.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for declared in (blocks, then):
        senders = [{"sender" if "@" in key else "domain": key, "reason": "spam"} for key in sorted(declared)]
        world.declare({"sender_blocks": senders})
        _converges(world, set())


MORE_TARGETS = [*(f"{each}@{DOMAIN}" for each in ("vorstand", "info", "fritz", "gerda", "10042")), "anna@sub.example"]
LEADING = st.dictionaries(st.sampled_from(["presse", "alle"]), st.lists(st.sampled_from(MORE_TARGETS), min_size=1))


@given(
    case=CASES,
    past=PAST,
    leading=LEADING,
    names=NAMES,
    shards=st.integers(2, 4) if LONG else st.sampled_from([2, 0, 0]),
)
@settings(QUICKLY, max_examples=1000 if LONG else 25)
def test_a_part_has_the_lines_of_the_whole_plan(
    pattern: World, case: Case, past: dict[str, Once], leading: dict[str, list[str]], names: set[str], shards: int
) -> None:
    """`--only` leaves lines out and changes none that it has; and reading only its rows says the same as reading
    everything. The shards of a plan make that plan, word for word."""
    world = case._replace(live_aliases=case.live_aliases | leading).world(pattern, past)
    _split_state(world)
    document = world.planned()
    with patch.object(lazy, "BIG", 0):  # of what is declared, too, only what is asked for is read
        part = world.planned(only=tuple(names))
    if shards:
        assert _without_moments(world.planned_in_shards(shards)) == _without_moments(document)
    whole = {line["id"]: line for line in document["transitions"]}
    with patch.object(Asked, "about", lambda *_: None):
        from_all = world.planned(only=tuple(names))
    assert _said(part) == _said(from_all)
    lines = {line["id"]: line for line in part["transitions"]}
    event(f"{len(lines)} of {len(whole)} lines")
    event(f"OX: {any('of OX only' in finding['message'] for finding in part['findings'])}")
    assert _unread(from_all) is None
    if any((world.folder / "state").glob("mailboxes*")):
        assert (_unread(part) or 0) >= NOTHING, "of what nobody asks for nothing is read"
    assert {id: _plain(line) for id, line in lines.items()} == {id: _plain(whole[id]) for id in lines}
    asked = {id for id in whole if id.partition(":")[2] in names}
    assert asked <= lines.keys()


def _split_state(world: World) -> None:
    """Each entry in a file of its own, among others in which there is nothing."""
    folder = world.folder / "state"
    state = json.loads((folder / "state.yaml").read_text(encoding="utf-8"))
    domain, others = state.pop("domain"), {}
    for section, content in state.items():
        if not isinstance(content, dict):
            others[section] = content
            continue
        for number, (key, entry) in enumerate(content.items()):
            text = f"domain: {domain}\n{section}:\n  {key}: {json.dumps(entry)}\n"
            (folder / f"{section}{number}.yaml").write_text(text, encoding="utf-8")
    for number in range(NOTHING):
        (folder / f"nothing{number}.yaml").write_text("# nothing\n", encoding="utf-8")
    (folder / "state.yaml").write_text(json.dumps({"domain": domain, **others}), encoding="utf-8")


def _unread(document: dict[str, Any]) -> int | None:
    """How many files were not read, by what the plan says."""
    said = [f["message"] for f in document["findings"] if f["rule"] == "only" and "not read" in f["message"]]
    return int(said[0].split()[0]) if said else None


def _without_moments(document: dict[str, Any]) -> dict[str, Any]:
    """All of a plan but when it was made."""
    return {name: value for name, value in document.items() if name not in ("made", "checksum")}


def _later(state: dict[str, Any], past: Mapping[str, Once]) -> dict[str, Any]:
    """With what became of those who were declared once."""
    today = str(TODAY)
    for local, once in past.items():
        entry = {"given_name": local.capitalize(), "surname": f"Declared-{local}"}
        if once.becomes == "stays":
            state["mailboxes"][local] = entry
        elif once.becomes == "renamed":
            state["mailboxes"][f"{local}.neu"] = entry
            rename = {"from": local, "to": f"{local}.neu", "date": today, "rewrite_references": once.rewrite}
            state.setdefault("renames", []).append(rename)
        elif once.becomes == "removed":
            state.setdefault("removals", []).append({"mailbox": local, "date": today, "reason": "left"})
    return state


def _plain(line: dict[str, Any]) -> dict[str, Any]:
    """A line without what gates say of it: of a part they judge the part."""
    return {name: value for name, value in line.items() if name not in ("refused", "fingerprint", "attention")}


def _said(document: dict[str, Any]) -> dict[str, Any]:
    """What a plan says of its lines: not how much was read for it, nor in which order the database gave it."""
    said = ("transitions", "gates", "flow", "taken_back", "digest")
    findings = sorted(json.dumps(f) for f in document["findings"] if f["rule"] != "only")
    return {name: document.get(name) for name in said} | {"findings": findings}


def _converges(world: World, ours: set[str]) -> None:
    """One apply, after which what is left is what a gate refuses; a second one that does nothing."""
    foreign = _foreign(world, ours)
    planned = world.planned()
    whole = any(f["severity"] == "refusal" and f["owner"] is None for f in planned["findings"])
    refused = {t["id"] for t in planned["transitions"] if t["refused"] or whole}
    answer = world.apply()
    event(f"status {answer.status}")
    assert answer.status == (5 if _refusals(planned) else 0), answer.out
    assert _foreign(world, ours) == foreign
    assert {t["id"] for t in world.planned()["transitions"]} == refused
    again = world.apply()
    assert again.status == answer.status
    assert [touch for touch in again.touches if touch.line != "database"] == []  # whose ledger notes the attempt


def _refusals(document: dict[str, Any]) -> list[str]:
    return [finding["rule"] for finding in document["findings"] if finding["severity"] == "refusal"]


def _state(declared: dict[str, Wanted], aliases: dict[str, list[str]]) -> dict[str, Any]:
    mailboxes = {}
    for local, want in declared.items():
        entry: dict[str, Any] = {"groupware": want.groupware, "active": want.active}
        if want.groupware or want.name:
            entry |= {"given_name": local.capitalize(), "surname": f"Declared-{local}"}
        if want.member and local in MEMBERS:
            entry["member"] = int(MEMBERS[local])
        if want.quota is not None:
            entry["quota"] = f"{want.quota} MB"
        mailboxes[local] = entry
    return {"mailboxes": mailboxes, "aliases": aliases}


def _make(world: World, local: str, thing: Live) -> None:
    address = f"{local}@{DOMAIN}"
    stored = address if thing.spelling == "lower" else f"{local.capitalize()}@{DOMAIN}"
    words = {"a": address, "A": f"{local.capitalize()}@{DOMAIN}", "l": local}
    words["t"] = f"{local}#{DOMAIN}@autoreply.example"
    if thing.mailbox:
        world.sql(
            "INSERT INTO mailbox (username, password, name, maildir, quota, local_part, domain, active) "
            "VALUES (?, '{x}y', ?, ?, ?, ?, ?, ?)",
            *(stored, f"Live {local}", f"{DOMAIN}/{local}/", thing.quota, local, DOMAIN, int(thing.active)),
        )
    if thing.goto is not None:
        _alias(world, stored, thing.goto.format(**words), int(thing.active))
    if thing.member is not None and local in MEMBERS:
        _alias(world, f"{MEMBERS[local]}@{DOMAIN}", thing.member.format(**words))
    if thing.login is not None:
        row = {"Name": thing.login.format(**words), "PrimaryEmail": address, "ImapLogin": address}
        names = {"Display_name": f"Live {local}", "Given_name": "Live", "Sur_name": local, "Password": "by-hand-1"}
        import_users(world.ox, [{**row, **names}])


def _alias(world: World, address: str, goto: str, active: int = 1) -> None:
    world.sql("INSERT INTO alias (address, goto, domain, active) VALUES (?, ?, ?, ?)", address, goto, DOMAIN, active)


def _ours(declared: dict[str, Wanted], aliases: dict[str, list[str]]) -> set[str]:
    """Every address that a declaration is about."""
    members = {MEMBERS[local] for local, want in declared.items() if want.member and local in MEMBERS}
    return {f"{local}@{DOMAIN}" for local in {*declared, *aliases, *members}}


def _foreign(world: World, ours: set[str]) -> object:
    """Every live row that no declaration is about, in all its columns; hand-made lines; and mail to nobody."""
    mailboxes = [r for r in world.sql("SELECT * FROM mailbox ORDER BY 1") if r["username"].lower() not in ours]
    aliases = [r for r in world.sql("SELECT * FROM alias ORDER BY 1") if r["address"].lower() not in ours]
    users = [u for u in control.users(world.ox) if u.fields.get("PrimaryEmail") not in ours]
    text = world.map.read_text(encoding="utf-8") if world.with_map else ""
    begin, end = "# BEGIN reconciler proof: declared in git, do not edit\n", "# END reconciler proof\n"
    section = begin + text.partition(begin)[2].partition(end)[0] + end if begin in text else ""
    return mailboxes, aliases, users, text.replace(section, "") if section else text
