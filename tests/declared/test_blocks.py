"""Sender blocks and confirmations."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from reconciler.planning.finding import Severity
from tests.declared.samples import BOX, errors, load, one, site, text

OWN = f"domain: mail.verein.example\nmailboxes: {{anna: {BOX}}}\n"


def blocks(*entries: str) -> str:
    return OWN + "sender_blocks:\n" + "".join(f"  - {{{entry}, reason: x}}\n" for entry in entries)


def test_keys_are_canonical(tmp_path: Path) -> None:
    found = load(tmp_path, blocks("sender: SPAM@Bücher.example", "domain: Bücher.EXAMPLE.", "sender: a+b@example.net"))
    keys = {key: block.is_domain for key, block in found.state.sender_blocks.items()}
    assert keys == {"spam@xn--bcher-kva.example": False, "xn--bcher-kva.example": True, "a+b@example.net": False}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("sender: '@example.org'", "never matches any sender -> write `domain: example.org` to block the domain"),
        ("sender: '*@example.org'", "never matches any sender -> write `domain: example.org`"),
        ("sender: example.org", "`example.org` is not an address -> write `domain: example.org`"),
        ("sender: spammer", "`spammer` is not an address -> write local_part@domain"),
        ("domain: '@example.org'", "never matches any sender -> write `domain: example.org`"),
        ("domain: .example.org", "never matches any sender -> write `domain: example.org`"),
        ("domain: a@example.org", "is an address -> write `sender: a@example.org`"),
        ("domain: org", "'org' is not a domain"),
    ],
)
def test_forms_that_never_match_are_explained(tmp_path: Path, entry: str, expected: str) -> None:
    """facts/postfix.md 1.1, measured on a real smtpd."""
    message = one(tmp_path, blocks(entry))
    assert message.startswith("a.yaml:4:14: ")
    assert expected in message


@pytest.mark.parametrize(
    "entry", ["domain: mail.verein.example", "domain: verein.example", "sender: who@mail.verein.example"]
)
def test_our_own_mail_is_never_blocked(tmp_path: Path, entry: str) -> None:
    """A block of a domain takes its subdomains with it, so a parent of ours is ours too (facts/postfix.md 0, row 2)."""
    assert "would refuse mail from our own domain mail.verein.example" in one(tmp_path, blocks(entry))


def test_neighbours_of_our_domain_are_not_ours(tmp_path: Path) -> None:
    found = load(
        tmp_path, blocks("domain: lists.mail.verein.example", "sender: a@verein.example", "domain: ein.example")
    )
    assert len(found.state.sender_blocks) == 3


def test_two_blocks_of_one_key_contradict_each_other(tmp_path: Path) -> None:
    message = one(tmp_path, blocks("sender: a@b.example", "sender: A@B.example, expires: 2027-01-01"))
    assert "a.yaml:5:5: a@b.example is blocked twice (the other place is " in message


@pytest.mark.parametrize("expired_first", [True, False])
def test_an_expired_block_makes_room_for_a_new_one(tmp_path: Path, expired_first: bool) -> None:
    entries = ["sender: a@b.example, expires: 2026-11-23", "sender: a@b.example, expires: 2027-01-01"]
    found = load(tmp_path, blocks(*(entries if expired_first else reversed(entries))))
    assert found.state.sender_blocks["a@b.example"].expires == date(2027, 1, 1)
    assert [(f.severity, f.rule) for f in found.findings] == [(Severity.NOTE, "expired")]


def test_the_last_day_of_a_block_is_not_over(tmp_path: Path) -> None:
    assert load(tmp_path, blocks("sender: a@b.example, expires: 2026-11-24")).findings == ()
    (found,) = load(tmp_path, blocks("sender: a@b.example, expires: 2026-11-23")).findings
    assert text(found) == "a.yaml:4:5: the block of a@b.example ended on 2026-11-23 -> it is lifted; remove the entry"


def test_a_block_inside_a_blocked_domain_is_noted(tmp_path: Path) -> None:
    (found,) = load(tmp_path, blocks("sender: a@x.b.example", "domain: b.example")).findings
    assert (found.severity, found.message) == (
        Severity.NOTE,
        "a@x.b.example is covered by the block of b.example already",
    )


def confirm(gate: str, subject: str, until: str = "2026-12-01") -> str:
    return OWN + f"confirm:\n  - {{gate: {gate}, subject: {subject}, until: {until}, reason: x}}\n"


@pytest.mark.parametrize(
    ("gate", "written", "subject"),
    [
        ("groupware-delete", "Hans.Weg", "hans.weg@mail.verein.example"),
        ("second-account", "openxchange/4200", "openxchange/4200"),
        ("foreign", "openxchange/4200", "openxchange/4200"),
        ("removals", "example", "example"),
        ("removals", "Mail.Verein.example", "mail.verein.example"),
        ("wide-block", "Gmail.com", "gmail.com"),
        ("wide-block", "x@Gmail.com", "x@gmail.com"),
        ("missing-domain", "new.example", "new.example"),
    ],
)
def test_subjects_are_written_as_findings_name_them(tmp_path: Path, gate: str, written: str, subject: str) -> None:
    (entry,) = load(tmp_path, confirm(gate, written)).state.confirm
    assert (entry.gate, entry.subject) == (gate, subject)


def test_a_confirmation_is_for_a_month_at_most(tmp_path: Path) -> None:
    assert load(tmp_path, confirm("naming", "a", "2026-12-25")).findings == ()
    message = one(tmp_path, confirm("naming", "a", "2026-12-26"))
    assert "until 2026-12-26 is more than 31 days ahead -> write 2026-12-25 at the latest" in message


def test_an_expired_confirmation_is_a_note(tmp_path: Path) -> None:
    assert load(tmp_path, confirm("naming", "a", "2026-11-24")).findings == ()
    (found,) = load(tmp_path, confirm("naming", "a", "2026-11-23")).findings
    assert (found.severity, found.rule) == (Severity.NOTE, "expired")


def test_a_confirmation_of_a_wrong_subject(tmp_path: Path) -> None:
    assert "is not an OX account -> write it like openxchange/4200" in one(tmp_path, confirm("second-account", "4200a"))
    said = one(tmp_path, confirm("removals", "elsewhere"))
    assert "`elsewhere` is neither this site's name nor a domain" in said
    assert "-> write `subject: example`, or a domain" in said
    twice = confirm("naming", "a") + "  - {gate: naming, subject: A, until: 2026-12-02, reason: y}\n"
    assert "the confirm naming for a@mail.verein.example is declared twice" in one(tmp_path, twice)


def test_naming_is_a_warning(tmp_path: Path) -> None:
    strict = site(policy={"local_part": "^[a-z]+[.][a-z]+$"})
    (found,) = load(tmp_path, OWN, strict).findings
    assert (found.severity, found.rule, found.subject) == (Severity.WARNING, "naming", "anna@mail.verein.example")
    assert errors(tmp_path, OWN, strict) == []
