"""OX logins that others hold; deleting OX accounts (docs/rename.md, "When something is in the way")."""

from __future__ import annotations

from typing import Any

from reconciler.model.declared import GroupwareAccount
from reconciler.planning.finding import StateEntry
from reconciler.policy.gate_context import GateContext
from tests.policy.drafts import (
    ALT,
    NEU,
    TODAY,
    D,
    account,
    attach,
    box,
    confirm,
    context,
    domain,
    mailbox_row,
    only,
    ox_user,
    purge,
    removal,
    rename,
    said,
    transition,
)

THEIRS = ox_user("4100", "pirat.alt", ALT, NEU)
SECOND = ox_user("4200", "pirat.neu", NEU, f"neu@{D}")
STRANGER = ox_user("7", "pirat.neu", "someone@else.example")


def renamed(*users: Any, deletes: bool = False, **more: Any) -> GateContext:
    return context(
        attach(THEIRS, *([(SECOND, None)] if deletes else [])),
        mailboxes=[box(NEU)],
        renames=[rename(ALT, NEU)],
        live=[domain(), mailbox_row(ALT), THEIRS._replace(key=NEU), *users],
        **more,
    )


def test_a_login_that_a_stranger_has_is_not_taken_by_a_rename() -> None:
    finding = only(renamed(STRANGER))
    assert (finding.rule, finding.subject, finding.owner) == ("foreign", NEU, account(NEU))
    assert "wants the OX login 'pirat.neu', but OX user 7 'pirat.neu', Pirat Neu (Pirat Neu), " in finding.message
    assert "someone@else.example has it" in finding.message
    assert "`groupware: {username: pirat.neu2}`" in finding.hint
    assert said(renamed()) == []


def test_nor_by_a_new_user_nor_by_a_change_of_login() -> None:
    new = transition(account(NEU), (None, SECOND._replace(key=NEU, id="")))
    assert said(context(new, mailboxes=[box(NEU)], live=[domain(), STRANGER])) == [f"foreign {NEU}"]
    before = THEIRS._replace(key=NEU)
    login = transition(account(NEU), (before, before._replace(login="pirat.neu")))
    assert said(context(login, mailboxes=[box(NEU)], live=[before, STRANGER])) == [f"foreign {NEU}"]
    other = transition(account(NEU), (before, before._replace(surname="Neuer")))
    assert said(context(other, mailboxes=[box(NEU)], live=[before, STRANGER])) == []


def test_a_login_that_becomes_free_in_the_same_transition_is_free() -> None:
    looked_at = renamed(SECOND, deletes=True, confirms=[confirm("second-account", "openxchange/4200")])
    assert said(looked_at) == []


def test_a_second_account_is_deleted_only_when_a_person_has_looked_at_it() -> None:
    finding = only(renamed(SECOND, deletes=True))
    assert (finding.rule, finding.subject, finding.owner) == ("second-account", "openxchange/4200", account(NEU))
    assert finding.message == (
        f"{NEU} has a second OX account: OX user 4200 'pirat.neu', Pirat Neu (Pirat Neu), {NEU}, neu@{D} would be "
        f"deleted, OX user 4100 'pirat.alt', Pirat Neu (Pirat Neu), {ALT}, {NEU} stays"
    )
    item = '{gate: second-account, subject: openxchange/4200, until: 2026-12-01, reason: ""}'
    assert finding.entries == (StateEntry("confirm", item),)


def test_the_confirmation_is_for_exactly_that_id() -> None:
    looked_at = renamed(SECOND, deletes=True, confirms=[confirm("second-account", "openxchange/4100")])
    assert said(looked_at) == ["second-account openxchange/4200"]


def test_one_that_is_the_only_one_is_said_to_be() -> None:
    looked_at = context(transition(account(NEU), (SECOND, None)), mailboxes=[box(NEU)], live=[domain()])
    assert "no other one of theirs was found" in only(looked_at).message
    assert said(looked_at) == ["second-account openxchange/4200"]


def removed(groupware: GroupwareAccount, **more: Any) -> GateContext:
    user = THEIRS._replace(key=ALT)
    users = [user] if groupware is GroupwareAccount.DELETE else []
    return context(
        purge(ALT, *users), removals=[removal(ALT, TODAY, groupware)], live=[domain(), mailbox_row(ALT), user], **more
    )


def test_deleting_the_groupware_account_asks_for_its_own_confirmation() -> None:
    finding = only(removed(GroupwareAccount.DELETE))
    assert (finding.rule, finding.subject, finding.owner) == ("groupware-delete", ALT, account(ALT))
    assert "OX user 4100 'pirat.alt'" in finding.message
    assert "contacts, calendar, tasks and files" in finding.message
    assert said(removed(GroupwareAccount.DELETE, confirms=[confirm("groupware-delete", ALT)])) == []
    assert said(removed(GroupwareAccount.KEEP)) == []
