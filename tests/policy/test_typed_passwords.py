"""Which passwords a site takes, to the letter."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from reconciler.model.addresses import Address
from reconciler.model.declared import Mailbox
from reconciler.model.source_places import Origin
from reconciler.policy.typed_passwords import problems
from reconciler.settings import PasswordRules

BOX = Mailbox(
    Address("zoe.ruf@mail.example"),
    Origin("state.yaml", "mailboxes", "zoe.ruf"),
    given_name="Zoe",
    surname="Ruf",
    name="Zoe Ruf-Kranich",
    member="10042",
    username="zoruf",
)
ADDRESSES = (BOX.address, Address("zoe.taube@mail.example"))
RULES = PasswordRules(min_length=10, forbidden=["", "Hafen"])


def wrong(text: str) -> list[str]:
    return list(problems(SecretStr(text), RULES, BOX, ADDRESSES))


@pytest.mark.parametrize(
    "text",
    ["Wal-8765-x", "W" + "al-8765" * 10 + "x", "wal 87 65 x", "12345-1234", 'Wal"\\{~}$%', "zoe-8765-w", "ruf-8765-w"],
)
def test_what_is_taken(text: str) -> None:
    """From ten characters to 72, of five kinds; a word of three letters is in many others."""
    assert wrong(text) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("Wal-8765-", "it is shorter than 10 characters"),
        ("W" + "al-8765" * 10 + "xy", "it is longer than 72 characters"),
        ("Wäl-8765-x", "it has other characters"),
        ("Wal-8765\tx", "it has other characters"),
        (" Wal-8765-x", "it begins or ends with a space"),
        ("Wal-8765-x ", "it begins or ends with a space"),
        ("abcdabcdabcd", "it has fewer than 5 different characters"),
        ("8765-KRANICH-x", "it holds a part of the address"),
        ("8765-taube-x", "it holds a part of the address"),
        ("8765-example-x", "it holds a part of the address"),
        ("8765-zoe.ruf-x", "it holds a part of the address"),
        ("8765-zoruf-x", "it holds a part of the address"),
        ("8765-10042-x", "it holds a part of the address"),
        ("8765-hAFEN-x", "it holds a word that `passwords.forbidden`"),
    ],
)
def test_what_is_refused_and_why(text: str, why: str) -> None:
    (said,) = wrong(text)
    assert said.startswith(why)
    assert not text or text not in said


def test_all_is_said_at_once() -> None:
    assert len(wrong("ä ")) == 4
