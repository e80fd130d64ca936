"""Which addresses are one, and which are not."""

from __future__ import annotations

import pytest

from reconciler.errors import UsageError
from reconciler.mail_queue.select import NULL, Filter, address_key, asked_address, asked_age, asked_domain
from reconciler.model.queued_mail import QueuedMessage, QueuedRecipient, QueueName

SAME = [
    ("muster@muster.example", "muster@muster.example"),
    ("muster@muster.example", "Muster@MUSTER.example"),
    ("<muster@muster.example>", "muster@muster.example"),
    (" muster@muster.example ", "muster@muster.example"),
    ("muster@bücher.example", "muster@xn--bcher-kva.example"),
    ("muster@xn--bcher-kva.example", "Muster@BÜCHER.example"),
    ('"muster"@muster.example', "muster@muster.example"),
    ("quo ted@quoted.test", '"quo ted"@quoted.test'),
    ('"a\\"b"@quoted.test', '"a\\"b"@quoted.test'),
    ("muster@[127.0.0.1]", "muster@[127.0.0.1]"),
    ("<>", "MAILER-DAEMON"),
    ("MAILER-DAEMON", "MAILER-DAEMON"),
]
OTHER = [
    ("muster@muster.example", "muster@musterxexample"),
    ("muster@muster.example", "xmuster@muster.example"),
    ("muster@muster.example", "muster@muster.example.test"),
    ("muster@muster.example", "muster@sub.muster.example"),
    ("muster@muster.example", "muster+x@muster.example"),
    ("muster@muster.example", '"muster "@muster.example'),
    ("muster@muster.example", "muster@muster.example@other.test"),
    ("muster@strasse.example", "muster@straße.example"),  # folding would make these one (facts/postfix.md 1.4)
    ("strasse@muster.example", "straße@muster.example"),
    ("muster@muster.example", "m\udcfcster@muster.example"),
    ("<>", "mailer-daemon@muster.example"),
    ("<>", ""),
    ("MUSTER@muster.example", "muſter@muster.example"),
]


@pytest.mark.parametrize(("asked", "stored"), SAME)
def test_spellings_of_one_address(asked: str, stored: str) -> None:
    assert asked_address(asked) == address_key(stored)


@pytest.mark.parametrize(("asked", "stored"), OTHER)
def test_another_address_is_another_one(asked: str, stored: str) -> None:
    assert asked_address(asked) != address_key(stored)


@pytest.mark.parametrize(
    "asked", ["", "muster", "ALL", "*", "@muster.example", "*@muster.example", "muster@", "<*@x.test>"]
)
def test_what_is_no_whole_address_is_refused(asked: str) -> None:
    with pytest.raises(UsageError):
        asked_address(asked)


def test_ages() -> None:
    assert [asked_age(text) for text in ("90m", "2h", "5 d", "1W")] == [5400, 7200, 432000, 604800]
    for text in ("", "2", "h", "-2h", "2y", "1.5h"):
        with pytest.raises(UsageError, match="is not an age"):
            asked_age(text)


def test_domains() -> None:
    assert asked_domain("@Bücher.example") == "xn--bcher-kva.example"
    with pytest.raises(UsageError):
        asked_domain("example")


def test_a_filter_takes_what_fits_all_that_it_asks_for() -> None:
    to = (QueuedRecipient("a@x.test", ""), QueuedRecipient("b@y.test", ""))
    message = QueuedMessage(QueueName.DEFERRED, "4F40C212910", 1000, 291, "muster@muster.example", to)
    yes = [
        Filter(),
        Filter(sender=asked_address("Muster@muster.example"), domain="y.test", recipient=address_key("b@y.test")),
        Filter(queues=[QueueName.HOLD, QueueName.DEFERRED], older=60),
        Filter(domain="muster.example"),
    ]
    no = [
        Filter(sender=NULL),
        Filter(domain="test"),
        Filter(recipient=address_key("muster@muster.example")),
        Filter(queues=[QueueName.HOLD]),
        Filter(older=61),
    ]
    assert [each.takes(message, 1060) for each in yes + no] == [True] * 4 + [False] * 5
