"""Which files are read, and what is refused before YAML begins (docs/state-language.md, "Rules")."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from reconciler.declared.load import load_state
from reconciler.declared.read import text
from reconciler.errors import UsageError
from tests.declared.samples import BOX, errors, load, one, site

A = f"mailboxes: {{a@mail.example: {BOX}}}\n"
B = f"mailboxes: {{b@mail.example: {BOX}}}\n"


def test_reads_yaml_and_yml_in_folders_and_skips_hidden_ones_and_the_site_file(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        {
            "a.yaml": A,
            "deep/er/b.yml": B,
            ".hidden.yaml": "not: state",
            ".git/c.yaml": "not: state",
            "reconciler.yaml": "not: state",
            "members.csv": "not,state",
        },
    )
    assert set(found.state.mailboxes) == {"a@mail.example", "b@mail.example"}
    assert found.files == 2


def test_no_files_and_empty_files_are_an_empty_state(tmp_path: Path) -> None:
    assert load(tmp_path, {}).state.mailboxes == {}
    assert load(tmp_path, {"a.yaml": "", "b.yaml": "# only a comment\n", "c.yaml": "---\n"}).state.mailboxes == {}


def test_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no state folder") as caught:
        load_state(tmp_path / "gone", site(), today=date(2026, 11, 24))
    assert "state:" in caught.value.hint


def test_links_inside_are_followed_and_each_real_file_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.yaml").write_text(A)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "again.yaml").symlink_to("real/a.yaml")
    found = load(tmp_path, {})
    assert (found.files, list(found.state.mailboxes)) == (1, ["a@mail.example"])


def test_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text(A)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "in.yaml").symlink_to("../outside.yaml")
    (tmp_path / "state" / "folder").symlink_to("..")
    found = errors(tmp_path / "state", {})
    assert ["leaves the state folder" in f.message for f in found] == [True, True]


def test_loops_and_dead_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "up").symlink_to("..")
    (tmp_path / "self.yaml").symlink_to("self.yaml")
    (tmp_path / "dead.yaml").symlink_to("nothing.yaml")
    messages = sorted(f.message for f in errors(tmp_path, {}))
    assert messages == [
        "this link leads back to a folder that it is in",
        "this link leads nowhere or in a circle",
        "this link leads nowhere or in a circle",
    ]


def test_a_net_of_links_is_walked_once(tmp_path: Path) -> None:
    """Forty folders with two links each to the next are 2^40 ways to the last one."""
    for number in range(40):
        (tmp_path / f"d{number}").mkdir()
    for number in range(39):
        for name in ("x", "y"):
            (tmp_path / f"d{number}" / name).symlink_to(f"../d{number + 1}")
    (tmp_path / "d39" / "a.yaml").write_text(A)
    assert load(tmp_path, {}).files == 1


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "not a regular file" in one(tmp_path, {})


def test_bytes_that_are_not_text_are_refused_with_their_position(tmp_path: Path) -> None:
    good = "# äöü\n"
    assert "a.yaml:1:1: the file is UTF-16" in one(tmp_path, {"a.yaml": A.encode("utf-16")})
    assert "a.yaml:2:4: byte 0xe4 is not UTF-8" in one(tmp_path, {"a.yaml": good.encode() + "# ä".encode() + b"\xe4\n"})
    assert "a.yaml:2:3: found the invisible character U+0007" in one(tmp_path, {"a.yaml": good + "# \x07\n"})
    assert "a.yaml:1:4: found the invisible character U+2028" in one(tmp_path, {"a.yaml": "# a\u2028b: c\n"})
    assert "a.yaml:1:4: found the invisible character U+000D" in one(tmp_path, {"a.yaml": "a: \rb: c\n"})


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    assert list(load(tmp_path, {"a.yaml": b"\xef\xbb\xbf" + A.encode()}).state.mailboxes)
    assert "a.yaml:2:3: " in one(tmp_path, {"a.yaml": b"\xef\xbb\xbfmailboxes:\n  x y: {}\n"})


def test_windows_line_ends_are_fine(tmp_path: Path) -> None:
    found = load(tmp_path, "domain: mail.example\r\nmailboxes:\r\n  anna:\r\n    groupware: false\r\n")
    mailbox = found.state.mailboxes[next(iter(found.state.mailboxes))]
    assert (mailbox.address, found.locate(mailbox.origin)[1:3]) == ("anna@mail.example", (3, 3))


@pytest.mark.parametrize("text", ["mailboxes:\n\ta@mail.example: {}\n", "\tdomain: mail.example\n", "a: 1\n  \tb: 2\n"])
def test_a_tab_that_indents_is_shown(tmp_path: Path, text: str) -> None:
    before = text[: text.index("\t")]
    line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    assert f"a.yaml:{line}:{column}: a tab indents this line -> indent with spaces" in one(tmp_path, text)


def test_a_file_over_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MAX_BYTES", 1024 * 1024)
    message = one(tmp_path, {"a.yaml": "#" * (1024 * 1024 + 1)})
    assert "the file has 1.0 MB, 1 are allowed -> split it" in message
    assert errors(tmp_path, {"a.yaml": "#" * 1024 * 1024}) == []


def test_a_file_name_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    found = errors(tmp_path, {"\x1b[31m.yaml": "x: 1"})
    assert found[0].place is not None
    assert "\x1b" not in found[0].place.file + found[0].subject + found[0].message


def test_bad_files_do_not_hide_each_other(tmp_path: Path) -> None:
    found = errors(tmp_path, {"a.yaml": b"\xff\xfea", "b.yaml": "a: [", "c.yaml": "x: 1", "d.yaml": A})
    assert len(found) == 3
