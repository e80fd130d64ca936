"""The text of a map: read as postmap reads it, and written so that nothing of others changes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.errors import Unreadable
from reconciler.systems.postfix.map_entries import KeyRules
from reconciler.systems.postfix.map_state import first_of
from reconciler.systems.postfix.mapfile import Lines, parse, render
from tests.services.mail import Postfix

SECTION = b"# BEGIN reconciler nrw: declared in git, do not edit\n%s# END reconciler nrw\n"


def entries(content: bytes) -> list[tuple[str, str]]:
    return [(entry.key, entry.action) for entry in parse(content, "nrw", "map").entries]


def test_the_section_is_written_as_agreed() -> None:
    """docs/postfix.md."""
    blocks = {
        "spam@example.net": Lines("phishing wave (2026-11-22, until 2027-02-22)", (("spam@example.net", "REJECT"),)),
        "example.org": Lines("sells addresses", (("example.org", "REJECT"),)),
    }
    assert render(parse(b"mine.test OK\n", "nrw", "map"), blocks, "nrw").decode() == (
        "# BEGIN reconciler nrw: declared in git, do not edit\n"
        "# sells addresses\n"
        "example.org REJECT\n"
        "# phishing wave (2026-11-22, until 2027-02-22)\n"
        "spam@example.net REJECT\n"
        "# END reconciler nrw\n"
        "mine.test OK\n"
    )


def test_a_marker_is_no_comment_of_the_line_below_it() -> None:
    """The line below our section goes without the end of the section when a block takes its place."""
    text = parse(SECTION % b"example.org REJECT\n" + b"spam.test REJECT\n# note\nham.test OK\n", "nrw", "map")
    assert [text.comment_above(entry) for entry in text.entries] == ["", "", "note"]
    assert text.without(text.by_hand) == SECTION % b"example.org REJECT\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a@b.test REJECT one\n  c@b.test REJECT\n", [("a@b.test", "REJECT one  c@b.test REJECT")]),
        (b"a REJECT\n\n# note\n more\n", [("a", "REJECT more")]),
        (b"a REJECT\n  # note\nb OK", [("a", "REJECT"), ("b", "OK")]),
        (b"a@b.test REJECT # spam\r\n", [("a@b.test", "REJECT # spam")]),
        (b'"quo ted"@b.test  REJECT\n', [('"quo ted"@b.test', "REJECT")]),
        (b"a@b.test REJ\0ECT\n", [("a@b.test", "REJ")]),
        (b"a REJECT\rb OK\n", [("a", "REJECT\rb OK")]),
        (b"# only\n\n   \n", []),
    ],
)
def test_lines_are_read_as_postmap_reads_them(content: bytes, expected: list[tuple[str, str]]) -> None:
    """facts/postfix.md 3.1."""
    assert entries(content) == expected


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a@b.test\n", "has no action"),
        (b"  a@b.test REJECT\n", "begins with a blank and continues nothing"),
        (b'"a@b.test REJECT\n', 'has an unbalanced "'),
        (b"b\xfc.test REJECT\n", "is not UTF-8"),
        (b"a@b.test: REJECT\n", "has a key that ends in a colon"),
    ],
)
def test_what_postmap_complains_about_is_known_before(content: bytes, problem: str) -> None:
    (entry,) = parse(content, "nrw", "map").entries
    assert entry.problem == problem


# no tab here: a key may hold one, and then nobody can tell key from value in what postmap lists
_LINE = st.text(alphabet=' a@."\\#:Rü\r\v\0', max_size=12) | st.sampled_from(
    ["a@b.test REJECT", "d.test\tREJECT\t", "\ve", "B.test DUNNO", "  more", "# note", ".c.test OK x", "Ü.test HOLD"]
)


@given(st.lists(_LINE, max_size=8), st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_our_reading_equals_the_map_that_postmap_makes(postfix: Postfix, lines: list[str], ends: bool) -> None:
    """Whatever stands in the file: the entries that count are those that the real postmap put into the map."""
    content = ("\n".join(lines) + ("\n" if ends else "")).encode()
    postfix.map.write_bytes(content)
    built = postfix.postmap(postfix.sender_access)
    assert built.returncode == 0
    text = parse(content, "nrw", "map")
    listed = postfix.dump()
    assert listed == {key: entry.action for key, entry in first_of(text.entries, KeyRules()).items()}
    complains = any(entry.problem for entry in text.entries) or "duplicate" in built.stderr
    assert bool(built.stderr) == complains, built.stderr


@given(st.binary(max_size=80).filter(lambda b: b"reconciler" not in b))
def test_hand_made_bytes_survive(by_hand: bytes) -> None:
    """Our section comes and goes, and not one byte of the others has changed."""
    blocks = {"example.org": Lines("why", (("example.org", "REJECT"),))}
    with_section = render(parse(by_hand, "nrw", "map"), blocks, "nrw")
    assert with_section == SECTION % b"# why\nexample.org REJECT\n" + by_hand
    assert render(parse(with_section, "nrw", "map"), {}, "nrw") == by_hand


def test_a_section_further_down_moves_up() -> None:
    content = b"one.test OK\n" + SECTION % b"example.org REJECT\n" + b"two.test OK"
    moved = render(parse(content, "nrw", "map"), {"example.org": Lines("", (("example.org", "REJECT"),))}, "nrw")
    assert moved == SECTION % b"example.org REJECT\n" + b"one.test OK\ntwo.test OK"


def test_the_section_of_another_site_is_made_by_hand() -> None:
    content = SECTION.replace(b"nrw", b"other") % b"example.org REJECT\n"
    text = parse(content, "nrw", "map")
    assert text.section is None
    assert [entry.key for entry in text.by_hand] == ["example.org"]


BEGIN, END = b"# BEGIN reconciler nrw: x\n", b"# END reconciler nrw\n"


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (BEGIN + b"a REJECT\n", "BEGIN in line 1 and its END in line none"),
        (b"a REJECT\n" + END, "BEGIN in line none and its END in line 2"),
        (END + BEGIN, "BEGIN in line 2 and its END in line 1"),
        (BEGIN + END + BEGIN + END, "BEGIN in line 1 and 3 and its END in line 2 and 4"),
        (BEGIN + BEGIN + END + END, "BEGIN in line 1 and 2 and its END in line 3 and 4"),
    ],
)
def test_broken_markers_are_unknown_never_empty(content: bytes, lines: str) -> None:
    with pytest.raises(Unreadable, match=lines) as caught:
        parse(content, "nrw", "/etc/postfix/maps/sender_access")
    assert "remove all marker lines" in caught.value.hint
    assert parse(content, "nrw", "map", whole_file=True).section is None


@pytest.mark.parametrize(
    "reason", ["END reconciler nrw", "BEGIN reconciler nrw: more", "two\nlines REJECT\n# END reconciler nrw"]
)
def test_a_reason_cannot_become_a_marker_or_an_entry(reason: str) -> None:
    blocks = {"example.org": Lines(reason, (("example.org", "REJECT"),))}
    text = parse(render(parse(b"", "nrw", "map"), blocks, "nrw"), "nrw", "map")
    assert [(e.key, e.action) for e in text.ours] == [("example.org", "REJECT")]
