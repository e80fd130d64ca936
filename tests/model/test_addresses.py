"""Addresses in canonical form, and what is refused (facts/postfixadmin.md 9, RFC 5321)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.addresses import (
    BadAddress,
    domain_of,
    local_part,
    mailbox_domain_problem,
    parse_address,
    parse_domain,
    unicode_domain,
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Anna.Beispiel@Mail.Example", "anna.beispiel@mail.example"),
        (" anna@mail.example ", "anna@mail.example"),
        ("anna@mail.example.", "anna@mail.example"),
        ("o'brien+tag@mail.example", "o'brien+tag@mail.example"),
        ("a/b=c&d@mail.example", "a/b=c&d@mail.example"),
        ("*@mail.example", "*@mail.example"),
        ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ("anna@BÜCHER.example", "anna@xn--bcher-kva.example"),
        ("anna@straße.example", "anna@xn--strae-oqa.example"),
    ],
)
def test_canonical_form(text: str, canonical: str) -> None:
    assert parse_address(text) == canonical


def test_a_bare_local_part_is_completed() -> None:
    assert parse_address("Anna", "mail.example") == "anna@mail.example"


@pytest.mark.parametrize(
    "text",
    [
        "anna",
        "@mail.example",
        "änna@mail.example",
        "anna..b@mail.example",
        ".anna@mail.example",
        "anna.@mail.example",
        '"an na"@mail.example',
        "an na@mail.example",
        "anna,b@mail.example",
        "a@b@mail.example",
        "a" * 65 + "@mail.example",
        "anna@example",
        "anna@-mail.example",
        "anna@mail_x.example",
        "anna@[127.0.0.1]",
        "anna@127.0.0.1",
        "anna@mail..example",
        "anna@" + "a" * 64 + ".example",
        "anna@",
        "anna\n@mail.example",
        "anna@mail.exa\nmple",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        parse_address(text)


@given(st.text())
def test_any_text_is_an_address_or_a_bad_one(text: str) -> None:
    try:
        address = parse_address(text)
    except BadAddress:
        return
    assert address == parse_address(address)
    assert address.isascii()
    assert address == address.lower()
    assert f"{local_part(address)}@{domain_of(address)}" == address


def test_postfixadmin_refuses_long_top_level_domains() -> None:
    assert mailbox_domain_problem("mail.versicherung") is None
    assert mailbox_domain_problem("mail.xn--vermgensberatung-pwb") is not None


def test_u_label_for_people() -> None:
    assert unicode_domain("xn--bcher-kva.example") == "bücher.example"
    assert unicode_domain(parse_domain("mail.example")) == "mail.example"
