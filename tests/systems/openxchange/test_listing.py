"""Reading `listuser --csv` (facts/open-xchange.md 2.3): hostile order, nulls, quotes, newlines, and half an answer."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Unreadable
from reconciler.remote.host import Completed
from reconciler.remote.spool import Spool
from reconciler.systems.openxchange.listuser_csv import Listed, ListReader, canonical, read_users
from tests.systems.openxchange.canned import ADMIN, ANNA, CannedHost, Fault, csv_of, found, system_on, user


def read(stdout: bytes) -> list[Listed]:
    """Without the context admin, who is in every answer."""
    return [listed for listed in read_users(Spool.of(stdout), whole=True) if listed.row.login != "oxadmin"]


def test_the_order_of_the_columns_does_not_matter() -> None:
    users = [ADMIN, user(3, "anna", ANNA, Note=None), user(4, "klaus", "klaus@pirat.example")]
    random.seed(2)
    (first, *others) = [read(csv_of(users)) for _ in range(20)]
    assert [u.row.login for u in first] == ["anna", "klaus"]
    assert all([u.row for u in other] == [u.row for u in first] for other in others)


def test_columns_that_we_do_not_know_are_left_alone() -> None:
    answer = csv_of([ADMIN, user(3, "anna", ANNA)]).replace(b"Note", b"access-webmail")
    assert [u.row.id for u in read(answer)] == ["3"]


async def test_the_context_admin_is_left_out_and_nobody_else() -> None:
    rows = await found(system_on(CannedHost([user(3, "oxadmin2", ANNA)])))
    assert [row.login for row in rows.values()] == ["oxadmin2"]


def test_null_is_empty_and_the_word_null_in_a_text_column_is_a_name() -> None:
    listed = read(csv_of([ADMIN, user(3, "anna", ANNA, ImapLogin=None, Aliases=None, Display_name="null")]))
    assert (listed[0].row.imap_login, listed[0].row.aliases, listed[0].row.display_name) == ("", (), "null")


def test_a_user_with_no_address_at_all_is_read() -> None:
    nothing = dict.fromkeys(("PrimaryEmail", "Email1", "Aliases", "DefaultSenderAddress", "ImapLogin"))
    (listed,) = read(csv_of([ADMIN, {**user(3, "anna", ANNA), **nothing}]))
    assert (listed.row.primary, listed.row.aliases, listed.stored.breaks_the_rule) == ("", (), False)


def test_quotes_and_raw_newlines_in_values() -> None:
    strange = user(3, "anna", ANNA, Display_name='Anna "Ann"\nBeispiel, AG', Note='a\r\nb "c",\n"Id"')
    assert read(csv_of([ADMIN, strange]))[0].row.display_name == 'Anna "Ann" Beispiel, AG'


def test_a_value_longer_than_pythons_limit() -> None:
    assert len(read(csv_of([ADMIN, user(3, "anna", ANNA, Note="x" * 300_000)]))) == 1


def test_what_means_the_same_is_equal() -> None:
    plain = user(3, "anna", "anna@xn--mnchen-3ya.example", Display_name="Änne Müller")
    fancy = user(
        3,
        "anna",
        "Anna@München.Example",
        Display_name=" A\u0308nne  Mu\u0308ller ",
        Aliases="anna@MÜNCHEN.example, Anna@München.Example",
    )
    (one,), (other,) = read(csv_of([ADMIN, plain])), read(csv_of([ADMIN, fancy]))
    assert one.row == other.row


def test_what_is_no_address_stays_what_it_is() -> None:
    assert canonical("Ännä") == "ännä"
    assert canonical("a@-ü-.example") == "a@-ü-.example"


@pytest.mark.parametrize(
    ("columns", "broken"),
    [
        ({}, False),
        ({"Aliases": "other@pirat.example"}, True),
        ({"Aliases": None}, True),
        ({"Aliases": "Anna@pirat.example"}, True),  # letter by letter (facts 3.3)
        ({"DefaultSenderAddress": "old@pirat.example"}, True),
        ({"DefaultSenderAddress": None}, False),
        ({"Email1": "Anna@pirat.example", "Aliases": "anna@pirat.example, Anna@pirat.example"}, False),
        ({"Email1": "old@pirat.example", "Aliases": "anna@pirat.example, old@pirat.example"}, True),
    ],
)
def test_who_breaks_the_alias_rule_as_stored(columns: dict[str, str | None], broken: bool) -> None:
    (listed,) = read(csv_of([ADMIN, user(3, "anna", ANNA, **columns)]))
    assert listed.stored.breaks_the_rule is broken


def test_disabled_users_are_known() -> None:
    assert not read(csv_of([ADMIN, user(3, "anna", ANNA, Mailenabled="false")]))[0].enabled
    assert read(csv_of([ADMIN, user(3, "anna", ANNA, Mailenabled=None)]))[0].enabled


def test_an_answer_cut_anywhere_inside_a_user_is_refused() -> None:
    users = [ADMIN, user(3, "anna", ANNA, Note="two\nlines"), user(4, "klaus", "klaus@pirat.example")]
    columns = sorted({name for one in users for name in one} | {"MaxQuota"})
    whole = csv_of(users, columns)
    at_a_border = {len(csv_of(users[:n], columns)) for n in range(1, 4)}  # there only the exit status tells
    for end in range(len(whole)):
        if end not in at_a_border:
            with pytest.raises(Unreadable, match="not complete"):
                read(whole[:end])


@pytest.mark.parametrize("start", [1, 30, 400])
def test_an_answer_whose_beginning_is_missing_is_refused(start: int) -> None:
    with pytest.raises(Unreadable, match="not complete") as refused:
        read(csv_of([ADMIN, user(3, "anna", ANNA)])[start:])
    assert "secret-hash" not in refused.value.message + refused.value.hint


def test_a_header_alone_is_half_an_answer_for_the_whole_context_but_not_for_a_search() -> None:
    with pytest.raises(Unreadable, match="not even the context admin"):
        read(csv_of([]))
    assert list(read_users(Spool.of(csv_of([])), whole=False)) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b"PrimaryEmail", b"Mail", "does not name PrimaryEmail once"),
        (b"Note", b"Aliases", "does not name Aliases once"),
        (b'"3"', b'"null"', "line 3 has no user id"),
        (b'"4"', b'"3"', "user 3 is in it twice"),
        (b'"klaus"', b'"klaus"x', "line 4"),
        (b'"klaus",', b'"klaus","more",', "line 4 has 15 of 14 values"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(old: bytes, new: bytes, says: str) -> None:
    users = [ADMIN, user(3, "anna", ANNA, Aliases=None), user(4, "klaus", "klaus@pirat.example")]
    names = [*ADMIN, *[name for name in users[1] if name not in ADMIN], "MaxQuota", "Note"]
    answer = csv_of(users, names)
    assert old in answer
    with pytest.raises(Unreadable, match=says):
        read(answer.replace(old, new))


def test_an_answer_in_another_encoding_is_refused() -> None:
    answer = csv_of([ADMIN, user(3, "anna", ANNA, Display_name="Änne")]).decode().encode("latin-1")
    with pytest.raises(Unreadable, match="not UTF-8") as refused:
        read(answer)
    assert "C.UTF-8" in refused.value.hint


async def test_observe_asks_once_with_the_password_in_the_environment_only() -> None:
    host = CannedHost([user(3, "anna", ANNA)])
    rows = await found(system_on(host))
    assert [(row.key, row.account, row.login) for row in rows.values()] == [("openxchange/3", "", "anna")]
    (call,) = host.calls
    assert call.argv == [
        "/opt/open-xchange/sbin/listuser",
        *("--nonl", "--contextid=1", "--adminuser=oxadmin", "--csv"),
    ]
    assert call.env == {"LC_ALL": "C.UTF-8"}
    assert call.secrets["ADMIN_PASSWORD"].get_secret_value() == "admin-secret"
    assert call.repeatable


@pytest.mark.parametrize(
    ("status", "stderr", "says"),
    [
        (
            101,
            b"users in context 1 could not be listed: Server response: Authentication failed: com.x.Y(Z.java:1)",
            "oxadmin",
        ),
        (105, b"Error: Connection refused to host: localhost; nested exception is: ", "does not answer"),
        (0, b"users in context 1 could not be listed: Server response: something", "something"),
        (-9, b"", "broke off"),
    ],
)
async def test_a_listing_that_failed_is_never_read_whatever_is_on_stdout(status: int, stderr: bytes, says: str) -> None:
    host = CannedHost(faults={"listuser": [Fault(Completed(status, csv_of([ADMIN, user(3, "anna", ANNA)]), stderr))]})
    with pytest.raises(Unreadable, match=says) as refused:
        await system_on(host).observe()
    assert refused.value.hint
    assert "admin-secret" not in str(refused.value)


@given(
    notes=st.lists(st.text('ab"\n\r,ü\x85\u2028', max_size=8), max_size=5),
    cuts=st.lists(st.integers(0, 2000)),
    spoiled=st.none() | st.integers(0, 2000),
)
def test_in_whichever_pieces_it_comes(notes: list[str], cuts: list[int], spoiled: int | None) -> None:
    """Each user as soon as the line is whole; and the same error."""
    users = [ADMIN, *(user(3 + n, f"u{n}", f"u{n}@pirat.example", Note=note) for n, note in enumerate(notes))]
    text = csv_of(users, sorted({name for one in users for name in one}))
    if spoiled is not None:
        at = spoiled % len(text)
        text = text[:at] + b'"' + text[at + 1 :]
    assert outcome(text, [*sorted(cut % (len(text) + 1) for cut in cuts), len(text)]) == outcome(text, [len(text)])


def outcome(text: bytes, cuts: list[int]) -> tuple[list[tuple[str, ...]], str]:
    taken: list[Listed] = []
    reader, at = ListReader(taken.append, whole=True), 0
    for cut in cuts:
        reader.write(text[at:cut])
        at = cut
    try:
        reader.finish()
    except Unreadable as error:
        return [tuple(one.cells) for one in taken], error.message
    return [tuple(one.cells) for one in taken], ""
