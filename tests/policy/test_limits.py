"""Limits (docs/gates.md, "Limits": allowed = min(number, max(at_least, share × managed accounts))); the empty state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.declared import SenderBlock
from reconciler.model.records import BlockRow, MailboxRow, Owner, Row, Scope
from reconciler.model.source_places import Origin
from reconciler.planning.finding import Severity, StateEntry
from reconciler.planning.ledger_state import Remembered
from reconciler.planning.transitions import Effect, Transition
from reconciler.policy.gate_context import GateContext
from reconciler.policy.gates import run_gates, summary
from reconciler.policy.limits import managed
from reconciler.workflow_reading import counted_accounts
from tests.policy.drafts import (
    ALT,
    NEU,
    TODAY,
    D,
    account,
    alias_goes,
    alias_row,
    attach,
    box,
    change_of_quota,
    confirm,
    context,
    creation,
    domain,
    mailbox_row,
    only,
    purge,
    remembered,
    removal,
    rename,
    said,
    switching_off,
    transition,
)

OTHER = "other.example"
TIGHT = {"removals": {"number": 0}, "changes": {"number": 0}, "creations": {"number": 0}}


def people(number: int, of: str = D) -> list[str]:
    return [f"p{n}@{of}" for n in range(number)]


def site_of(
    number: int,
    *transitions: Transition,
    others: int = 0,
    removed: tuple[str, ...] = (),
    **more: Any,
) -> GateContext:
    """That many live accounts in the first domain, and in another; all declared but the removed."""
    addresses = people(number) + people(others, OTHER)
    return context(
        *transitions,
        mailboxes=[box(a) for a in addresses if a not in removed],
        live=[domain(), domain(OTHER), *(mailbox_row(a) for a in addresses)],
        removals=[removal(a) for a in removed],
        **more,
    )


def removing(number: int, planned: int, **more: Any) -> GateContext:
    removed = tuple(people(planned))
    return site_of(number, *(switching_off(a) for a in removed), removed=removed, **more)


@pytest.mark.parametrize(
    ("accounts", "allowed"),
    [(1, 1), (3, 1), (199, 1), (200, 2), (412, 4), (600, 5), (900, 5)],
    ids=["one", "small", "floor", "1 %", "sample", "number", "large"],
)
def test_removals_as_shipped(accounts: int, allowed: int) -> None:
    """share 1 %, at_least 1, number 5."""
    assert said(removing(accounts, allowed)) == []
    if allowed < accounts:
        assert said(removing(accounts, allowed + 1)) == ["removals nrw"]


def test_the_refusal_has_numbers_limits_and_the_entry_that_allows_it() -> None:
    finding = only(removing(412, 5))
    assert finding.message == "5 removals with 412 managed accounts of nrw: at most 4 allowed (limit 1 %, 5)"
    assert finding.hint == (
        "check whether all of them are meant: p0@mail.example, p1@mail.example, p2@mail.example, p3@mail.example, "
        "p4@mail.example"
    )
    assert finding.entries == (StateEntry("confirm", '{gate: removals, subject: nrw, until: 2026-12-01, reason: ""}'),)
    assert finding.owner is None, "the whole plan is refused"
    assert only(removing(412, 6)).hint == f"{finding.hint} and 1 more"
    assert only(removing(412, 7)).hint.endswith(" and 2 more")


def test_changes_as_shipped_are_ten_at_least() -> None:
    assert said(site_of(12, *(change_of_quota(a) for a in people(10)))) == []
    assert said(site_of(12, *(change_of_quota(a) for a in people(11)))) == ["changes nrw"]
    assert said(site_of(50, *(change_of_quota(a) for a in people(15)))) == []
    assert said(site_of(50, *(change_of_quota(a) for a in people(16)))) == ["changes nrw"]


@pytest.mark.parametrize(("limit", "allowed"), [("removals", 1), ("changes", 10)])
def test_a_share_without_at_least_still_lets_the_least_through(limit: str, allowed: int) -> None:
    """`at_least` 1 for removals and 10 for changes."""
    policy = {"limits": {limit: {"share": 0.0, "number": 100}}}
    make = switching_off if limit == "removals" else change_of_quota

    def found(number: int) -> list[str]:
        removed = tuple(people(number)) if limit == "removals" else ()
        return said(site_of(20, *(make(a) for a in people(number)), removed=removed, policy=policy))

    assert found(allowed) == []
    assert found(allowed + 1) == [f"{limit} nrw"]


def test_creations_are_limited_by_number_only() -> None:
    policy = {"limits": {"creations": {"number": 3}}}
    new = [f"new{n}@{D}" for n in range(4)]

    def found(number: int) -> list[str]:
        declared = [box(a) for a in (*people(2), *new)]
        live: list[Row] = [domain(), *(mailbox_row(a) for a in people(2))]
        return said(context(*(creation(a) for a in new[:number]), mailboxes=declared, live=live, policy=policy))

    assert found(3) == []
    assert found(4) == ["creations nrw"]


def test_a_share_of_creations_has_no_least() -> None:
    policy = {"limits": {"creations": {"share": 0.0, "number": 9}}}
    assert said(site_of(10, creation(f"new@{D}"), policy=policy)) == ["creations nrw"]


def test_a_small_domain_is_protected_on_a_large_site() -> None:
    """Per domain and over all."""
    removed = (f"p0@{OTHER}", f"p1@{OTHER}")
    looked_at = site_of(800, *(switching_off(a) for a in removed), others=5, removed=removed)
    assert said(looked_at) == [f"removals {OTHER}"]
    spread = ("p0@mail.example", f"p0@{OTHER}")
    assert said(site_of(800, *(switching_off(a) for a in spread), others=5, removed=spread)) == []


def effects(looked_at: GateContext) -> dict[Owner, Effect]:
    return {t.owner: t.effect for t in looked_at.transitions}


def test_on_a_site_of_one_domain_it_is_said_once() -> None:
    assert said(removing(10, 2)) == ["removals nrw"]
    assert said(removing(10, 2, others=1)) == ["removals nrw", f"removals {D}"]


@pytest.mark.parametrize("make", [switching_off, purge])
def test_a_removal_is_one_however_many_rows(make: Any) -> None:
    """Switching off and the purge count as one removal each."""
    past = remembered(removed=frozenset({"p0@mail.example"}))
    looked_at = site_of(10, make("p0@mail.example"), removed=("p0@mail.example",), remembered=past)
    assert effects(looked_at) == {account("p0@mail.example"): Effect.REMOVAL}
    assert said(looked_at) == []


def test_active_false_is_a_change() -> None:
    assert effects(site_of(3, switching_off("p0@mail.example"))) == {account("p0@mail.example"): Effect.CHANGE}


def test_a_purge_counts_also_when_nothing_names_it_any_more() -> None:
    assert effects(context(purge("p0@mail.example"))) == {account("p0@mail.example"): Effect.REMOVAL}


def test_a_rename_is_a_change_and_no_creation() -> None:
    looked_at = context(attach(), mailboxes=[box(NEU)], renames=[rename(ALT, NEU)], live=[mailbox_row(ALT)])
    assert effects(looked_at) == {account(NEU): Effect.CHANGE}
    new_only = transition(account(NEU), (None, mailbox_row(NEU)))
    looked_at = context(new_only, mailboxes=[box(NEU)], renames=[rename(ALT, NEU)])
    assert effects(looked_at) == {account(NEU): Effect.CHANGE}


def test_a_renamed_account_that_is_purged_is_a_removal_and_the_number_that_goes_is_none() -> None:
    renamed: dict[str, Any] = {"renames": [rename(ALT, NEU)], "live": [mailbox_row(NEU)]}
    assert effects(context(purge(NEU), **renamed)) == {account(NEU): Effect.REMOVAL}
    number = transition(account(NEU), (alias_row(f"4711@{D}", NEU), None))
    assert effects(context(number, mailboxes=[box(NEU)], **renamed)) == {account(NEU): Effect.CHANGE}


def test_aliases_count_and_the_limit_is_that_of_their_domain() -> None:
    looked_at = site_of(10, alias_goes(f"a@{D}"), alias_goes(f"b@{D}"))
    assert said(looked_at) == ["removals nrw"]
    assert said(site_of(10, alias_goes(f"a@{D}"))) == []


def lifted(key: str) -> Transition:
    return transition(Owner(Scope.BLOCK, key), (BlockRow(key, "REJECT"), None))


def block(key: str, days: int) -> SenderBlock:
    origin = Origin("state.yaml", "sender_blocks", key)
    return SenderBlock(key, True, "spam", origin, expires=TODAY + timedelta(days=days))


def test_blocks_that_end_by_their_date_do_not_count_and_those_taken_out_do() -> None:
    keys = [f"b{n}.example" for n in range(3)]
    ended = [block(key, -1) for key in keys]
    assert said(site_of(10, *map(lifted, keys), blocks=ended)) == []
    assert said(site_of(10, *map(lifted, keys))) == ["removals nrw"]
    added = [transition(Owner(Scope.BLOCK, key), (None, BlockRow(key, "REJECT"))) for key in keys]
    policy = {"limits": {"creations": {"number": 2}}}
    assert said(site_of(10, *added, blocks=[block(key, 1) for key in keys], policy=policy)) == ["creations nrw"]


def test_what_another_gate_stops_does_not_count() -> None:
    policy = {"protected": ["p0"]}
    assert said(removing(10, 2, policy=policy)) == ["protected p0@mail.example"]


def recent(*owners: Owner, effect: Effect = Effect.REMOVAL) -> dict[str, Any]:
    return {"remembered": remembered(recent={effect: owners})}


def test_the_window_adds_what_was_done_in_it() -> None:
    """Over one run and over the last 24 hours."""
    assert said(removing(10, 1, **recent())) == []
    finding = only(removing(10, 1, **recent(account(f"x@{D}"))))
    assert finding.message.startswith("1 removal now + 1 in 24 h with 10 managed accounts of nrw: at most 1 allowed")
    assert said(removing(10, 1, **recent(account(f"x@{D}"), effect=Effect.CHANGE))) == []
    assert said(site_of(10, **recent(account(f"x@{D}"), account(f"y@{D}")))) == [], "nothing is planned"


def test_an_account_counts_once_in_run_and_window() -> None:
    """A run that is taken up, and a purge on the day after the switching off."""
    assert said(removing(10, 1, **recent(account("p0@mail.example")))) == []


def test_the_window_is_that_of_the_domain_and_leaves_blocks_out() -> None:
    assert said(removing(500, 1, others=500, **recent(account(f"x@{OTHER}")))) == []
    assert said(removing(100, 1, others=400, **recent(account(f"x@{D}")))) == [f"removals {D}"]
    assert said(removing(10, 1, **recent(Owner(Scope.BLOCK, "spam.example")))) == []
    assert said(removing(10, 1, **recent(Owner(Scope.ALIAS, f"info@{D}")))) == ["removals nrw"]


def test_a_confirmation_lifts_one_limit_for_one_subject() -> None:
    two = removing(10, 2, others=1, confirms=[confirm("removals", "nrw")])
    assert said(two) == [f"removals {D}"]
    both = removing(10, 2, others=1, confirms=[confirm("removals", "nrw"), confirm("removals", D)])
    assert said(both) == []
    assert said(both, Severity.NOTE)[:2] == ["removals nrw", f"removals {D}"]
    assert said(removing(10, 2, confirms=[confirm("changes", "nrw")])) == ["removals nrw"]
    over = removing(10, 2, confirms=[confirm("removals", "nrw", TODAY - timedelta(days=1))])
    assert said(over) == ["removals nrw"]


def test_managed_are_live_accounts_that_we_know() -> None:
    """A renamed account is one, with its old mailbox; what nobody declares is none, unless it was ours."""
    rows: list[MailboxRow] = [mailbox_row(a) for a in (ALT, NEU, f"un@{D}", f"was@{D}", f"off@{D}")]
    looked_at = context(
        mailboxes=[box(NEU), box(f"tocome@{D}")],
        renames=[rename(ALT, NEU)],
        removals=[removal(f"off@{D}")],
        live=rows,
        remembered=remembered((f"was@{D}", rows[3]), (f"gone@{D}", rows[0]), (f"a@{D}", alias_row(f"a@{D}"))),
    )
    assert managed(looked_at) == {NEU, f"was@{D}", f"off@{D}"}


def test_an_alias_of_ours_makes_no_account_ours() -> None:
    """Somebody made a mailbox of it by hand since."""
    was_alias = remembered((f"info@{D}", alias_row(f"info@{D}", NEU)))
    live = [mailbox_row(NEU), mailbox_row(f"info@{D}")]
    assert managed(context(mailboxes=[box(NEU)], live=live, remembered=was_alias)) == {NEU}
    was_mailbox = remembered((f"info@{D}", live[1]))
    assert managed(context(mailboxes=[box(NEU)], live=live, remembered=was_mailbox)) == {NEU, f"info@{D}"}


@given(st.data())
def test_a_part_counts_the_same_without_a_look_at_all_that_is_declared(data: st.DataObject) -> None:
    """Whatever is declared, removed, renamed (also twice, back, and onto one that stays), noted and live."""
    addresses = [f"{name}@{D}" for name in "abc"]
    some = st.sets(st.sampled_from(addresses))
    declared, removed, noted, live = (data.draw(some) for _ in range(4))
    pair = st.tuples(st.sampled_from(addresses), st.sampled_from(addresses), st.integers(-1, 3))
    pairs = data.draw(st.lists(pair, min_size=1, max_size=3))
    looked_at = context(
        mailboxes=map(box, declared),
        removals=map(removal, removed),
        renames=[rename(old, new, TODAY - timedelta(days=days)) for old, new, days in pairs if old != new],
        live=map(mailbox_row, live),
        remembered=remembered(*((key, mailbox_row(key)) for key in noted)),
    )
    assert counted_accounts(looked_at.plan, Remembered(mailboxes=frozenset(noted)), live) == managed(looked_at)


def test_managed_before_the_new_mailbox_is_there() -> None:
    assert managed(context(mailboxes=[box(NEU)], renames=[rename(ALT, NEU)], live=[mailbox_row(ALT)])) == {NEU}


def test_managed_by_what_is_declared_when_the_mailboxes_are_unknown() -> None:
    assert managed(context(mailboxes=[box(a) for a in people(3)], unread=True)) == set(people(3))


def test_the_summary_says_what_the_limits_looked_at() -> None:
    """docs/gates.md, "Limits"."""
    assert summary(site_of(412)) == (
        "removals: 0 of at most 4 (412 accounts, 24 h) ✓",
        "changes: 0 of at most 123 (412 accounts, 24 h) ✓",
        "creations: 0 of at most 200 (24 h) ✓",
    )
    too_many = removing(412, 5, **recent(account(f"x@{D}")))
    assert summary(too_many)[0] == "removals: 5 now + 1 in 24 h, at most 4 (412 accounts) ✗"
    allowed = removing(412, 5, confirms=[confirm("removals", "nrw")])
    assert summary(allowed)[0] == "removals: 5 of at most 4 (412 accounts, 24 h) confirmed"
    assert summary(removing(800, 2, others=1))[0].endswith("✓")
    small = site_of(800, *(switching_off(a) for a in people(2, OTHER)), others=2, removed=tuple(people(2, OTHER)))
    assert summary(small)[0] == "removals: 2 of at most 1 (2 accounts, 24 h) in other.example ✗", "one domain is enough"
    stopped = removing(10, 2, policy={"protected": ["p0"]})
    assert summary(stopped, run_gates(stopped))[0] == "removals: 1 of at most 1 (10 accounts, 24 h) ✓"


def test_nothing_is_allowed_by_a_limit_of_nothing() -> None:
    policy = {"limits": TIGHT}
    assert said(removing(10, 1, policy=policy)) == ["removals nrw"]
    assert said(site_of(10, change_of_quota("p0@mail.example"), policy=policy)) == ["changes nrw"]
    assert said(site_of(0, creation("p0@mail.example"), policy=policy)) == ["creations nrw"]


def test_empty_state() -> None:
    """No declared mailbox at all while live ones exist in our domains or the inventory."""
    anna = mailbox_row(f"anna@{D}")
    finding = only(context(live=[domain(), anna]))
    assert (finding.rule, finding.subject, finding.owner) == ("empty-state", "nrw", None)
    assert "have 1 that no removal names" in finding.message
    assert said(context(live=[domain(), anna], mailboxes=[box(f"anna@{D}")])) == []
    assert said(context(live=[domain()])) == []
    assert said(context(live=[domain(OTHER), anna])) == [], "not in one of our domains"
    assert said(context(live=[domain(OTHER)], remembered=remembered((f"anna@{D}", anna)))) == ["empty-state nrw"]
    assert said(context(remembered=remembered((f"a@{D}", alias_row(f"a@{D}"))))) == []
    assert said(context(live=[domain(), anna], removals=[removal(f"anna@{D}")])) == []
    assert said(context(live=[domain(), anna], confirms=[confirm("empty-state", "nrw")])) == []
