"""What one entry may say: each slip gives one sentence with its place, and what to write instead."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from reconciler.model.declared import UNLIMITED, OldMailbox
from tests.declared.samples import errors, load, one, site, text

MAILBOX = "domain: mail.example\nmailboxes:\n  anna:\n    groupware: false\n    "


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("quotta: 1 MB", "5:5: `quotta` is not known here -> did you mean `quota`?"),
        ("zzz: 1", "5:5: `zzz` is not known here -> known are given_name, surname, name, member,"),
        ("quota: 10240", "5:12: `quota`: a quota needs a unit, got the number 10240 -> write `10240 MB`"),
        ("quota: 0 MB", "5:12: `quota`: a quota of 0 MB would mean no limit in PostfixAdmin -> write `unlimited`"),
        ("quota: 10 GB", "'10 GB' is not a quota -> write whole megabytes like `10240 MB`"),
        ("quota: 1.5 MB", "is not a quota"),
        ("quota: " + "9" * 30 + " MB", "more than PostfixAdmin can count"),
        ("quota:", "5:5: `quota`: a quota needs a unit, got nothing"),
        (
            "active: no",
            "5:13: `active` must be true or false, got `no` -> only true and false are booleans: write false",
        ),
        ("active: on", "only true and false are booleans: write true"),
        ("active: 1", "`active` must be true or false, got the number 1"),
        ("active:", "`active` must be true or false, got nothing"),
        ("member: 0123", "5:13: `member`: 0123 would lose its exact digits as a number -> put it in quotes: '0123'"),
        ("member: 1_000", "`member`: a member number has digits only, got `1_000`"),
        ("member: 0x1f", "0x1f would lose its exact digits"),
        ("member: -5", "digits only, got the number -5"),
        ("member: 12a", "digits only, got `12a`"),
        ("member: true", "expected a member number, got true"),
        ("name: 123", "5:11: `name`: expected text, got the number 123 -> put it in quotes: '123'"),
        ("surname: Null", "5:14: `surname`: value is missing -> write a value or remove the line"),
        ("surname: True", "got true (true or false, no text) -> put it in quotes: 'true'"),
        ("name: [Anna]", "5:5: `name`: expected text, got a list"),
        ('name: "a\\nb"', "`name`: the text contains the invisible character U+000A"),
        ('name: "a\\u202Eb"', "`name`: the text contains the invisible character U+202E"),
        ("name: Anna 😀", "(U+1F600) would be destroyed by PostfixAdmin"),
        ("name: " + "ä" * 256, "the text has 256 characters, 255 are allowed"),
        ("name: '  '", "`name`: the text is empty"),
        (
            "password_reset: 20.11.2026",
            "`password_reset`: expected a date, got `20.11.2026` -> write it like 2026-11-22",
        ),
        ("password_reset: 2026-02-30", "there is no day 2026-02-30"),
        ("password_reset: 20261120", "expected a date, got the number 20261120"),
        ("subscriptions_reset: 2026-W01-1", "expected a date"),
    ],
)
def test_a_slip_in_a_mailbox(tmp_path: Path, field: str, expected: str) -> None:
    message = one(tmp_path, MAILBOX + field + "\n")
    assert expected in message


def test_all_slips_of_all_entries_at_once(tmp_path: Path) -> None:
    found = errors(
        tmp_path,
        {
            "a.yaml": "domain: mail.example\nmailboxes:\n  a: {quota: 1, active: no, foo: 1, groupware: yes}\n",
            "b.yaml": "mailboxs: {}\naliases: {x@mail.example: 5}\nremovals: {}\n",
        },
    )
    assert len(found) == 7


def test_names_are_nfc_with_single_spaces(tmp_path: Path) -> None:
    entry = "groupware: false, given_name: ' Do\u0308rte  A. ', surname: \"Vor\u00a0lage\""
    found = load(tmp_path, f"mailboxes:\n  d@mail.example: {{{entry}}}\n")
    mailbox = next(iter(found.state.mailboxes.values()))
    assert (mailbox.given_name, mailbox.surname, mailbox.name) == ("Dörte A.", "Vor lage", "Dörte A. Vor lage")


def test_what_is_not_written_is_not_managed(tmp_path: Path) -> None:
    found = load(tmp_path, "mailboxes: {d@mail.example: {groupware: false, surname: Alt}}")
    mailbox = next(iter(found.state.mailboxes.values()))
    assert mailbox[3:7] == ("Alt", None, None, None)
    assert (mailbox.active, mailbox.groupware, mailbox.username) == (True, False, None)


def test_every_field_arrives(tmp_path: Path) -> None:
    fields = "given_name: Anna, surname: Beispiel, name: A. B., member: '0042', quota: 10240mb, active: false"
    dates = "password_reset: 2026-11-20, subscriptions_reset: 2026-11-21"
    found = load(tmp_path, f"mailboxes: {{A@Mail.EXAMPLE: {{{fields}, {dates}, groupware: {{username: a.b}}}}}}")
    (mailbox,) = found.state.mailboxes.values()
    assert mailbox.address == "a@mail.example"
    assert mailbox[2:] == (
        "Anna",
        "Beispiel",
        "A. B.",
        "0042",
        10240,
        False,
        True,
        "a.b",
        date(2026, 11, 20),
        date(2026, 11, 21),
    )


@pytest.mark.parametrize(("written", "megabytes"), [("10240MB", 10240), ("1 mb", 1), ("unlimited", UNLIMITED)])
def test_quota_spellings(tmp_path: Path, written: str, megabytes: int) -> None:
    found = load(tmp_path, f"mailboxes: {{a@mail.example: {{groupware: false, quota: {written}}}}}")
    assert next(iter(found.state.mailboxes.values())).quota == megabytes


def test_groupware_needs_names_and_says_how_to_do_without(tmp_path: Path) -> None:
    found = [text(f) for f in errors(tmp_path, "domain: mail.example\nmailboxes:\n  a:\n  b: {given_name: B}\n")]
    assert len(found) == 3
    assert "a.yaml:3:3: `given_name` is missing: a@mail.example has groupware -> add `given_name:`, or" in found[0]


def test_without_openxchange_groupware_is_off_and_true_an_error(tmp_path: Path) -> None:
    plain = site(openxchange=None)
    found = load(tmp_path, "mailboxes: {a@mail.example: {}}", plain)
    assert not next(iter(found.state.mailboxes.values())).groupware
    wanted = "mailboxes: {a@mail.example: {given_name: A, surname: B, groupware: true}}"
    assert "wants groupware, but the site has none" in one(tmp_path, wanted, plain)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{from: a, to: b}", "`date` is missing -> add `date:`"),
        (
            "{from: a, to: b, date: 2026-11-22, old_mailbox: keep}",
            "`old_mailbox` must be 'attach' or 'move', got `keep`",
        ),
        ("{from: a, to: A, date: 2026-11-22}", "a@mail.example is renamed to itself"),
        (
            "{from: 1, to: b, date: 2026-11-22}",
            "`from`: expected text, got the number 1 -> put it in quotes: '1'",
        ),
        ("{from: a, to: b, date: 2026-11-22, frm: c}", "did you mean `from`?"),
    ],
)
def test_a_slip_in_a_rename(tmp_path: Path, entry: str, expected: str) -> None:
    assert expected in one(tmp_path, f"domain: mail.example\nrenames:\n  - {entry}\n")


def test_a_rename_arrives(tmp_path: Path) -> None:
    options = "former_surname: Alt, ticket: RT 1, old_mailbox: move, rewrite_references: true"
    entry = f"{{from: a, to: b, date: 2026-11-22, {options}}}"
    found = load(tmp_path, f"domain: mail.example\nmailboxes: {{b: {{groupware: false}}}}\nrenames: [{entry}]\n")
    (rename,) = found.state.renames
    assert (rename.old, rename.new, rename.date) == ("a@mail.example", "b@mail.example", date(2026, 11, 22))
    assert (rename.former_surname, rename.ticket, rename.old_mailbox) == ("Alt", "RT 1", OldMailbox.MOVE)
    assert rename.rewrite_references
    assert found.locate(rename.origin)[1:3] == (3, 11)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("removals:\n  - {mailbox: a, date: 2026-11-22}\n", "3:5: `reason` is missing"),
        ("removals: [{mailbox: a, date: 2026-11-22, reason: x, groupware_account: purge}]", "purge"),
        ("removals: [{mailbox: a, date: 2026-11-22, reason: ''}]", "`reason`: the text is empty"),
        ("removals: {mailbox: a}", "2:1: `removals` holds a mapping -> begin each entry with `- `"),
        ("mailboxes: [a]", "2:1: `mailboxes` holds a list"),
        ("sender_blocks: [{reason: x}]", "a block has either `sender` or `domain`"),
        (
            "sender_blocks: [{sender: a@b.example, domain: b.example, reason: x}]",
            "a block has either `sender` or `domain`",
        ),
        ("sender_blocks: [{sender: a@b.example}]", "`reason` is missing"),
        (
            "sender_blocks: [{sender: a@b.example, reason: x, added: 2026-02-01, expires: 2026-01-01}]",
            "before it begins",
        ),
        ("confirm: [{gate: removal, subject: x, until: 2026-12-01, reason: x}]", "did you mean `removals`?"),
        ("mailboxes: {a: 5}", "expected a mapping `key: value` for `a`, got the number 5"),
        ("aliases: {a: 5}", "put it in quotes: '5'"),
        ("aliases: {a: [10042]}", "got the number 10042 -> put it in quotes: '10042'"),
        ("aliases: {a: []}", "`goto` is an empty list"),
        ("aliases: {a: {active: true}}", "`goto` is missing"),
        ("aliases:\n  a:\n", "expected targets, got nothing"),
        ("aliases: {'1': b, 2: c}", "the key 2 is not text in YAML -> put it in quotes: '2'"),
    ],
)
def test_a_slip_elsewhere(tmp_path: Path, section: str, expected: str) -> None:
    assert expected in one(tmp_path, f"domain: mail.example\n{section}")


def test_empty_sections_and_mailboxes_are_fine(tmp_path: Path) -> None:
    found = load(tmp_path, "mailboxes:\naliases:\nrenames:\nremovals:\nsender_blocks:\nconfirm:\n")
    assert found.state.aliases == {}
