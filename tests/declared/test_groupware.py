"""What OX refuses by its own rules (facts/open-xchange.md 4), seen before it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.declared.samples import errors, load, one, site, text


def boxes(**entries: str) -> str:
    """Mailboxes by address (`_` for `@`) with the fields that groupware needs."""
    lines = [f"  {key.replace('_at_', '@')}: {{{fields}}}\n" for key, fields in entries.items()]
    return "domain: a.example\nmailboxes:\n" + "".join(lines)


HANS = "given_name: Hans, surname: A"
OTHER = "given_name: Hans, surname: B"


def test_two_domains_one_login(tmp_path: Path) -> None:
    message = one(tmp_path, boxes(hans=HANS).replace("\n  hans", f"\n  hans@b.example: {{{OTHER}}}\n  hans"))
    assert "hans@b.example and hans@a.example want the same OX login, hans" in message
    assert "write `groupware: {username: hans.a}` in one of them" in message


def test_a_username_or_addresses_as_logins_separate_them(tmp_path: Path) -> None:
    state = boxes(hans=HANS).replace(
        "\n  hans", f"\n  hans@b.example: {{{OTHER}, groupware: {{username: hans.b}}}}\n  hans"
    )
    assert load(tmp_path, state).state.mailboxes
    state = boxes(hans=HANS).replace("\n  hans", f"\n  hans@b.example: {{{OTHER}}}\n  hans")
    assert load(tmp_path, state, site(openxchange={"username": "address"})).state.mailboxes


def test_logins_that_differ_in_capitals_only_are_one_where_the_server_lowers_them(tmp_path: Path) -> None:
    state = boxes(hans=HANS, otto=f"{OTHER}, groupware: {{username: HANS}}")
    assert "want the same OX login, HANS" in one(tmp_path, state)


@pytest.mark.parametrize("login", ["hans müller", "hans/x", "hänschen"])
def test_characters_that_ox_refuses_in_a_login(tmp_path: Path, login: str) -> None:
    message = one(tmp_path, boxes(hans=f"{HANS}, groupware: {{username: {login}}}"))
    assert f"a.yaml:3:62: OX refuses the login {login!r}" in message


def test_an_address_may_hold_what_a_login_may_not(tmp_path: Path) -> None:
    message = one(tmp_path, boxes(**{"o'brien": HANS}))
    assert 'OX refuses the login "o\'brien"' in message
    assert "write `groupware: {username: obrien.a}`" in message


def test_nobody_becomes_the_administrator(tmp_path: Path) -> None:
    assert "the login of the OX administrator" in one(tmp_path, boxes(oxadmin=HANS))


def test_one_display_name_for_two(tmp_path: Path) -> None:
    state = boxes(hans=HANS, otto="given_name: hans, surname: a")
    (found,) = [text(f) for f in errors(tmp_path, state)]
    assert "hans@a.example and otto@a.example have the same display name, hans a: OX refuses that" in found
    assert "a.yaml:3:3)" in found
    assert load(tmp_path, state, site(openxchange={"unique_display_names": False})).state.mailboxes


def test_accounts_without_groupware_do_not_count(tmp_path: Path) -> None:
    state = boxes(hans=HANS, otto=f"{HANS}, groupware: false", oxadmin="groupware: false")
    assert len(load(tmp_path, state).state.mailboxes) == 3
