"""Aliases against everything else (docs/gates.md, "Error, gate or note")."""

from __future__ import annotations

from pathlib import Path

from reconciler.planning.finding import Severity
from tests.declared.samples import BOX, errors, load, one, text

TOP = "domain: mail.example\n"


def test_an_alias_with_a_mailboxes_address_is_refused_with_both_places(tmp_path: Path) -> None:
    message = one(tmp_path, f"{TOP}mailboxes: {{anna: {BOX}}}\naliases: {{anna: x@extern.example}}\n")
    assert message.startswith("a.yaml:3:11: anna@mail.example is an alias and a mailbox (the other place is ")
    assert "a.yaml:2:13)" in message


def test_a_member_number_is_no_alias_and_belongs_to_one_account(tmp_path: Path) -> None:
    boxes = "mailboxes: {anna: {groupware: false, member: 10042}, bernd: {groupware: false, member: '10042'}}\n"
    found = [text(f) for f in errors(tmp_path, f"{TOP}{boxes}aliases: {{'10042': anna}}\n")]
    assert len(found) == 2
    assert "a.yaml:2:88: member 10042 has two accounts, anna@mail.example and bernd@mail.example" in found[0]
    assert "a.yaml:3:11: 10042@mail.example is the member number of anna@mail.example" in found[1]


def test_a_digits_only_alias_that_is_nobodys_number_is_fine(tmp_path: Path) -> None:
    boxes = "mailboxes: {anna: {groupware: false, member: 10042}, b: {groupware: false, member: '010042'}}\n"
    assert load(tmp_path, f"{TOP}{boxes}aliases: {{'10043': anna}}\n").findings == ()


def test_every_circle_is_said_once(tmp_path: Path) -> None:
    aliases = "aliases: {a: b, b: [c, x@extern.example], c: a, d: d, e: a, f: {goto: e, active: false}}\n".replace(
        "goto: e", "goto: [e]"
    )
    found = [f.message for f in errors(tmp_path, TOP + aliases)]
    assert found == [
        "mail goes in a circle: a@mail.example → b@mail.example → c@mail.example → a@mail.example",
        "mail goes in a circle: d@mail.example → d@mail.example",
    ]


def test_a_chain_as_long_as_the_table_is_no_circle(tmp_path: Path) -> None:
    chain = "".join(f"  a{n}: a{n + 1}\n" for n in range(3000))
    assert load(tmp_path, f"{TOP}aliases:\n{chain}  a3000: x@extern.example\n").findings == ()
    assert "→ … →" in one(tmp_path, f"{TOP}aliases:\n{chain}  a3000: a0\n")


def test_two_ways_to_one_target_are_no_circle(tmp_path: Path) -> None:
    text = f"{TOP}aliases: {{a: [b, c], b: d, c: d, d: x@extern.example}}\n"
    assert load(tmp_path, text).findings == ()


def test_a_target_twice_in_two_spellings(tmp_path: Path) -> None:
    message = one(tmp_path, f"{TOP}mailboxes: {{b: {BOX}}}\naliases:\n  a: [b, B@Mail.Example]\n")
    assert message.startswith("a.yaml:4:10: the target b@mail.example is listed twice")


def test_at_most_a_thousand_targets_and_no_more_than_the_column_holds(tmp_path: Path) -> None:
    def alias(count: int, width: int) -> str:
        targets = ", ".join(f"{'x' * width}{n}@extern.example" for n in range(count))
        return f"{TOP}aliases: {{a: [{targets}]}}\n"

    assert errors(tmp_path, alias(1000, 1)) == []
    assert "`goto` has more than 1000 entries" in one(tmp_path, alias(1001, 1))
    assert "65535 fit into the table" in one(tmp_path, alias(1000, 55))


def test_a_target_of_ours_that_is_not_declared_is_a_warning(tmp_path: Path) -> None:
    boxes = "mailboxes: {anna: {groupware: false, member: 10042}}\nrenames: [{from: old, to: anna, date: 2026-11-22}]\n"
    fine = "aliases: {a: [anna, '10042', old, b, x@extern.example], b: a2@elsewhere.example}\n"
    (renamed,) = load(tmp_path, TOP + boxes + fine).findings
    assert (renamed.severity, renamed.rule, renamed.subject) == (Severity.WARNING, "renamed-target", "a@mail.example")
    assert text(renamed).startswith("a.yaml:4:11: a@mail.example leads to old@mail.example, which is renamed to anna@")
    found = load(tmp_path, f"{TOP}{boxes}aliases:\n  a: [anna, nobody]\n").findings
    assert [(f.severity, f.rule, f.subject) for f in found] == [(Severity.WARNING, "dangling-alias", "a@mail.example")]
    assert text(found[0]).startswith("a.yaml:5:3: a@mail.example leads to nobody@mail.example, which is not declared")
