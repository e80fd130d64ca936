"""Removals that are to come; confirmations: used, unused, over; how hints write YAML."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.declared import Confirm, GroupwareAccount, SenderBlock
from reconciler.model.records import BlockRow, Owner, Row, Scope
from reconciler.model.source_places import Origin
from reconciler.planning.finding import Finding, Severity
from reconciler.policy.confirmations import confirmed, with_confirm_entry
from reconciler.policy.gates import run_gates
from reconciler.policy.wording import confirm_entry, rename_entry, scalar
from tests.policy.drafts import (
    ALT,
    NEU,
    TODAY,
    D,
    account,
    alias,
    alias_goes,
    alias_row,
    box,
    confirm,
    context,
    creation,
    domain,
    mailbox_row,
    only,
    purge,
    remembered,
    removal,
    said,
    transition,
)


def coming(offset: int, groupware: GroupwareAccount = GroupwareAccount.KEEP, live: bool = True) -> list[str]:
    rows: list[Row] = [domain(), *([mailbox_row(ALT)] if live else [])]
    gone = removal(ALT, TODAY + timedelta(days=offset), groupware)
    found = run_gates(context(mailboxes=[box(NEU)], removals=[gone], live=rows))
    findings = [f for f in found if f.rule != "removal-unknown"]
    assert all((f.severity, f.rule, f.subject, f.owner) == (Severity.NOTE, "removal", ALT, None) for f in findings)
    assert {f.hint for f in findings} <= {KEEP}
    return [f.message for f in findings]


KEEP = "to keep the mailbox, remove the removal before that day, and declare the mailbox again"


def test_a_removal_is_announced_until_its_purge() -> None:
    """A future removal is listed, status 0."""
    assert coming(1) == [f"{ALT} is switched off on 2026-11-25 and is purged on 2027-02-23: left"]
    assert coming(0) == [f"{ALT} is purged on 2027-02-22: left"]
    assert coming(-89) == [f"{ALT} is purged on 2026-11-25: left"]
    assert coming(-90) == []
    assert coming(1, live=False) == []
    assert coming(0, GroupwareAccount.DELETE) == [f"{ALT} is purged on 2027-02-22 with its OX account: left"]


def test_what_is_switched_on_is_not_purged() -> None:
    """A date that is long past skips no retention."""
    off, on = purge(ALT), transition(account(ALT), (mailbox_row(ALT), None))
    declared: dict[str, Any] = {"mailboxes": [box(NEU)], "removals": [removal(ALT, TODAY - timedelta(days=400))]}
    finding = only(context(on, live=[domain(), mailbox_row(ALT)], **declared))
    assert (finding.rule, finding.subject, finding.owner) == ("early-purge", ALT, account(ALT))
    assert finding.message == f"{ALT} is switched on and would be purged at once, without its 90 days switched off"
    assert finding.hint.startswith("write `date: 2026-11-24` at its removal: ")
    live: tuple[Row, ...] = (domain(), mailbox_row(ALT, active=False))
    assert said(context(off, live=live, **declared)) == []
    assert said(context(off, live=live, remembered=remembered(), **declared)) == [f"early-purge {ALT}"]


BAD = f"x--y@{D}"


def test_a_used_confirmation_is_a_note_with_its_reason() -> None:
    looked_at = context(creation(BAD), mailboxes=[box(BAD)], live=[domain()], confirms=[confirm("naming", BAD)])
    (finding,) = run_gates(looked_at)
    assert (finding.severity, finding.rule, finding.subject) == (Severity.NOTE, "naming", BAD)
    assert finding.message.endswith("; confirmed until 2026-11-24: agreed")
    assert finding.hint == "remove the confirmation once this is applied"
    assert finding.place is not None
    assert finding.place.file.startswith("state.yaml/confirm/")
    assert finding.owner == account(BAD)


def test_only_a_refusal_can_be_confirmed_and_only_of_a_gate_that_can() -> None:
    looked_at = context(confirms=[confirm("naming", BAD), confirm("move-target", BAD)])
    refused = Finding(Severity.REFUSAL, "naming", BAD, "no", "")
    assert confirmed(looked_at, refused) == confirm("naming", BAD)
    assert confirmed(looked_at, refused._replace(severity=Severity.WARNING)) is None
    assert confirmed(looked_at, refused._replace(rule="move-target")) is None
    assert with_confirm_entry(looked_at, refused).entries == (confirm_entry("naming", BAD, TODAY),)
    for other in (refused._replace(severity=Severity.WAIT), refused._replace(rule="move-target")):
        assert with_confirm_entry(looked_at, other) == other


@pytest.mark.parametrize(
    "entry",
    [
        confirm("naming", NEU),
        confirm("register", BAD),
        confirm("naming", D),
        confirm("naming", BAD, TODAY - timedelta(days=1)),
    ],
    ids=["subject", "gate", "domain", "over"],
)
def test_a_confirmation_of_something_else_lifts_nothing(entry: Confirm) -> None:
    looked_at = context(creation(BAD), mailboxes=[box(BAD)], live=[domain()], confirms=[entry])
    assert said(looked_at) == [f"naming {BAD}"]


def test_an_unused_one_is_said_and_one_that_is_over_is_the_loaders() -> None:
    over = confirm("naming", ALT, TODAY - timedelta(days=1))
    (finding,) = run_gates(context(mailboxes=[box(NEU)], confirms=[confirm("naming", NEU), over]))
    assert (finding.severity, finding.rule, finding.subject) == (Severity.NOTE, "unused-confirm", NEU)
    assert finding.message == f"nothing needs the confirmation of naming for {NEU}"
    assert finding.place is not None


def test_a_domain_is_confirmed_for_all_its_addresses() -> None:
    missing = ["a@new.example", "b@new.example", "c@other.example"]
    looked_at = context(
        *map(creation, missing),
        mailboxes=map(box, missing),
        live=[domain()],
        confirms=[confirm("missing-domain", "new.example"), confirm("naming", "new.example")],
    )
    assert said(looked_at) == ["missing-domain c@other.example"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (ALT, ALT),
        ("openxchange/4200", "openxchange/4200"),
        ("nrw", "nrw"),
        ("2024", '"2024"'),
        (f"*@{D}", f'"*@{D}"'),
        (f"{{x}}@{D}", f'"{{x}}@{D}"'),
        ("4711@mail.example", '"4711@mail.example"'),
        ("1and1.example", '"1and1.example"'),
        ("jörg 𝄞", '"jörg 𝄞"'),
    ],
)
def test_subjects_are_quoted_where_yaml_would_misread_them(text: str, written: str) -> None:
    assert scalar(text) == written


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "y", "n", "true", "false", "null"])
def test_a_site_may_be_called_what_yaml_has_a_word_for(word: str) -> None:
    assert scalar(word) == f'"{word}"'
    assert scalar(f"{word}-site") == f"{word}-site"


def test_entries_are_on_one_line_and_within_what_is_allowed() -> None:
    entry = confirm_entry("naming", BAD, TODAY)
    assert str(entry) == f'confirm:\n  - {{gate: naming, subject: {BAD}, until: 2026-12-01, reason: ""}}\n'
    assert str(rename_entry(ALT, NEU, TODAY)) == f"renames:\n  - {{from: {ALT}, to: {NEU}, date: 2026-11-24}}\n"


@pytest.mark.parametrize(
    ("key", "wide"),
    [
        ("co.uk", True),
        ("or.at", True),
        ("nsw.edu.au", True),
        ("anything.ck", True),  # every name under ck
        ("xn--55qx5d.cn", True),  # in A-labels, as we store them
        ("x.uk", False),
        ("com.de", False),  # somebody's own, like ne.de
        ("github.io", False),  # somebody's own, who lets others in; an offer of spam like any other
        ("co.example", False),
    ],
)
def test_nobody_blocks_what_is_sold_by_the_label(key: str, wide: bool) -> None:
    block = SenderBlock(key, True, "spam", Origin("state.yaml", "sender_blocks", key))
    added = transition(Owner(Scope.BLOCK, key), (None, BlockRow(key, "REJECT")))
    assert said(context(added, mailboxes=[box(NEU)], blocks=[block])) == ([f"wide-block {key}"] if wide else [])


def test_nobody_misses_a_domain_while_domains_are_unknown() -> None:
    assert said(context(creation(f"a@{D}"), mailboxes=[box(f"a@{D}")], unread=True)) == []
    written = transition(Owner(Scope.ALIAS, f"i@{D}"), (None, alias_row(f"i@{D}", f"nobody@{D}")))
    assert said(context(written, mailboxes=[box(NEU)], unread=True)) == []


def test_an_alias_that_a_declared_one_leads_to_is_not_removed() -> None:
    target, other = f"presse@{D}", f"vorstand@{D}"
    live: list[Row] = [domain(), alias_row(target), alias_row(other, target)]
    named = context(alias_goes(target), mailboxes=[box(NEU)], aliases=[alias(other, target)], live=live)
    assert said(named) == [f"dangling-alias {target}"]
    assert said(context(alias_goes(target), mailboxes=[box(NEU)], live=live)) == []
