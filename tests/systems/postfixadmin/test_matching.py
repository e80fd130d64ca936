"""Sets of renames and every state in which an account can be found, worked out without a database
(docs/rename-invariants.md).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, OldMailbox
from reconciler.model.records import AliasRow, DomainRow, MailboxRow, Records, Row, VacationRow
from reconciler.planning.changes import Action, Change
from reconciler.planning.new_passwords import CredentialEvents
from reconciler.planning.plan_context import PlanContext
from reconciler.settings import Settings
from reconciler.systems.postfixadmin.expect import expect
from reconciler.systems.postfixadmin.matching import match
from reconciler.systems.postfixadmin.side_effects import side_effects
from tests.model_of_postfix import assert_reachable
from tests.systems.postfixadmin.people import anna, declared, rename
from tests.systems.postfixadmin.support import alias, mailbox

SITE = Settings.model_validate({"site": "t", "folder": Path("/"), "postfixadmin": {"url": "sqlite:///pfa.db"}})
RETENTION = 90
A, B, C, N = "a@pirat.alt", "b@pirat.alt", "c@pirat.alt", "10042@pirat.alt"
TOKENS = {address: f"{address[0]}#pirat.alt@autoreply.example" for address in (A, B, C)}
MAY, JUNE, JULY = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
KINDS = (OldMailbox.ATTACH, OldMailbox.MOVE)


def live(mailboxes: dict[str, str], aliases: dict[str, str], vacations: tuple[str, ...] = ()) -> Records:
    """Found rows: mailbox → name, alias → goto."""
    rows: Records = {
        "mailbox": {k: MailboxRow(k, "", name, 512, True) for k, name in mailboxes.items()},
        "alias": {k: AliasRow(k, "", tuple(sorted(set(goto.split(",")))), True) for k, goto in aliases.items()},
        "domain": {"pirat.alt": DomainRow("pirat.alt", True)},
    }
    return rows | ({"vacation": {k: VacationRow(k, "", True) for k in vacations}} if vacations else {})


def planned(desired: DesiredState, found: Records) -> list[Change]:
    """What would be done."""
    context = PlanContext.of(desired)
    settled, paired = match(context, expect(context, SITE), found, RETENTION)
    changes = []
    for kind, table in settled.items():
        for key, row in table.items():
            before = paired.get(kind, {}).get(key)
            after: Row | None = row.merged_with(before) if before is not None else row
            if after is not before:
                renames = before is not None and before.key != key
                action = Action.CREATE if before is None else Action.RENAME if renames else Action.UPDATE
                changes.append(Change("postfixadmin", kind, action, key, before, after, row.owner))
    return changes


def carried_out(found: Records, changes: list[Change]) -> Records:
    """`found` afterwards."""
    after: Records = {kind: dict(table) for kind, table in found.items()}
    for change in changes:
        if change.before is not None:
            del after[change.kind][change.before.key]
        assert change.after is not None
        after.setdefault(change.kind, {})[change.key] = change.after
    return after


def done(desired: DesiredState, found: Records) -> Records:
    """The end state; a second plan is empty."""
    after = carried_out(found, planned(desired, found))
    assert planned(desired, after) == []
    return after


def shown(records: Records) -> dict[str, str]:
    """Mailbox → name."""
    return {k: row.name for k, row in records["mailbox"].items() if isinstance(row, MailboxRow)}


def led(records: Records) -> dict[str, str]:
    """Alias → goto."""
    return {k: ",".join(row.goto) for k, row in records["alias"].items() if isinstance(row, AliasRow)}


def test_a_chain_whose_middle_was_never_live() -> None:
    """docs/rename-invariants.md, "Sets of renames": b becomes a plain alias, "ehem." is the first surname."""
    desired = declared(anna(C), rename(A, B, MAY, former_surname="Alt"), rename(B, C, JUNE, former_surname="Mittel"))
    after = done(desired, live({A: "Anna Alt"}, {A: f"{A},x@extern.example", N: A}))
    assert shown(after) == {A: "Anna Beispiel ehem. Alt", C: "Anna Beispiel"}
    assert led(after) == {A: C, B: C, C: f"{C},x@extern.example", N: C}


def test_a_chain_whose_first_rename_is_done() -> None:
    """Each old mailbox bears the name that it had; a later plan changes only what the second rename means."""
    desired = declared(anna(C), rename(A, B, MAY, former_surname="Alt"), rename(B, C, JUNE, former_surname="Mittel"))
    after = done(desired, live({A: "Anna Mittel ehem. Alt", B: "Anna Mittel"}, {A: B, B: B, N: B}))
    assert shown(after) == {A: "Anna Beispiel ehem. Alt", B: "Anna Beispiel ehem. Mittel", C: "Anna Beispiel"}
    assert led(after) == {A: C, B: C, C: C, N: C}


@pytest.mark.parametrize("kind", KINDS)
def test_renamed_back(kind: OldMailbox) -> None:
    """The mailbox of the earlier rename is the account's own; where it was moved, it moves back."""
    there = declared(anna(B), rename(A, B, MAY, former_surname="Alt", old_mailbox=kind))
    between = done(there, live({A: "Anna Alt"}, {A: f"{A},x@extern.example", N: A}))
    back = declared(
        anna(A, name="Anna Alt"),
        rename(A, B, MAY, former_surname="Alt", old_mailbox=kind),
        rename(B, A, JUNE, former_surname="Beispiel", old_mailbox=kind),
    )
    after = done(back, between)
    attached = {} if kind is OldMailbox.MOVE else {B: "Anna Alt ehem. Beispiel"}
    assert shown(after) == {A: "Anna Alt", **attached}
    assert led(after) == {A: f"{A},x@extern.example", B: A, N: A}


def test_an_address_whose_domain_was_given_up_is_not_made() -> None:
    """PostfixAdmin has no place for it, and nobody else can have it."""
    after = done(declared(anna(B), rename("a@weg.alt", B, MAY)), live({B: "Anna Beispiel"}, {B: B, N: B}))
    assert "a@weg.alt" not in led(after)


def test_a_declared_number_of_the_old_domain_is_left_to_its_entry() -> None:
    """Git says where it leads."""
    number = alias(N, "kasse@extern.example")
    found = live({A: "Anna Alt"}, {A: A, N: "kasse@extern.example"})
    found["domain"]["verein.alt"] = DomainRow("verein.alt", True)
    desired = declared(anna("a@verein.alt", member=None), number, rename(A, "a@verein.alt", MAY))
    assert led(done(desired, found))[N] == "kasse@extern.example"


def test_the_number_of_the_old_domain_is_left_where_somebody_else_has_it() -> None:
    """Only what leads to this person is theirs."""
    found = live({A: "Anna Alt"}, {A: A, N: "bernd@pirat.alt"})
    found["domain"]["verein.alt"] = DomainRow("verein.alt", True)
    after = done(declared(anna("a@verein.alt"), rename(A, "a@verein.alt", MAY)), found)
    assert led(after)[N] == "bernd@pirat.alt"


def test_one_alias_that_leads_to_two_renamed_people_is_rewritten_once() -> None:
    desired = declared(
        anna(B),
        mailbox(C),
        rename(A, B, MAY, rewrite_references=True),
        rename("d@pirat.alt", C, MAY, rewrite_references=True),
    )
    found = live(
        {A: "A", "d@pirat.alt": "D"}, {A: A, "d@pirat.alt": "d@pirat.alt", "alle@pirat.alt": f"{A},d@pirat.alt"}
    )
    assert led(done(desired, found))["alle@pirat.alt"] == f"{B},{C}"


def test_all_mailboxes_of_a_person_get_the_new_password() -> None:
    """The attached one is opened with it; one that is made in this plan gets it as it is made."""
    desired = declared(anna(C), rename(A, B, MAY), rename(B, C, JUNE))
    found = live({A: "Anna", B: "Anna"}, {A: B, B: B, N: B})
    context = PlanContext.of(desired)
    pair = match(context, expect(context, SITE), found, RETENTION)
    changes = planned(desired, found)
    owner = changes[0].owner
    renew, nothing = CredentialEvents(renew=True), CredentialEvents()
    after = side_effects("postfixadmin", context, owner, changes, pair, events=renew, welcome_mail=True)
    assert sorted((c.kind, c.key) for c in after) == [("password", A), ("password", B), ("welcome_mail", C)]
    assert side_effects("postfixadmin", context, owner, [], pair, events=nothing, welcome_mail=True) == []
    assert {c.row.account for c in after if hasattr(c.row, "account")} == {C}


targets = st.sampled_from([A, B, C, N, "x@extern.example", "y@extern.example", *TOKENS.values()])
gotos = st.sets(targets, min_size=1, max_size=4).map(lambda goto: ",".join(sorted(goto)))
states = st.builds(
    live,
    st.dictionaries(
        st.sampled_from([A, B, C]), st.sampled_from(["Anna Alt", "Anna Beispiel ehem. Alt", ""]), max_size=3
    ),
    st.dictionaries(st.sampled_from([A, B, C, N]), gotos, max_size=4),
    st.sets(st.sampled_from([A, B, C])).map(tuple),
)


@settings(max_examples=400, deadline=None)
@given(states, st.sampled_from(KINDS), st.sampled_from(KINDS), st.booleans(), st.booleans())
def test_from_any_state_one_plan_arrives(
    found: Records, first: OldMailbox, second: OldMailbox, rewrite: bool, back: bool
) -> None:
    """The second plan is empty, each address reaches the person, no mailbox and no forward of theirs is lost.

    Where the new mailbox's user, or the old one's, forwards all of their mail already, that is theirs to decide.
    """
    assume(not back or C not in {key for table in found.values() for key in table})
    last = rename(B, A if back else C, JUNE, old_mailbox=second, rewrite_references=rewrite)
    account = Address(last.new)
    if back:  # somebody else's address there
        found["alias"] = {k: r for k, r in found["alias"].items() if isinstance(r, AliasRow) and C not in r.goto}
    before = {k: row for k, row in found["alias"].items() if isinstance(row, AliasRow)}
    after = done(declared(anna(account), rename(A, B, MAY, old_mailbox=first), last), found)
    own = {A, B} if back else {A, B, C}
    assert len(after["mailbox"]) >= len(found["mailbox"])
    own_alias = after["alias"][account]
    assert isinstance(own_alias, AliasRow)
    if account in own_alias.goto:
        assert_reachable(after, {*own, N}, own)
    else:
        chosen = [row.goto for key, row in before.items() if key in own and own.isdisjoint(row.goto)]
        assert any(set(goto) & set(own_alias.goto) for goto in chosen)
    for address in own & found["mailbox"].keys() & before.keys():
        forwards = {target for target in before[address].goto if target.endswith("extern.example")}
        assert forwards <= set(own_alias.goto)
    stale = {TOKENS[address] for address in own - {account}}
    assert stale.isdisjoint(own_alias.goto)
    assert len(after.get("vacation", {})) == len(found.get("vacation", {}))
