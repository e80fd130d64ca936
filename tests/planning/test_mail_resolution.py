"""The model of Postfix' resolution, case by case. That it is Postfix' is proved by tests/proof/test_mail_flow.py."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, MailboxRow, Owner, Records, Scope
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.changes import Action, Change
from reconciler.planning.mail_flow_before_after import MailFlow
from reconciler.planning.mail_resolution import EXPANSION_LIMIT, NESTING_LIMIT, Delivery, MailTables
from reconciler.planning.transitions import Effect, Transition

D, LINKED = "mail.example", "zwei.example"
ANNA, BERND = f"anna@{D}", f"bernd@{D}"
TOKEN = f"anna#{D}@autoreply.example"
OWNER = Owner(Scope.ALIAS, f"vorstand@{D}")


def records(aliases: Mapping[str, tuple[str, ...]], boxes: tuple[str, ...] = (ANNA, BERND), off: str = "") -> Records:
    own = {box: (box,) for box in boxes} | dict(aliases)
    return {
        "alias": {key: AliasRow(key, "", goto, key != off) for key, goto in own.items()},
        "mailbox": {box: MailboxRow(box, "", "", 0, True) for box in boxes},
        "domain": {name: DomainRow(name, True) for name in (D, LINKED)},
        "alias_domain": {LINKED: AliasDomainRow(LINKED, D, True)},
    }


def to(*boxes: str) -> Delivery:
    return Delivery(mailboxes=frozenset(boxes))


def many(number: int) -> tuple[str, ...]:
    return tuple(f"x{n}@extern.example" for n in range(number))


@pytest.mark.parametrize(
    ("aliases", "asked", "expected"),
    [
        ({f"a@{D}": (f"b@{D}",), f"b@{D}": (ANNA,)}, f"a@{D}", to(ANNA)),
        ({}, f"anna@{LINKED}", to(ANNA)),
        ({f"info@{D}": (BERND,)}, f"info@{LINKED}", to(BERND)),
        ({f"anna@{LINKED}": (BERND,)}, f"anna@{LINKED}", to(BERND)),
        ({f"*@{D}": (BERND,)}, f"nobody@{D}", to(BERND)),
        ({f"*@{D}": (BERND,)}, ANNA, to(ANNA)),
        ({f"*@{D}": (BERND,)}, f"nobody@{LINKED}", to(BERND)),
        ({f"*@{LINKED}": (f"@{D}",)}, f"anna@{LINKED}", to(ANNA)),
        ({f"a@{D}": (f"nobody@{D}", ANNA)}, f"a@{D}", to(ANNA)._replace(bounces=frozenset((f"nobody@{D}",)))),
        ({f"a@{D}": ()}, f"a@{D}", Delivery(bounces=frozenset((f"a@{D}",)))),
        ({f"a@{D}": (f"a@{D}", BERND)}, f"a@{D}", to(BERND)._replace(bounces=frozenset((f"a@{D}",)))),
        ({ANNA: (ANNA, TOKEN)}, ANNA, to(ANNA)._replace(answers=frozenset((TOKEN,)))),
        ({f"a@{D}": many(EXPANSION_LIMIT)}, f"a@{D}", Delivery(external=frozenset(many(EXPANSION_LIMIT)))),
        ({f"a@{D}": many(EXPANSION_LIMIT + 1)}, f"a@{D}", Delivery(loops=frozenset((f"a@{D}",)))),
    ],
)
def test_where_mail_goes(aliases: Mapping[str, tuple[str, ...]], asked: str, expected: Delivery) -> None:
    assert MailTables(records(aliases)).deliver(asked) == expected


def test_a_loop_delivers_nothing() -> None:
    tables = MailTables(records({f"a@{D}": (f"b@{D}", ANNA), f"b@{D}": (f"a@{D}",)}))
    delivery = tables.deliver(f"a@{D}")
    assert delivery.loops <= {f"a@{D}", f"b@{D}"}
    assert delivery.loops
    assert not delivery.arrives


def test_a_chain_ends_at_the_limit() -> None:
    def chain(length: int) -> Mapping[str, tuple[str, ...]]:
        return {f"n{n}@{D}": (f"n{n + 1}@{D}",) for n in range(length)} | {f"n{length}@{D}": ("x@extern.example",)}

    assert MailTables(records(chain(NESTING_LIMIT - 2))).deliver(f"n0@{D}").arrives
    assert MailTables(records(chain(NESTING_LIMIT + 1))).deliver(f"n0@{D}").loops


def test_what_is_switched_off_answers_nothing() -> None:
    assert not MailTables(records({f"a@{D}": (ANNA,)}, off=f"a@{D}")).deliver(f"a@{D}").arrives


@pytest.mark.parametrize("size", [100, 2000])
def test_only_what_a_change_reaches_is_resolved(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same work, however big the site is: each reader of one alias, before and after."""
    boxes = tuple(f"u{n}@{D}" for n in range(size))
    board = AliasRow(f"vorstand@{D}", "", (ANNA,), True)
    live = records({board.key: board.goto, f"info@{D}": (board.key,)}, (ANNA, BERND, *boxes))
    change = Change("postfixadmin", "alias", Action.UPDATE, board.key, board, board._replace(goto=(BERND,)), OWNER)
    resolved: list[str] = []
    deliver = MailTables.deliver

    def counted(tables: MailTables, address: str) -> Delivery:
        resolved.append(address)
        return deliver(tables, address)

    monkeypatch.setattr(MailTables, "deliver", counted)
    found = list(MailFlow(live, RenameChains({}, {}, ()), [Transition(OWNER, (change,), (), Effect.CHANGE)]).changes())
    assert [(f.address, f.before, f.after) for f in found] == [
        (f"info@{D}", to(ANNA), to(BERND)),
        (board.key, to(ANNA), to(BERND)),
    ]
    assert sorted(resolved) == sorted([f"info@{D}", board.key] * 2)
