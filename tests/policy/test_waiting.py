"""Passwords: what waits while a system that belongs to accounts is unknown, and a reset that no letter could tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.records import LetterRow, PasswordRow, Row, WelcomeMailRow
from reconciler.planning.finding import Severity
from reconciler.planning.transitions import Transition
from tests.policy.drafts import (
    ALT,
    NEU,
    TODAY,
    account,
    alias_goes,
    attach,
    box,
    change_of_quota,
    context,
    creation,
    domain,
    mailbox_row,
    purge,
    said,
    switching_off,
    transition,
)

NEW_PASSWORD = (None, PasswordRow(ALT, ALT))
LETTER = (None, LetterRow(ALT, ALT, "4711", "pirat@gmx.example", "password"))
MOVE = transition(account(NEU), (mailbox_row(ALT), mailbox_row(NEU)))


@pytest.mark.parametrize(
    "waiting",
    [
        creation(NEU),
        attach(),
        MOVE,
        transition(account(ALT), NEW_PASSWORD),
        transition(account(ALT), LETTER),
        transition(account(ALT), (None, WelcomeMailRow(ALT, ALT))),
    ],
    ids=["account", "attach", "move", "password", "letter", "welcome mail"],
)
def test_what_makes_or_tells_a_login_waits(waiting: Transition) -> None:
    looked_at = context(waiting, mailboxes=[box(NEU), box(ALT)], live=[domain(), mailbox_row(ALT)])
    assert said(looked_at, Severity.WAIT) == []
    unknown = replace(looked_at, waiting_for=("openxchange",))
    assert said(unknown, Severity.WAIT) == [f"unknown-system {waiting.owner.subject}"]


@pytest.mark.parametrize(
    "going_on",
    [change_of_quota(ALT), switching_off(ALT), purge(ALT), alias_goes(ALT)],
    ids=["quota", "off", "purge", "alias"],
)
def test_what_does_neither_goes_on(going_on: Transition) -> None:
    looked_at = context(going_on, mailboxes=[box(NEU)], live=[domain(), mailbox_row(ALT)])
    assert said(replace(looked_at, waiting_for=("openxchange",)), Severity.WAIT) == []


def test_a_reset_that_no_letter_tells_is_refused() -> None:
    boxes = [box(ALT, password_reset=TODAY)]
    live: list[Row] = [domain(), mailbox_row(ALT)]
    untold = context(transition(account(ALT), NEW_PASSWORD), mailboxes=boxes, live=live)
    assert said(untold) == [f"password-reset {ALT}"]
    assert said(context(transition(account(ALT), NEW_PASSWORD, LETTER), mailboxes=boxes, live=live)) == []
    assert said(context(change_of_quota(ALT), mailboxes=[box(ALT)], live=live)) == []
    assert said(replace(untold, waiting_for=("letters",))) == []
