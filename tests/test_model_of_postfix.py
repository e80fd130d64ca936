"""The model of Postfix's resolution that the tests of a rename lean on, case by case (facts/postfixadmin.md 6, 12)."""

from __future__ import annotations

import pytest

from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, MailboxRow, Records
from tests.model_of_postfix import Delivery, PostfixModel, assert_reachable

ANNA, BERND, LIST = "anna@pirat.alt", "bernd@pirat.alt", "liste@pirat.alt"


def found(aliases: dict[str, str], mailboxes: tuple[str, ...] = (ANNA, BERND), off: tuple[str, ...] = ()) -> Records:
    return {
        "alias": {k: AliasRow(k, "", tuple(filter(None, v.split(","))), k not in off) for k, v in aliases.items()},
        "mailbox": {k: MailboxRow(k, "", "", 0, k not in off) for k in mailboxes},
        "domain": {"pirat.alt": DomainRow("pirat.alt", True), "zwei.alt": DomainRow("zwei.alt", True)},
        "alias_domain": {"zwei.alt": AliasDomainRow("zwei.alt", "pirat.alt", True)},
    }


def ends(records: Records, address: str) -> Delivery:
    return PostfixModel.of(records).deliver(address)


def mailboxes(*addresses: str) -> Delivery:
    return Delivery(frozenset(addresses))


@pytest.mark.parametrize(
    ("aliases", "asked", "expected"),
    [
        ({ANNA: ANNA}, ANNA, mailboxes(ANNA)),
        ({}, ANNA, mailboxes(ANNA)),
        ({ANNA: ""}, ANNA, mailboxes(ANNA)),  # 6: an empty answer is as no row
        ({LIST: f"{ANNA},{BERND}", ANNA: BERND}, LIST, mailboxes(BERND)),
        ({ANNA: f"{ANNA},x@extern.example"}, ANNA, Delivery(frozenset({ANNA}), frozenset({"x@extern.example"}))),
        ({ANNA: "x@extern.example"}, ANNA, Delivery(elsewhere=frozenset({"x@extern.example"}))),
        ({ANNA: BERND, BERND: ANNA}, ANNA, Delivery()),  # a loop gives nobody a copy
        ({}, "niemand@pirat.alt", Delivery(bounces=frozenset({"niemand@pirat.alt"}))),
        ({"*@pirat.alt": BERND}, "niemand@pirat.alt", mailboxes(BERND)),
        ({"*@pirat.alt": BERND}, ANNA, mailboxes(BERND)),  # 6: a mailbox needs its own alias beside a catch-all
        ({"*@pirat.alt": BERND, ANNA: ANNA}, ANNA, mailboxes(ANNA)),
        ({LIST: ANNA}, "liste@zwei.alt", mailboxes(ANNA)),
        ({}, "anna@zwei.alt", mailboxes(ANNA)),
        ({"*@pirat.alt": BERND}, "niemand@zwei.alt", mailboxes(BERND)),
        ({ANNA: ANNA}, "Anna@Pirat.alt", mailboxes(ANNA)),
    ],
)
def test_where_mail_ends(aliases: dict[str, str], asked: str, expected: Delivery) -> None:
    assert ends(found(aliases), asked) == expected


def test_what_is_switched_off_answers_nothing() -> None:
    records = found({ANNA: ANNA, LIST: ANNA}, off=(ANNA,))
    assert ends(records, LIST) == Delivery(bounces=frozenset({ANNA}))


def test_the_check_speaks_up() -> None:
    records = found({ANNA: BERND, LIST: f"{ANNA},weg@pirat.alt"})
    assert_reachable(records, [ANNA], [BERND])
    with pytest.raises(AssertionError, match="none of"):
        assert_reachable(records, [ANNA], [ANNA])
    with pytest.raises(AssertionError, match="bounces at"):
        assert_reachable(records, [LIST], [BERND])
