"""Sets of renames and removals, wrong and right (docs/rename-invariants.md, "Sets of renames")."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.declared.samples import BOX, errors, load, one


def state(renames: list[str], mailboxes: str = "", more: str = "") -> str:
    """Renames written `a>b@22` (day in November 2026)."""
    lines = [
        f"domain: mail.example\nmailboxes: {{{', '.join(f'{m}: {BOX}' for m in mailboxes.split())}}}\n{more}renames:\n"
    ]
    for entry in renames:
        old, _, rest = entry.partition(">")
        new, _, day = rest.rpartition("@")
        lines.append(f"  - {{from: {old}, to: {new}, date: 2026-11-{day}}}\n")
    return "".join(lines)


@pytest.mark.parametrize(
    ("renames", "mailboxes"),
    [
        (["a>b@22"], "b"),
        (["a>b@20", "b>c@22"], "c"),
        (["b>c@22", "a>b@20"], "c"),
        (["b>c@22", "a>b@22"], "c"),
        (["a>b@20", "b>a@22"], "a"),
        (["a>b@20", "b>a@21", "a>b@22"], "b"),
        (["a>b@20", "b>c@21", "c>a@22"], "a"),
        (["a>b@20", "x>y@20"], "b y"),
        (["hans@b.example>hans@20"], "hans"),
        (["hans>hans@b.example@20"], "hans@b.example"),
    ],
)
def test_chains_and_the_way_back_are_fine(tmp_path: Path, renames: list[str], mailboxes: str) -> None:
    found = load(
        tmp_path,
        state(renames, mailboxes),
    )
    assert len(found.state.renames) == len(renames)
    assert found.findings == ()


@pytest.mark.parametrize(
    ("renames", "mailboxes", "expected"),
    [
        (["a>c@20", "b>c@22"], "c", "a@mail.example and b@mail.example are both renamed to c@mail.example"),
        (["a>b@20", "a>c@22"], "b c", "a@mail.example was renamed to b@mail.example on 2026-11-20 already"),
        (["a>b@20", "a>b@22"], "b", "a@mail.example was renamed to b@mail.example on 2026-11-20 already"),
        (["a>b@22", "b>a@22"], "a b", "these renames of 2026-11-22 exchange their addresses"),
        (["a>b@22", "b>c@22", "c>a@22", "x>a@22"], "a b c", "these renames of 2026-11-22 exchange their addresses"),
        (["a>b@20", "c>a@22"], "a b", "a@mail.example belongs to the account that is now b@mail.example"),
        (["a>b@20", "b>c@21", "x>b@22"], "b c", "b@mail.example belongs to the account that is now c@mail.example"),
    ],
)
def test_sets_that_no_order_makes_right(tmp_path: Path, renames: list[str], mailboxes: str, expected: str) -> None:
    messages = [f.message for f in errors(tmp_path, state(renames, mailboxes))]
    assert any(expected in message for message in messages), messages


def test_a_freed_address_is_nobody_elses(tmp_path: Path) -> None:
    message = one(tmp_path, state(["a>b@22"], "a b"))
    assert message.startswith(
        "a.yaml:2:13: a@mail.example is declared as mailbox, but it is the former address of b@mail"
    )
    message = one(tmp_path, state(["a>b@20", "b>c@21"], "c", "aliases: {b: x@extern.example}\n"))
    assert message.startswith(
        "a.yaml:3:11: b@mail.example is declared as alias, but it is the former address of c@mail"
    )


def test_the_new_address_is_declared(tmp_path: Path) -> None:
    message = one(tmp_path, state(["a>b@22"]))
    assert message.startswith("a.yaml:4:19: b@mail.example is not a declared mailbox")


def test_an_unreadable_entry_elsewhere_does_not_make_a_rename_wrong(tmp_path: Path) -> None:
    """The mailbox may be in the entry that could not be read: half an answer proves no absence."""
    files = {"a.yaml": state(["a>b@22"]), "b.yaml": "domain: mail.example\nmailboxes: {b: {quota: 1}}\n"}
    assert "`quota`" in one(tmp_path, files)


REMOVAL = "removals:\n  - {mailbox: hans.weg, date: 2026-12-01, reason: left}\n"


def test_a_removed_mailbox_is_not_declared(tmp_path: Path) -> None:
    message = one(tmp_path, state([], "hans.weg", REMOVAL))
    assert message.startswith("a.yaml:4:15: hans.weg@mail.example is to be removed and is declared as a mailbox")
    assert "a.yaml:2:13)" in message


def test_no_declared_alias_leads_to_a_removed_mailbox(tmp_path: Path) -> None:
    message = one(tmp_path, state([], "b", REMOVAL + "aliases: {a: [b, hans.weg]}\n"))
    assert message.startswith("a.yaml:5:18: a@mail.example leads to hans.weg@mail.example, which is to be removed")


def test_the_address_is_free_for_an_alias_after_the_purge(tmp_path: Path) -> None:
    alias = "aliases: {hans.weg: x@extern.example}\n"
    assert "its mailbox is there until the purge" in one(tmp_path, state([], "", REMOVAL + alias))
    assert load(tmp_path, state([], "", REMOVAL.replace("2026-12-01", "2026-08-01") + alias)).findings == ()


def test_a_rename_keeps_its_old_mailbox(tmp_path: Path) -> None:
    message = one(tmp_path, state(["hans.weg>b@22"], "b", REMOVAL))
    assert "hans.weg@mail.example is to be removed, but the rename to b@mail.example keeps it" in message


def test_a_renamed_account_can_be_removed(tmp_path: Path) -> None:
    assert load(tmp_path, state(["a>hans.weg@22"], "", REMOVAL)).findings == ()


def test_a_removal_twice(tmp_path: Path) -> None:
    message = one(tmp_path, {"a.yaml": state([], "", REMOVAL), "b.yaml": "domain: mail.example\n" + REMOVAL})
    assert "b.yaml:3:5: the removal hans.weg@mail.example is declared twice" in message


def test_a_long_chain_on_one_day(tmp_path: Path) -> None:
    chain = [f"a{n}>a{n + 1}@22" for n in range(300)]
    assert len(load(tmp_path, state(chain, "a300")).state.renames) == 300
