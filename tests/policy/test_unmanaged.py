"""What a plan leaves alone is said: mailboxes whose entry went, removals that name no mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.declared import GroupwareAccount
from reconciler.model.records import Row
from reconciler.planning.finding import Finding, Severity
from reconciler.policy.gate_context import GateContext
from reconciler.policy.gates import run_gates
from tests.policy.drafts import (
    ALT,
    NEU,
    TODAY,
    D,
    alias_row,
    box,
    context,
    domain,
    mailbox_row,
    purge,
    remembered,
    removal,
    rename,
)

TECHNIK, TECHNICK = f"technik@{D}", f"technick@{D}"
LATER = TODAY + timedelta(days=1)


def findings(looked_at: GateContext, rule: str) -> list[Finding]:
    return [f for f in run_gates(looked_at) if f.rule == rule]


def left_alone(*, ours: Sequence[str] = (ALT,), live: Sequence[str] = (ALT, NEU), **more: Any) -> list[str]:
    """Whose entry is missed, of mailboxes that the inventory has."""
    past = remembered(*((address, mailbox_row(address)) for address in ours))
    values: dict[str, Any] = {"mailboxes": [box(NEU)], "remembered": past, **more}
    looked_at = context(live=[domain(), *map(mailbox_row, live)], **values)
    return [f.subject for f in findings(looked_at, "unmanaged")]


def test_a_mailbox_whose_entry_went_is_said_to_be_left_alone() -> None:
    """README: an entry that goes makes it unmanaged, and the plan says so."""
    past = remembered((ALT, mailbox_row(ALT)))
    looked_at = context(mailboxes=[box(NEU)], live=[domain(), mailbox_row(ALT)], remembered=past)
    (finding,) = findings(looked_at, "unmanaged")
    assert (finding.severity, finding.subject, finding.owner, finding.place) == (Severity.NOTE, ALT, None, None)
    assert finding.message == f"{ALT} is not declared any more: it is left alone, nothing of it is deleted"
    assert finding.hint == "to remove it, name it under `removals`; to manage it again, declare it under `mailboxes`"


def test_of_several_the_order_is_kept() -> None:
    many = [f"{name}@{D}" for name in "edcba"]
    assert left_alone(ours=many, live=many) == many[::-1]


def test_what_never_was_ours_is_only_counted() -> None:
    assert left_alone(ours=[]) == []
    alias_of_ours = remembered((ALT, alias_row(ALT)))
    assert left_alone(remembered=alias_of_ours) == []


def test_what_is_declared_removed_or_renamed_is_not_left_alone() -> None:
    assert left_alone(mailboxes=[box(ALT)]) == []
    assert left_alone(removals=[removal(ALT, LATER)]) == []
    assert left_alone(renames=[rename(ALT, NEU)]) == []
    assert left_alone(renames=[rename(ALT, NEU, LATER)]) == []


def test_what_is_gone_or_unknown_or_in_this_plan_is_not_left_alone() -> None:
    assert left_alone(live=[NEU]) == []
    assert left_alone(unread=True) == []
    past = remembered((ALT, mailbox_row(ALT)))
    looked_at = context(purge(ALT), mailboxes=[box(NEU)], live=[domain(), mailbox_row(ALT)], remembered=past)
    assert findings(looked_at, "unmanaged") == []


def unknown(name: str, *live: str, **more: Any) -> list[tuple[Severity, str]]:
    """What is said of the removal of `name` while these mailboxes are live."""
    values: dict[str, Any] = {"removals": [removal(name)], "mailboxes": [box(NEU)], **more}
    looked_at = context(live=[domain(), *map(mailbox_row, live)], **values)
    return [(f.severity, f.hint) for f in findings(looked_at, "removal-unknown")]


GONE = (Severity.NOTE, "it was removed already, or the name is wrong; remove the entry")


def meant(address: str) -> tuple[Severity, str]:
    return Severity.WARNING, f"did you mean `{address}`? If not, remove the entry"


@pytest.mark.parametrize("offset", [-100, 0, 1])
def test_a_typo_in_a_removal_is_a_warning(offset: int) -> None:
    gone = removal(TECHNICK, TODAY + timedelta(days=offset))
    live: list[Row] = [domain(), mailbox_row(TECHNIK)]
    (finding,) = findings(context(mailboxes=[box(NEU)], removals=[gone], live=live), "removal-unknown")
    assert (finding.severity, finding.subject, finding.owner) == (Severity.WARNING, TECHNICK, None)
    assert finding.message == f"the removal of {TECHNICK} removes nothing: there is no such mailbox"
    assert finding.hint == f"did you mean `{TECHNIK}`? If not, remove the entry"
    assert finding.place is not None
    assert finding.place.file.startswith("state.yaml/removals/")


def test_one_that_is_like_nothing_live_is_a_note() -> None:
    assert unknown(ALT) == [GONE]
    assert unknown(ALT, TECHNIK) == [GONE]
    assert unknown(f"nina@{D}", f"anna@{D}") == [GONE], "a long domain makes no two names alike"
    assert unknown(TECHNICK, "technik@other.example") == [GONE], "nor does a name two domains"


def test_a_typo_may_be_in_the_domain() -> None:
    assert unknown("technik@mial.example", TECHNIK) == [meant(TECHNIK)]
    both = [f"technik@{d}" for d in ("mail.example", "nail.example", "maik.example")]
    assert unknown("technick@mail.example", *both) == [meant(TECHNIK)]


def test_the_nearest_is_meant() -> None:
    assert unknown(TECHNICK, f"technikas@{D}", TECHNIK, f"atechnik@{D}") == [meant(TECHNIK)]


def test_only_what_nobody_declares_can_have_been_meant() -> None:
    assert unknown(TECHNICK, TECHNIK, mailboxes=[box(TECHNIK)]) == [GONE]
    assert unknown(TECHNICK, TECHNIK, renames=[rename(TECHNIK, NEU)]) == [GONE]
    assert unknown(TECHNICK, TECHNIK, removals=[removal(TECHNICK), removal(TECHNIK)]) == [GONE]


def test_an_account_that_is_deleted_in_ox_keeps_its_entry_until_then() -> None:
    gone = removal(ALT, groupware=GroupwareAccount.DELETE)
    assert unknown(ALT, removals=[gone]) == [(Severity.NOTE, GONE[1] + " when its OX account is gone, too")]


def test_a_removal_that_has_something_to_do_is_known() -> None:
    assert unknown(ALT, ALT) == []
    assert unknown(ALT, unread=True) == []
    assert unknown(NEU, ALT, mailboxes=[], renames=[rename(ALT, NEU)]) == [], "its old mailbox is there"
    looked_at = context(purge(ALT), mailboxes=[box(NEU)], removals=[removal(ALT)], live=[domain()])
    assert findings(looked_at, "removal-unknown") == [], "an alias or an OX account is left of it"
    assert unknown(ALT, removals=[removal(ALT), removal(TECHNICK)]) == [GONE, GONE]
