"""`policy.protected`: local parts in every domain, full addresses, OX logins (docs/gates.md)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.records import BlockRow, Owner, Row, Scope
from reconciler.planning.transitions import Transition
from reconciler.policy.gate_context import GateContext
from tests.policy.drafts import (
    ALT,
    NEU,
    D,
    account,
    alias_goes,
    alias_row,
    attach,
    box,
    change_of_quota,
    confirm,
    context,
    domain,
    mailbox_row,
    only,
    ox_user,
    purge,
    remembered,
    removal,
    rename,
    said,
    site,
    switching_off,
    transition,
)

USER = ox_user("4100", "ox.pirat", ALT, key=ALT)
NAMES = [["pirat.alt"], ["Pirat.Alt"], [ALT], ["ox.pirat"], [" ox.pirat "], ["someone", ALT]]


def after(*transitions: Transition, protected: list[str], **more: Any) -> GateContext:
    rows: list[Row] = [domain(), mailbox_row(ALT), mailbox_row(f"x@{D}"), USER]
    past = remembered(removed=frozenset({ALT}))
    return context(*transitions, policy={"protected": protected}, live=rows, remembered=past, **more)


@pytest.mark.parametrize("protected", NAMES, ids=str)
@pytest.mark.parametrize("transition_", [switching_off(ALT), purge(ALT)], ids=["switching off", "purge"])
def test_neither_switched_off_nor_removed(protected: list[str], transition_: Transition) -> None:
    finding = only(after(transition_, protected=protected, mailboxes=[box(ALT)]))
    assert (finding.rule, finding.subject, finding.owner) == ("protected", ALT, account(ALT))
    assert said(after(transition_, protected=["alt", NEU, "pirat"], mailboxes=[box(ALT)])) == []


@pytest.mark.parametrize("protected", [*NAMES, ["pirat.neu"], [NEU]], ids=str)
def test_nor_renamed(protected: list[str]) -> None:
    declared: dict[str, Any] = {"mailboxes": [box(NEU)], "renames": [rename(ALT, NEU)]}
    finding = only(after(attach(USER), protected=protected, **declared))
    assert (finding.rule, finding.subject) == ("protected", NEU)
    assert f"{NEU} would be renamed" in finding.message
    assert said(after(attach(USER), protected=["pirat"], **declared)) == []


def test_the_message_tells_what_would_happen_and_why_not() -> None:
    finding = only(after(switching_off(ALT), protected=["pirat.alt"], mailboxes=[box(ALT)]))
    assert finding.message == (
        f"{ALT} would be switched off, and pirat.alt is protected by policy.protected of the site"
    )
    gone = only(after(switching_off(ALT), protected=["pirat.alt"], removals=[removal(ALT)], mailboxes=[box(NEU)]))
    assert f"{ALT} would be removed" in gone.message


def test_a_removal_is_one_whatever_it_touches() -> None:
    own_alias = transition(account(ALT), (alias_row(ALT), alias_row(ALT, active=False)))
    looked_at = after(own_alias, protected=["pirat.alt"], removals=[removal(ALT)], mailboxes=[box(NEU)])
    assert said(looked_at) == [f"protected {ALT}"]


def test_a_removed_account_has_no_paired_user_but_its_login_is_known() -> None:
    rows: list[Row] = [domain(), mailbox_row(ALT), ox_user("4100", "ox.pirat", ALT)]
    policy = {"protected": ["ox.pirat"]}
    declared: dict[str, Any] = {"removals": [removal(ALT)], "mailboxes": [box(NEU)], "live": rows}
    assert said(context(switching_off(ALT), policy=policy, **declared)) == [f"protected {ALT}"]
    assert said(context(switching_off(ALT), policy={"protected": ["ox"]}, **declared)) == []


def test_other_changes_are_free() -> None:
    assert said(after(change_of_quota(ALT), protected=["pirat.alt"], mailboxes=[box(ALT)])) == []
    on = mailbox_row(ALT, active=False)
    groupware = transition(account(ALT), (USER, USER._replace(surname="Neuer")))
    assert said(after(groupware, protected=["pirat.alt"], mailboxes=[box(ALT)])) == []
    switched_on = transition(account(ALT), (on, on._replace(active=True)))
    assert said(after(switched_on, protected=["pirat.alt"], mailboxes=[box(ALT)])) == []


def test_drift_after_a_rename_is_free_but_not_its_rest() -> None:
    declared: dict[str, Any] = {
        "mailboxes": [box(NEU)],
        "renames": [rename(ALT, NEU)],
        "confirms": [confirm("foreign", NEU)],
    }
    old_name = transition(account(NEU), (mailbox_row(ALT), mailbox_row(ALT, name="Pirat Neu ehem. Alt")))
    assert said(after(old_name, change_of_quota(f"x@{D}"), protected=["pirat.alt"], **declared)) == []
    own_alias = transition(account(NEU), (alias_row(NEU), alias_row(NEU, NEU, "x@extern.example")))
    assert said(after(own_alias, protected=["pirat.alt"], **declared)) == []
    empty = transition(account(NEU), (alias_row(NEU)._replace(goto=()), alias_row(NEU)))
    assert said(after(empty, protected=["pirat.alt"], **declared)) == [], "an empty goto is drift"
    number = transition(account(NEU), (None, alias_row(f"4711@{D}", NEU, "x@extern.example")))
    assert said(after(number, protected=["pirat.alt"], **declared)) == []


@pytest.mark.parametrize(
    "rest",
    [
        (alias_row(ALT), alias_row(ALT, NEU)),
        (None, mailbox_row(NEU)),
        (mailbox_row(ALT), mailbox_row(NEU)),
        (USER, USER._replace(key=NEU, login="pirat.neu", primary=NEU)),
        (None, ox_user("", "pirat.neu", NEU, key=NEU)),
    ],
    ids=["old address", "new mailbox", "moved mailbox", "OX user", "new OX user"],
)
def test_each_part_of_a_rename_is_one(rest: tuple[Row | None, Row]) -> None:
    """Whatever of it is done already."""
    declared: dict[str, Any] = {"mailboxes": [box(NEU)], "renames": [rename(ALT, NEU)]}
    looked_at = after(transition(account(NEU), rest), protected=["pirat.alt"], **declared)
    assert f"protected {NEU}" in said(looked_at)
    assert "protected" not in " ".join(said(replace(looked_at, site=site(protected=["pirat"]))))


def test_an_alias_as_well() -> None:
    """postmaster is an alias on most sites."""
    assert said(after(alias_goes(f"postmaster@{D}"), protected=["postmaster"], mailboxes=[box(ALT)])) == [
        f"protected postmaster@{D}"
    ]
    row = alias_row(f"postmaster@{D}", ALT)
    owner = Owner(Scope.ALIAS, row.key)
    off = transition(owner, (row, row._replace(active=False)))
    assert said(after(off, protected=["postmaster"], mailboxes=[box(ALT)])) == [f"protected postmaster@{D}"]
    other = transition(owner, (row, row._replace(goto=("x@extern.example",))))
    assert said(after(other, protected=["postmaster"], mailboxes=[box(ALT)])) == []


def test_only_what_is_theirs_counts() -> None:
    """The member number may go without the account being removed."""
    number = alias_row(f"4711@{D}", ALT)
    gone = transition(account(ALT), (number, None))
    assert said(after(gone, protected=["pirat.alt"], mailboxes=[box(ALT)])) == []
    off = transition(account(ALT), (number, number._replace(active=False)))
    assert said(after(off, protected=["pirat.alt"], mailboxes=[box(ALT)])) == []


def test_a_block_has_no_name_to_protect() -> None:
    lifted = transition(Owner(Scope.BLOCK, ALT), (BlockRow(ALT, "REJECT"), None))
    assert said(after(lifted, protected=["pirat.alt", ALT], mailboxes=[box(ALT)])) == []
