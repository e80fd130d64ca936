"""Addresses where they stand: completed, canonical, and only what PostfixAdmin can hold (facts/postfixadmin.md 9)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.declared.samples import BOX, errors, load, one, site, text


def test_the_domain_on_top_completes_bare_local_parts_of_its_own_file(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        {
            "a.yaml": f"domain: Nord.example\nmailboxes: {{Anna: {BOX}, b@sued.example: {BOX}}}\n"
            "aliases: {'*': anna}\n",
            "b.yaml": f"domain: bücher.example\nmailboxes: {{anna: {BOX}}}\n",
        },
    )
    assert set(found.state.mailboxes) == {"anna@nord.example", "b@sued.example", "anna@xn--bcher-kva.example"}
    assert next(iter(found.state.aliases.values()))[:2] == ("*@nord.example", ("anna@nord.example",))


def test_without_domain_a_bare_local_part_is_an_error(tmp_path: Path) -> None:
    assert "a.yaml:1:13: 'anna' has no domain" in one(tmp_path, f"mailboxes: {{anna: {BOX}}}")


def test_a_wrong_domain_on_top_is_said_once(tmp_path: Path) -> None:
    message = one(tmp_path, f"domain: nodots\nmailboxes: {{a: {BOX}, b: {BOX}}}\n")
    assert "a.yaml:1:9: 'nodots' is not a domain -> write it like mail.example" in message
    assert "`domain` must be a domain, got the number 5" in one(tmp_path, "domain: 5\n")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "10042",
            "that is the alias of a member number -> choose another name for the mailbox",
        ),
        ("'10042'", "has digits only"),
        ("'*'", "a catch-all cannot be a mailbox -> declare it in `aliases`"),
        ("jürgen", "ASCII characters only"),
        ("a..b", "is not an address"),
        ("a b", "is not an address"),
        ("x" * 65, "the local part has 65 characters, 64 are allowed"),
        ("a@b", "'b' is not a domain"),
        ("a@b.abcdefghijklmn", "longer than 13 characters"),
        ("a@" + "x." * 130 + "example", "characters, an address or domain has 254 at most"),
        ("'u#x'", "looks like a vacation token"),
        ("a@autoreply.example", "the domain of vacation tokens"),
    ],
)
def test_what_no_mailbox_can_be(tmp_path: Path, address: str, expected: str) -> None:
    message = one(tmp_path, f"domain: mail.example\nmailboxes:\n  {address}: {BOX}\n")
    assert message.startswith("a.yaml:3:3: ")
    assert expected in message


def test_a_hash_is_fine_where_no_vacation_domain_is_set(tmp_path: Path) -> None:
    plain = site(postfixadmin=None)
    assert "u#x@mail.example" in load(tmp_path, f"mailboxes: {{'u#x@mail.example': {BOX}}}", plain).state.mailboxes


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("'*'", "a catch-all cannot be a target"),
        ("anna#mail.example@autoreply.example", "is a vacation token, which belongs to its user"),
        ("anna#mail.example@older.example", "is a vacation token"),
        ("é@extern.example", "ASCII characters only"),
        ("extern.example@", "is not a domain"),
    ],
)
def test_what_no_target_can_be(tmp_path: Path, target: str, expected: str) -> None:
    message = one(tmp_path, f"domain: mail.example\naliases:\n  a: [x@extern.example, {target}]\n")
    assert message.startswith("a.yaml:3:25: ")
    assert expected in message


def test_postfixadmins_spelling_of_a_catch_all_is_explained(tmp_path: Path) -> None:
    message = one(tmp_path, "aliases: {'@mail.example': x@extern.example}")
    assert "`@mail.example` is PostfixAdmin's spelling -> write '*@mail.example'" in message


def test_one_address_in_two_spellings_is_one_address(tmp_path: Path) -> None:
    found = errors(
        tmp_path,
        {
            "a.yaml": f"domain: mail.example\nmailboxes:\n  anna: {BOX}\n  Anna@MAIL.example: {BOX}\n",
            "b.yaml": f"domain: mail.example\nmailboxes:\n  ANNA: {BOX}\n",
        },
    )
    messages = [text(finding) for finding in found]
    assert len(messages) == 2
    assert messages[0].startswith("a.yaml:4:3: the mailbox anna@mail.example is declared twice (the other place is ")
    assert "a.yaml:3:3)" in messages[0]
    assert messages[1].startswith("b.yaml:3:3: ")
