"""The transitions of the crash matrix: what was declared and done by hand before, and what is declared then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from tests.proof.world import DOMAIN, TODAY, VACATION, State, World

OLD, NEW, MEMBER = f"anna.muster@{DOMAIN}", f"anna.beispiel@{DOMAIN}", f"10042@{DOMAIN}"
BERND = f"bernd.muster@{DOMAIN}"
ANNA_MUSTER = {"given_name": "Anna", "surname": "Muster", "member": "10042", "groupware": True}
ANNA_BEISPIEL = {**ANNA_MUSTER, "surname": "Beispiel"}
BERND_MUSTER = {"given_name": "Bernd", "surname": "Muster", "member": "10077", "groupware": True}

Entries = Mapping[str, Any]


def _nothing(world: World) -> None:
    """Nobody did anything by hand."""


class Scenario(NamedTuple):
    """`before` is applied, state after state, `by_hand` done, `after` declared."""

    name: str
    before: tuple[State, ...]
    after: State
    by_hand: Callable[[World], None] = _nothing
    with_map: bool = False
    days: int = 0
    """How much later `after` is."""
    over_soap: bool = False

    @property
    def is_variant(self) -> bool:
        """Whether another scenario has the same transition with less beside it."""
        return " with " in self.name

    def soap(self) -> Scenario:
        """The same with OX over SOAP."""
        return self._replace(name=f"{self.name} over SOAP", over_soap=True)

    def prepare(self, folder: Path) -> World:
        """The world at the moment when `after` is declared."""
        world = World.build(folder, with_map=self.with_map, over_soap=self.over_soap)
        for state in self.before:
            world.declare(state)
            answer = world.apply()
            assert answer.status == 0, answer.out
        self.by_hand(world)
        world.declare(self.after)
        world.today = TODAY + timedelta(days=self.days)
        return world


def people(**mailboxes: Entries) -> dict[str, Any]:
    """Mailboxes by local part; Bernd is always there, and nothing of Bernd's may ever change."""
    return {"mailboxes": {"bernd.muster": BERND_MUSTER, **{k.replace("_", "."): v for k, v in mailboxes.items()}}}


def rename(**more: Any) -> dict[str, Any]:
    """The entry of Anna's rename."""
    entry = {"from": "anna.muster", "to": "anna.beispiel", "date": str(TODAY), "former_surname": "Muster", **more}
    return {"renames": [entry]}


def confirm(gate: str, subject: str, days: int = 0) -> dict[str, Any]:
    """The entry that lifts a gate, written so many days later."""
    until = TODAY + timedelta(days=days + 20)
    return {"confirm": [{"gate": gate, "subject": subject, "until": str(until), "reason": "looked at it"}]}


_OLD, _NEW = people(anna_muster=ANNA_MUSTER), people(anna_beispiel=ANNA_BEISPIEL)
_VORSTAND = {"aliases": {"vorstand": ["anna.muster", "bernd.muster"]}}


def forwards(world: World) -> None:
    """Anna forwards mail; somebody made an alias to Anna that nobody declared."""
    world.sql("UPDATE alias SET goto = ? WHERE address = ?", f"{OLD},anna@extern.example", OLD)
    world.sql("INSERT INTO alias (address, goto, domain) VALUES (?, ?, ?)", f"liste@{DOMAIN}", f"{OLD},{BERND}", DOMAIN)


def vacation(world: World) -> None:
    """Anna is on holiday (facts/postfixadmin.md 7)."""
    token = f"anna.muster#{DOMAIN}@{VACATION}"
    world.sql("UPDATE alias SET goto = ? WHERE address = ?", f"{OLD},{token}", OLD)
    world.sql("INSERT INTO vacation (email, subject, body, domain) VALUES (?, 'Urlaub', 'weg', ?)", OLD, DOMAIN)
    query = "INSERT INTO vacation_notification (on_vacation, notified, notified_at) VALUES (?, ?, ?)"
    world.sql(query, OLD, "frager@extern.example", "2026-11-20 08:15:00")


def second_ox_account(world: World) -> None:
    """PostfixAdmin's hook made an account under the new name."""
    world.add_ox_user("anna.beispiel", NEW, "Anna Beispiel")


def old_kept_mail(world: World) -> None:
    """Dovecot's own table knows the user name."""
    world.sql("INSERT INTO quota2 (username, bytes, messages) VALUES (?, 4711, 3)", OLD)


_NEW_VORSTAND = {"aliases": {"vorstand": ["anna.beispiel", "bernd.muster"]}}
_REMOVAL = {"mailbox": "anna.muster", "date": str(TODAY), "reason": "left, RT 4890"}
_REMOVED = people() | {"removals": [_REMOVAL]}
_PURGED = people() | {"removals": [{**_REMOVAL, "groupware_account": "delete"}]}
_ONE_BLOCK = {"sender_blocks": [{"sender": "a@spam.example", "reason": "wave"}]}
_OTHER_BLOCKS = {
    "sender_blocks": [{"domain": "spam.example", "reason": "waves"}, {"sender": "b@x.example", "reason": "b"}]
}
_NO_GROUPWARE = people(anna_muster={**ANNA_MUSTER, "groupware": False})
# an account has a new password since the day it was made, which the ledger takes from the machine's clock
_DAYS_TO_RESET = max(0, (date.today() - TODAY).days) + 1
_RESET = people(anna_muster={**ANNA_MUSTER, "password_reset": str(TODAY + timedelta(days=_DAYS_TO_RESET))})

NEW_ACCOUNT = Scenario("new account", (people(),), _OLD)
RENAME_ATTACH = Scenario("rename attach", (_OLD | _VORSTAND,), _NEW | rename() | _NEW_VORSTAND)
FORWARDS = Scenario("rename attach with forwards", (_OLD,), _NEW | rename(rewrite_references=True), forwards)
VACATION_RENAME = Scenario("rename attach with vacation", (_OLD,), _NEW | rename(), vacation)
_MOVED = _NEW | rename(old_mailbox="move")
_LOOKED_AT = confirm("second-account", "openxchange/5")  # 2 is the admin, Anna and Bernd follow
RENAME_MOVE = Scenario("rename move", (_OLD | _VORSTAND,), _MOVED | _NEW_VORSTAND, old_kept_mail)
SECOND_ACCOUNT = Scenario(
    "rename attach with a second OX account", (_OLD,), _NEW | rename() | _LOOKED_AT, second_ox_account
)
MOVES = (
    RENAME_MOVE,
    Scenario(
        "rename move with forwards", (_OLD,), _NEW | rename(old_mailbox="move", rewrite_references=True), forwards
    ),
    Scenario("rename move with vacation", (_OLD,), _MOVED, vacation),
    Scenario("rename move with a second OX account", (_OLD,), _MOVED | _LOOKED_AT, second_ox_account),
)

BLOCK_CHANGE = Scenario("block change", (people() | _ONE_BLOCK,), people() | _OTHER_BLOCKS, with_map=True)

OTHER_RENAMES = (FORWARDS, VACATION_RENAME, SECOND_ACCOUNT, *MOVES)
OTHER_TRANSITIONS = (
    NEW_ACCOUNT,
    Scenario(
        "alias change", (_OLD | _VORSTAND,), _OLD | {"aliases": {"vorstand": ["anna.muster"], "info": ["vorstand"]}}
    ),
    BLOCK_CHANGE,
    Scenario("removal switch-off", (_OLD,), _REMOVED),
    Scenario("purge", (_OLD, _REMOVED), _PURGED | confirm("groupware-delete", OLD, 91), days=91),
    Scenario("groupware added", (_NO_GROUPWARE,), _OLD),
    Scenario("password reset", (_OLD,), _RESET, days=_DAYS_TO_RESET),
)
