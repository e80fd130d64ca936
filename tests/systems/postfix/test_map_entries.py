"""Which keys a block needs, and what a key is good for; from facts/postfix.md section 1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.systems.postfix.map_entries import KeyRules, asked_later, canonical, dead_key_hint, forms

USUAL = KeyRules()
DOTTED = KeyRules(parent_matches=False)


@pytest.mark.parametrize(
    ("key", "rules", "expected"),
    [
        ("spam@example.net", USUAL, ("spam@example.net",)),
        ("example.org", USUAL, ("example.org",)),
        ("example.org", DOTTED, ("example.org", ".example.org")),
        ("xn--bcher-kva.test", USUAL, ("xn--bcher-kva.test", "bücher.test")),
        ("a@xn--bcher-kva.test", DOTTED, ("a@xn--bcher-kva.test", "a@bücher.test")),
        (
            "xn--bcher-kva.test",
            DOTTED,
            ("xn--bcher-kva.test", ".xn--bcher-kva.test", "bücher.test", ".bücher.test"),
        ),
    ],
)
def test_every_key_that_a_block_needs(key: str, rules: KeyRules, expected: tuple[str, ...]) -> None:
    assert forms(key, rules) == expected


@pytest.mark.parametrize("domain", ["xn--strae-oqa.test", "xn--nxasmm1c.test"])
def test_a_spelling_that_folds_into_another_name_is_left_out(domain: str) -> None:
    """`straße.test` would also block strasse.test; a final sigma folds too (facts 1.4)."""
    assert forms(domain, USUAL) == (domain,)


@given(st.sampled_from(["example.org", "xn--bcher-kva.test", "a.b@xn--bcher-kva.test"]), st.booleans())
def test_every_key_leads_back_to_its_block(key: str, parent_matches: bool) -> None:
    for form in forms(key, KeyRules(parent_matches)):
        assert canonical(form) == key
        assert canonical(form.upper()) == key


@pytest.mark.parametrize(
    ("key", "rules", "expected"),
    [
        ("a.b.plain.test", USUAL, ("b.plain.test", "plain.test", "test")),
        ("a.b.plain.test", DOTTED, (".b.plain.test", ".plain.test", ".test")),
        ("user+ext@b.test", USUAL, ("user@b.test", "b.test", "test")),
        ("user-ext+y@b.test", KeyRules(delimiter="+-"), ("user@b.test", "b.test", "test")),
        ("user+ext@b.test", KeyRules(delimiter=""), ("b.test", "test")),
        ("user@", USUAL, ()),
        ("@b.test", USUAL, ()),
        ("<>", USUAL, ()),
    ],
)
def test_what_smtpd_would_ask_for_next(key: str, rules: KeyRules, expected: tuple[str, ...]) -> None:
    """facts/postfix.md 1.2."""
    assert asked_later(key, rules) == expected


@pytest.mark.parametrize(
    ("key", "instead"),
    [
        ("@plain.test", "write `plain.test`"),
        ("*@plain.test", "write `plain.test`"),
        ("@", "remove the line"),
        (".plain.test", "write `plain.test`"),
        ("<bad@plain.test>", "write `bad@plain.test`"),
        ('"plain"@b.test', "write `plain@b.test`"),
        ('"quo ted@b.test"', "write `quo ted@b.test`"),
        ("\ufeffa@b.test", "byte order mark"),
        ("bad@plain.test.", "write `bad@plain.test`"),
        ("<<<<<<<", "git could not merge"),
        (">>>>>>>", "git could not merge"),
    ],
)
def test_a_key_that_never_matches_says_what_to_write(key: str, instead: str) -> None:
    """facts/postfix.md 1.1 and 1.3."""
    assert instead in dead_key_hint(key, USUAL)


@pytest.mark.parametrize(
    "key", ["bad@plain.test", "plain.test", "bad@", "<>", "test", '"quo ted"@b.test', '".u."@b.test']
)
def test_a_key_that_may_match_is_left_alone(key: str) -> None:
    assert dead_key_hint(key, USUAL) == ""
    assert dead_key_hint(".plain.test", DOTTED) == ""
