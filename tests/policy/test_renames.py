"""Renames: of a future date, not declared, onto a taken address (docs/rename-invariants.md, "Sets of renames")."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.addresses import Address
from reconciler.model.records import AliasRow, Row
from reconciler.planning.finding import Severity, StateEntry
from reconciler.planning.identity import Identity
from reconciler.policy.gate_context import GateContext
from reconciler.policy.gates import run_gates
from tests.policy.drafts import (
    ALT,
    NEU,
    TODAY,
    D,
    account,
    alias_row,
    attach,
    box,
    change_of_quota,
    confirm,
    context,
    creation,
    domain,
    mailbox_row,
    moving,
    only,
    ox_user,
    redeclared,
    remembered,
    removal,
    rename,
    said,
    transition,
)

TOMORROW = TODAY + timedelta(days=1)
DIRT = f"pirat.frueher@{D}"
LIVE: tuple[Row, ...] = (domain(), mailbox_row(ALT, name="Pirat Alt"), alias_row(ALT), alias_row(f"4711@{D}", ALT))


def new(*live: Row, member: str | None = "4711", name: str = "Pirat Neu", **more: Any) -> GateContext:
    """The account under its new address, which nobody declared as a rename."""
    return context(creation(NEU), mailboxes=[box(NEU, member=member, name=name)], live=[*LIVE, *live], **more)


def test_a_future_rename_is_listed_and_waits() -> None:
    looked_at = new(renames=[rename(ALT, NEU, TOMORROW)])
    (finding,) = run_gates(looked_at)
    assert (finding.severity, finding.rule, finding.owner) == (Severity.LATER, "future-rename", account(NEU))
    assert finding.message == f"{ALT} is renamed to {NEU} on 2026-11-25"
    assert finding.place is not None
    assert finding.place.file == "state.yaml/renames/0"
    assert said(new(renames=[rename(ALT, NEU)]), Severity.LATER) == []


def test_no_gate_judges_what_waits_for_its_date() -> None:
    policy = {"local_part": "^nothing$", "protected": ["pirat.neu"], "limits": {"creations": {"number": 0}}}
    assert said(new(renames=[rename(ALT, NEU, TOMORROW)], policy=policy)) == []
    assert "naming" in " ".join(said(new(renames=[rename(ALT, NEU)], policy=policy)))


def test_the_same_member_is_suspected() -> None:
    """Refused, with the exact lines to add."""
    finding = only(new())
    assert (finding.rule, finding.subject, finding.owner) == ("suspected-rename", NEU, account(NEU))
    assert f"{ALT}, which nobody declares, has the member number 4711" in finding.message
    assert finding.entries == (
        StateEntry("renames", f"{{from: {ALT}, to: {NEU}, date: 2026-11-24}}"),
        StateEntry("confirm", f'{{gate: suspected-rename, subject: {NEU}, until: 2026-12-01, reason: ""}}'),
    )


def test_the_same_member_on_another_domain_is_suspected() -> None:
    moved = "pirat.alt@other.example"
    looked_at = context(creation(moved), mailboxes=[box(moved, member="4711")], live=[*LIVE, domain("other.example")])
    assert said(looked_at) == [f"suspected-rename {moved}"]


@pytest.mark.parametrize("name", ["Pirat Alt", "pirat  ALT"])
def test_the_same_names_are_suspected(name: str) -> None:
    assert said(new(member=None, name=name)) == [f"suspected-rename {NEU}"]
    assert f"{ALT}, which nobody declares, is called Pirat Alt too" in only(new(member=None, name=name)).message


def test_other_people_and_nobody_are_not() -> None:
    assert said(new(member="4712")) == []
    assert said(new(member=None, name="")) == []
    nameless = context(creation(NEU), mailboxes=[box(NEU)], live=[domain(), mailbox_row(ALT)])
    assert said(nameless) == [], "two without a name are not the same person"


@pytest.mark.parametrize(
    "named", [{"renames": [rename(ALT, NEU)]}, {"removals": [removal(ALT)]}], ids=["rename", "removal"]
)
def test_a_mailbox_that_git_names_is_not_suspected(named: dict[str, Any]) -> None:
    assert said(new(**named)) == []


def test_a_declared_mailbox_is_not_suspected() -> None:
    looked_at = new()
    assert (
        said(redeclared(looked_at, replace(looked_at.desired, mailboxes={Address(a): box(a) for a in (NEU, ALT)})))
        == []
    )


def test_a_mailbox_that_was_ours_is_suspected_although_it_is_not_live() -> None:
    """issue 3: a vanished mailbox and a new one of the same member or the same names."""
    gone = remembered((ALT, mailbox_row(ALT, name="Pirat Neu")))
    assert said(context(creation(NEU), mailboxes=[box(NEU, name="Pirat Neu")], live=[domain()], remembered=gone)) == [
        f"suspected-rename {NEU}"
    ]
    number = alias_row(f"4711@{D}", ALT)
    gone = remembered((ALT, mailbox_row(ALT)), (number.key, number))
    looked_at = context(creation(NEU), mailboxes=[box(NEU, member="4711")], live=[domain()], remembered=gone)
    assert said(looked_at) == [f"suspected-rename {NEU}"]


def test_only_a_new_account_is_suspected() -> None:
    row = mailbox_row(NEU)
    assert said(new(row)) == [], "it is live"
    quota = context(change_of_quota(NEU), mailboxes=[box(NEU, member="4711")], live=[*LIVE, mailbox_row(NEU)])
    assert said(quota) == []


def test_a_renamed_account_is_no_new_one() -> None:
    """The register speaks of new accounts; a rename makes a mailbox for an account that stands."""
    looked_at = context(attach(), mailboxes=[box(NEU)], renames=[rename(ALT, NEU)], live=LIVE)
    assert said(looked_at) == []


def test_a_mailbox_does_not_move_onto_another() -> None:
    """`move` onto an existing mailbox is refused, with `attach` as the way."""
    looked_at = context(mailboxes=[box(NEU)], renames=[moving(ALT, NEU)], live=[*LIVE, mailbox_row(NEU)])
    finding = only(looked_at)
    assert (finding.rule, finding.subject, finding.owner) == ("move-target", NEU, account(NEU))
    assert finding.message == f"{ALT} cannot move to {NEU}, which is a mailbox already"
    assert finding.hint == f"write `old_mailbox: attach` in this rename: {ALT} stays and is attached in OX"
    assert finding.place is not None


@pytest.mark.parametrize("live", [LIVE, (domain(), mailbox_row(NEU))], ids=["to come", "done"])
def test_a_move_that_is_to_come_or_done_is_fine(live: tuple[Row, ...]) -> None:
    assert said(context(mailboxes=[box(NEU)], renames=[moving(ALT, NEU)], live=live)) == []


def found_at_new(looked_at: GateContext, row: Row) -> GateContext:
    """With the row under the new address."""
    records = looked_at.snapshot.records["all"]
    paired = {"all": {**records, "mailbox": {**records["mailbox"], NEU: row}}}
    snapshot = replace(looked_at.snapshot, records=paired)
    return replace(looked_at, snapshot=snapshot, identity=Identity(looked_at.plan, snapshot, looked_at.remembered))


def test_a_mailbox_that_is_found_under_its_new_address_is_not_there_yet() -> None:
    """As `pair` puts it: under the new address, with its own old key."""
    looked_at = context(mailboxes=[box(NEU)], renames=[moving(ALT, NEU)], live=LIVE)
    assert said(found_at_new(looked_at, looked_at.snapshot.records["all"]["mailbox"][ALT])) == []


def test_a_chain_of_moves_is_looked_through_to_the_last_attached_mailbox() -> None:
    yesterday = TODAY - timedelta(days=1)
    live = [*LIVE, mailbox_row(NEU)]
    both = [moving(ALT, DIRT, yesterday), moving(DIRT, NEU)]
    assert said(context(mailboxes=[box(NEU)], renames=both, live=live)) == [f"move-target {NEU}"]
    attached = [rename(ALT, DIRT, yesterday), moving(DIRT, NEU)]
    assert said(context(mailboxes=[box(NEU)], renames=attached, live=live)) == [], "it stays, as it was declared"
    twice = [*live, mailbox_row(DIRT)]
    assert said(context(mailboxes=[box(NEU)], renames=both, live=twice)) == [f"move-target {NEU}"], "said once"


TAKEN: tuple[Row, ...] = (*LIVE, mailbox_row(NEU, name="Somebody Else"), alias_row(NEU))
LEADS = transition(account(NEU), (alias_row(ALT), alias_row(ALT, NEU)))


def onto(*live: Row, member: str | None = "4711", **more: Any) -> GateContext:
    """The rename onto an address that is a mailbox already; of it nothing but the old alias is left to do."""
    by_key = {(type(row), row.key): row for row in (*TAKEN, *live)}
    declared: dict[str, Any] = {
        "mailboxes": [box(NEU, name="Pirat Neu", member=member)],
        "renames": [rename(ALT, NEU)],
        **more,
    }
    return context(LEADS, live=by_key.values(), **declared)


def test_the_mailbox_of_somebody_else_is_not_taken() -> None:
    """docs/accounts.md; no refusal offers an entry that would take it."""
    finding = only(onto())
    assert (finding.rule, finding.subject, finding.owner) == ("foreign", NEU, account(NEU))
    assert (
        finding.message
        == f"{NEU} (Somebody Else) is a mailbox already, and not that of {ALT}: it is called Somebody Else"
    )
    assert [entry.section for entry in finding.entries] == ["confirm"]
    assert said(onto(confirms=[confirm("foreign", NEU)])) == []


def test_a_bare_mailbox_may_be_the_first_step_by_hand_and_is_said() -> None:
    """docs/accounts.md: no OX user, no member alias, never ours."""
    for looked_at in (onto(mailbox_row(NEU)), onto(mailbox_row(NEU), mailboxes=[box(NEU)])):
        assert said(looked_at) == []
        assert f"rename-by-hand {NEU}" in said(looked_at, Severity.NOTE)
    ours = remembered((NEU, mailbox_row(NEU)))
    assert said(onto(mailbox_row(NEU), remembered=ours)) == [f"foreign {NEU}"]


def follows(primary: str) -> Row:
    return ox_user("3", "pirat.alt", primary, NEU, ALT, key=NEU)


@pytest.mark.parametrize(
    "begun",
    [
        onto(mailbox_row(NEU, name="pirat neu")),
        onto(alias_row(f"4711@{D}", NEU)),
        onto(alias_row("4711@other.example", NEU, "x@extern.example")),
        onto(alias_row(ALT, NEU)),
        onto(follows(NEU)),
        onto(renames=[rename(NEU, ALT, TODAY - timedelta(days=9)), rename(ALT, NEU)]),
    ],
    ids=["step 1: the names", "step 2", "step 2, other domain", "step 3", "step 7", "rename back"],
)
def test_a_rename_that_somebody_began_by_hand_is_finished(begun: GateContext) -> None:
    """docs/rename-invariants.md, invariant 4: recognised after any number of the wiki's steps."""
    assert said(begun) == []


@pytest.mark.parametrize(
    "not_begun",
    [
        onto(alias_row(f"4712@{D}", NEU)),
        onto(alias_row(f"4711@{D}", NEU), member=None),
        onto(alias_row(ALT, NEU, ALT)),
        onto(follows(ALT)),
        onto(ox_user("3", "pirat.neu", NEU, key=NEU)),
        onto(remembered=remembered(unseen={account(ALT): frozenset({"letter"})})),
        onto(remembered=remembered(unseen={account(NEU): frozenset({"letter"})})),
    ],
    ids=["other member", "no member", "a copy", "not yet followed", "its own user", "another account", "not told yet"],
)
def test_less_than_that_shows_nothing(not_begun: GateContext) -> None:
    assert said(not_begun) == [f"foreign {NEU}"]


def test_who_is_removed_takes_nothing() -> None:
    """The old mailbox was attached, and nobody declares the new one any more."""
    off = transition(
        account(NEU), *((row, row._replace(active=False)) for row in (mailbox_row(NEU), alias_row(ALT, NEU)))
    )
    looked_at = onto(alias_row(ALT, NEU), mailboxes=[box(DIRT)], removals=[removal(NEU)])
    assert said(replace(looked_at, transitions=(off,))) == []


def test_the_mailbox_that_is_to_move_there_is_not_somebody_elses() -> None:
    """As `pair` puts it, under the new address; an older one that was attached is beside it."""
    chain = [rename(ALT, DIRT, TODAY - timedelta(days=1)), moving(DIRT, NEU)]
    moves = transition(account(NEU), (mailbox_row(DIRT), mailbox_row(NEU)), (None, alias_row(DIRT, NEU)))
    looked_at = context(moves, mailboxes=[box(NEU, name="Pirat Neu")], renames=chain, live=LIVE)
    assert said(found_at_new(looked_at, mailbox_row(DIRT))) == []
    assert said(found_at_new(looked_at, mailbox_row(NEU, name="Somebody Else"))) == [f"foreign {NEU}"]


def test_drift_after_a_rename_takes_nothing() -> None:
    looked_at = onto()
    assert said(replace(looked_at, transitions=(change_of_quota(NEU),))) == []
    without_old = [row for row in TAKEN if row.key != ALT or isinstance(row, AliasRow)]
    declared: dict[str, Any] = {"mailboxes": [box(NEU)], "renames": [rename(ALT, NEU)]}
    assert said(context(LEADS, live=without_old, **declared)) == [], "there is no old mailbox that would follow"
    assert said(context(attach(), live=LIVE, **declared)) == [], "the address is free"
