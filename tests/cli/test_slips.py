"""What beginners write by mistake: each is said at its own line, with what to write instead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.site import StandInSite

BOX = "mailboxes:\n  anna:\n    groupware: false\n"
BLOCK = "sender_blocks:\n  - reason: spam\n"


@pytest.mark.parametrize(
    ("text", "line", "wrong", "instead"),
    [
        ("<<<<<<< HEAD\n" + BOX + "=======\n>>>>>>> other\n", 2, "git could not merge", "finish the merge"),
        (BOX.replace("    groupware", "\u00a0\u00a0 groupware"), 4, "no-break space (U+00A0)", "plain spaces"),
        (BOX.replace("anna:", "anna"), 3, "`anna` lacks its colon", "`anna:`"),
        (BOX.replace("groupware:", "groupware") + "    quota: 1 MB\n", 4, "lacks its colon", "`groupware: false`"),
        (BOX.replace("e: f", "e:f") + "    quota: 1 MB\n", 4, "space behind the colon", "`groupware: false`"),
        (BOX + "    quota:1\n", 5, "space behind the colon", "`quota: 1`"),
        (
            "mailboxes:\n  anna: {groupware:false}\n",
            3,
            "space behind the colon",
            "`groupware: false`",
        ),
        (BOX + "    surname: 'O'Muster'\n", 5, "the quote inside ends the text", '"O\'Muster"'),
        (BOX + "    member: +49 170 1234567\n", 5, "looks like a telephone number", "like 10042"),
        (BOX + "    member: 0170 1234567\n", 5, "looks like a telephone number", "like 10042"),
        (BOX + "    member: 01701234567\n", 5, "looks like a telephone number", "like 10042"),
        (BOX + "    surname: „Muster“\n", 5, "typographic quotes", "write Muster without quotes"),
        (BOX + "    surname: 1e3\n", 5, "the number 1e3", "in quotes: '1e3'"),
        ("sender_blocks:\n  - domain: *.spam.test\n", 3, "cannot begin with `*`", "`domain: spam.test`"),
        ("sender_blocks:\n  - sender: @spam.test\n", 3, "cannot begin with `@`", "`domain: spam.test`"),
        (BLOCK + "    domain: *.spam.test\n", 4, "cannot begin with `*`", "`domain: spam.test`"),
        (BLOCK + "    sender: @spam.test\n", 4, "cannot begin with `@`", "`domain: spam.test`"),
        ("aliases:\n  kreis: a.b, c.d\n", 3, "is one text, not several targets", "[a.b, c.d]"),
        ("mailboxes:\n  anna:\n    groupware:false\n", 4, "space behind the colon", "`groupware: false`"),
        ("mailboxes:\n  anna:\n    groupware false\n", 4, "`groupware` lacks its colon", "`groupware: false`"),
        (
            "mailboxes:\n  anna:{groupware: false}\n",
            3,
            "space behind the colon of `anna:`",
            "`anna: {groupware: false}`",
        ),
        ("mailboxes:\n  anna {groupware: false}\n", 3, "`anna` lacks its colon", "`anna: {groupware: false}`"),
        ("mailboxes:{anna: {groupware: false}}\n", 2, "space behind the colon of `mailboxes:`", "`mailboxes: {"),
        (BOX.replace("false", "\n      username:x"), 5, "space behind the colon", "`username: x`"),
        ("mailboxes:\n  a: {groupware:{username: x}}\n", 3, "space behind the colon", "`groupware: {username: x}`"),
        ("aliases:\n  kreis:a.b\n", 3, "space behind the colon of `kreis:`", "`kreis: a.b`"),
        ("aliases:\n  kreis:a.b\n  u:c.d\n", 3, "space behind the colon", "`kreis: a.b` and `u: c.d`"),
        ("aliases:\n  kreis a.b\n", 3, "`kreis` lacks its colon", "`kreis: a.b`"),
        ("aliases:\n  kreis {goto: a.b}\n", 3, "`kreis` lacks its colon", "`kreis: {goto: a.b}`"),
        ("aliases:\n  kreis:\n    goto:a.b\n", 4, "space behind the colon of `goto:`", "`goto: a.b`"),
        ("aliases:\n  kreis:\n    -a.b\n    -c.d\n", 4, "space behind the dash", "`- a.b`, `- c.d`"),
        ("removals:\n  - mailbox:anna\n", 3, "space behind the colon", "`mailbox: anna`"),
        (
            "mailboxes:\n  anna: {groupware: false, name: Clara #1 Probe}\n  b: {}\n",
            3,
            "`#1 Probe}` is a comment",
            "write 'Clara #1 Probe'",
        ),
        ("aliases:\n  kreis: [a.b, c.d #2]\n  u: c.d\n", 3, "`#2]` is a comment", "write 'c.d #2'"),
        ("mailboxes:\n  anna: {\n    name: A #1,\n    quota: 1 MB}\n", 4, "`#1,` is a comment", "write 'A #1'"),
        ("aliases:\n  kreis: „a.b“\n", 3, "typographic quotes", "write a.b without quotes"),
        ("aliases:\n  kreis: [“a.b”]\n", 3, "typographic quotes", "write a.b without quotes"),
        ("aliases:\n  „kreis“: a.b\n", 3, "typographic quotes", "write kreis without quotes"),
        (BOX + "    member: „10042“\n", 5, "typographic quotes", "in plain quotes: '10042'"),
        ("removals:\n  - {mailbox: b, date: ‚2026-12-01‘, reason: x}\n", 3, "typographic quotes", "write 2026-12-01"),
        (BLOCK + "    domain: »spam.test«\n", 4, "typographic quotes", "write spam.test without quotes"),
        (BLOCK.replace("spam", "„spam“") + "    domain: spam.test\n", 3, "typographic quotes", "write spam without"),
        (BLOCK.replace("spam", '„spam"') + "    domain: spam.test\n", 3, "typographic quotes", "write spam without"),
        (BLOCK.replace("spam", "„a: b“") + "    domain: spam.test\n", 3, "typographic quotes", "write 'a: b'"),
        ("sender_blocks:\n  - {domain: x.test, reason: „a, b“}\n", 3, "the comma before `b“`", "'…, b'"),
        ("aliases:\n  kreis:\n    - a.b, c.d\n", 4, "not several addresses", "item of its own: `- a.b`, `- c.d`"),
        ("aliases:\n  kreis: {goto: ['a.b; c.d']}\n", 3, "not several addresses", "`- a.b`, `- c.d`"),
        ("aliases:\n  kreis: {goto: 'a.b, c.d'}\n", 3, "expected a list", "write [a.b, c.d]"),
        ("aliases:\n  kreis: a.b c.d\n", 3, "is one text, not several targets", "[a.b, c.d]"),
        (BLOCK + "    domain: a.test, b.test\n", 4, "not several addresses", "an entry for each"),
        (BOX + "renames:\n  - {from: anna, to: alt, date: 2026-11-22}\n", 6, "are swapped", "`from: alt@pirat.alt`"),
    ],
)
def test_a_slip_is_an_error_at_its_line(
    site: StandInSite, command: Command, text: str, line: int, wrong: str, instead: str
) -> None:
    (site.folder / "state" / "state.yaml").write_text(f"domain: pirat.alt\n{text}", encoding="utf-8")
    answer = command("validate")
    assert answer.status == 3
    assert f"state/state.yaml:{line}:" in answer.out
    assert wrong in answer.words
    assert instead in answer.words


@pytest.mark.parametrize("text", ["the „spam“ wave", "„spam“ and „ham“", "'„spam“'", "it’s spam", "'-spam'"])
def test_quotes_and_dashes_may_be_part_of_a_text(site: StandInSite, command: Command, text: str) -> None:
    (site.folder / "state" / "state.yaml").write_text(f"{BLOCK}    domain: a.test\n".replace("spam\n", f"{text}\n"))
    assert command("validate").status == 0


@pytest.mark.parametrize(
    "entry",
    [
        "{sender: a@example.net, reason: http://x.example/y}",
        "{sender: a@example.net, reason: call of 10:30}",
        "{reason: call of 10:30, sender: a@example.net}",
    ],
)
def test_colons_inside_braces_are_fine(site: StandInSite, command: Command, entry: str) -> None:
    (site.folder / "state" / "state.yaml").write_text(f"sender_blocks:\n  - {entry}\n")
    answer = command("validate")
    assert answer.status == 0, answer.words
    assert "1 sender block" in answer.words


def test_a_byte_order_mark_is_read_over(site: StandInSite, command: Command) -> None:
    """Editors of Windows write it: in a state file and in the site file."""
    state, mark = site.folder / "state" / "state.yaml", b"\xef\xbb\xbf"
    state.write_bytes(mark + f"domain: pirat.alt\r\n{BOX}".encode())
    site.file.write_bytes(mark + site.file.read_bytes())
    answer = command("validate")
    assert answer.status == 0, answer.words
    assert "valid: site nrw (reconciler.yaml): 1 mailbox" in answer.err
    state.write_bytes(mark + f"domain: pirat.alt\r\n{BOX}    colour: red\r\n".encode())
    assert "state/state.yaml:5:5: error: `colour` is not known here" in command("validate").words


def test_the_whole_file_may_be_one_slip(site: StandInSite, command: Command) -> None:
    (site.folder / "state" / "state.yaml").write_text("# our domain\ndomain:pirat.alt\n")
    answer = command("validate")
    assert answer.status == 3
    assert "state/state.yaml:2:1: error: the space behind the colon of `domain:` is missing" in answer.words


def test_a_url_with_a_password_is_not_quoted(site: StandInSite, command: Command) -> None:
    site.file.write_text("site: nrw\npostfixadmin:\n  url:mysql://mail:geheim@db.example/mail\n")
    answer = command("validate")
    assert answer.status == 3
    assert "reconciler.yaml:3:3: error: the space behind the colon of `url:` is missing" in answer.words
    assert "geheim" not in answer.words


@pytest.mark.parametrize(
    ("text", "line", "wrong"),
    [
        (BOX + "    name: Clara #1 Probe\n", 5, "`#1 Probe` is a comment here, the value is `Clara`"),
        (BOX + "    password_reset: 2026-11-22\n", 3, "no letter can tell the new password"),
        ("removals:\n  - {mailbox: b, date: 2206-12-01, reason: left}\n", 3, "the removal on 2206-12-01 is"),
    ],
)
def test_what_may_be_a_slip_is_a_warning(site: StandInSite, command: Command, text: str, line: int, wrong: str) -> None:
    (site.folder / "state" / "state.yaml").write_text(f"domain: pirat.alt\n{text}", encoding="utf-8")
    answer = command("validate")
    assert answer.status == 0
    assert f"state/state.yaml:{line}:" in answer.out
    assert wrong in answer.words


def test_validate_says_what_it_checked(site: StandInSite, command: Command) -> None:
    site.declare("technik: {groupware: false}")
    assert "valid: site nrw (reconciler.yaml): 1 mailbox" in command("validate").err


@pytest.mark.parametrize("content", ["", "aliases: {}\n"], ids=["empty", "some"])
@pytest.mark.parametrize(
    "name",
    [
        "aliases.yaml.txt",
        "aliases.yaml.bak",
        "aliases.yaml~",
        "aliases.yml.orig",
        "aliases.txt",
        "aliases.json",
        "aliases",
        ".aliases.yaml",
    ],
)
def test_a_file_that_is_not_read_is_named(site: StandInSite, command: Command, name: str, content: str) -> None:
    site.declare("technik: {groupware: false}")
    (site.folder / "state" / name).write_text(content, encoding="utf-8")
    answer = command("validate")
    assert answer.status == 0
    assert f"state/{name}:1:1: warning: this file is not read" in answer.words
    assert "name it aliases.yaml" in answer.words


def test_a_file_one_folder_up_is_named(site: StandInSite, command: Command) -> None:
    site.declare("technik: {groupware: false}")
    (site.folder / "aliases.yaml").write_text("aliases:\n  a: b\n", encoding="utf-8")
    (site.folder / "compose.yaml").write_text("services: {}\n", encoding="utf-8")
    answer = command("validate")
    assert "aliases.yaml:1:1: warning: this file is not read" in answer.words
    assert "compose.yaml" not in answer.words


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("aliases.txt", b"aliases:\n  a: b\n", "its name does not end in .yaml"),
        ("aliases", b"\xef\xbb\xbf'aliases': {}\r\n", "its name does not end in .yaml"),
        ("berlin.conf", b'{"domain": "pirat.alt", "aliases": {"a": "b"}}', "its name does not end in .yaml"),
        (".berlin.yml", b"aliases:\n  a:\n", "its name begins with a dot"),
        ("reconciler.yaml", b"domain: pirat.alt\naliases:\n  a: b\n", "it has the site file's name"),
        ("../aliases.yaml", b"\xef\xbb\xbfaliases:\r\n  a: b\r\n", "it lies outside the state folder"),
        ("../aliases.yaml", b'"aliases" :\n  a: b\n', "it lies outside the state folder"),
        ("../aliases.yaml.txt", b"aliases:\n  a: b\n", "it lies outside the state folder"),
        ("../aliases", b"aliases:\n  a: b\n", "it lies outside the state folder"),
        ("../.aliases.yaml", b"aliases:\n  a: b\n", "it lies outside the state folder"),
    ],
    ids=[
        "text",
        "no ending",
        "JSON",
        "hidden",
        "site file",
        "BOM",
        "quotes",
        "txt above",
        "bare above",
        "hidden above",
    ],
)
def test_a_file_that_declares_something_and_is_not_read_is_named(
    site: StandInSite, command: Command, name: str, content: bytes, why: str
) -> None:
    site.declare("technik: {groupware: false}")
    (site.folder / "state" / name).write_bytes(content)
    (site.folder / "state" / "README.md").write_text("```yaml\naliases:\n  a: b\n```\n", encoding="utf-8")
    (site.folder / "state" / "notes.txt").write_text("the aliases: see the wiki\n", encoding="utf-8")
    answer = command("validate")
    assert answer.status == 0, answer.words
    assert f"this file is not read: {why}, and" in answer.words
    assert "declares aliases" in answer.words
    assert "1 warning" in answer.words


def test_what_nobody_means_as_state_is_not_named(site: StandInSite, command: Command) -> None:
    site.declare("technik: {groupware: false}")
    state = site.folder / "state"
    example = "aliases:\n  a: b\n"
    for name in ("README", "README.md", "README.txt", "aliases.md", "LICENSE", ".gitkeep", ".gitignore"):
        (state / name).write_text(example, encoding="utf-8")
    for name in ("CODEOWNERS", ".yamllint.yaml", "notes.txt", "members.csv"):
        (state / name).write_text("rules: {}\n  aliases: none\n", encoding="utf-8")
    (state / ".aliases.yaml.swp").write_text(example, encoding="utf-8")
    (state / "aliases").mkdir()
    os.mkfifo(state / "aliases.pipe")
    (site.folder / "README.md").write_text(example, encoding="utf-8")
    (site.folder / "aliases.txt").write_text("a, b\n", encoding="utf-8")
    answer = command("validate")
    assert answer.status == 0
    assert "not read" not in answer.words


def test_the_site_file_is_found_or_it_is_said_where_to_name_it(
    site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site.declare("technik: {groupware: false}")
    folder = command("validate", "--site", str(site.folder))
    assert folder.status == 2
    assert f"--site names the folder {site.folder}" in folder.words
    assert f"write {site.folder}/reconciler.yaml" in folder.words
    state_file = command("validate", "--site", "state/state.yaml")
    assert state_file.status == 3
    assert "this is a state file, not a site file" in state_file.words
    order = command("--site", "reconciler.yaml", "plan")
    assert order.status == 2
    assert "write: reconciler plan --site reconciler.yaml" in order.words
    monkeypatch.setenv("RECONCILER_SITE", "gone.yaml")
    wrong = command("validate")
    assert wrong.status == 2
    assert "correct RECONCILER_SITE" in wrong.words
    monkeypatch.delenv("RECONCILER_SITE")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    forgotten = command("validate")
    assert forgotten.status == 2
    assert "RECONCILER_SITE" in forgotten.words


def test_a_misspelt_state_folder(site: StandInSite, command: Command) -> None:
    site.write(state="stat")
    answer = command("validate")
    assert answer.status == 2
    assert "did you mean `state: state`?" in answer.words


@pytest.mark.parametrize(
    ("section", "value", "wrong", "instead"),
    [
        ("timezone", "Europa/Berlin", "is not a time zone", "did you mean Europe/Berlin?"),
        ("timezone", "Europe", "is not a time zone", "Europe/"),
        ("timezone", "Europe/Berlin ", "is not a time zone", "did you mean Europe/Berlin?"),
        ("openxchange", {"timezone": "Europa/Berlin"}, "is not a time zone", "did you mean Europe/Berlin?"),
        ("state", "s" * 300, "longer than a path can be", "255 bytes"),
        ("state", "s\0t", "invisible character U+0000", "delete it"),
        ("letters", {"outbox": "o\0", "from": "a@b.example"}, "invisible character U+0000", "delete it"),
        ("register", {"csv": "m" * 300}, "longer than a path can be", "255 bytes"),
        ("postfixadmin", {"url": "sqlite:///x", "maildir": "{domain}/{user}/"}, "does not say where", "{local_part}"),
        *(
            ("postfixadmin", {"url": "sqlite:///x", "maildir": text}, "does not say where", "{local_part}")
            for text in ("/srv/{local_part}/", "../{address}/", "{local_part:>999999999}", "{local_part!r}")
        ),
        ("postfixadmin", {"url": "sqlite:///x", "maildir": "{domain/"}, "does not say where", "{local_part}"),
    ],
)
def test_the_site_file_is_checked_when_it_is_read(
    site: StandInSite, command: Command, section: str, value: object, wrong: str, instead: str
) -> None:
    site.write(**{section: value})
    answer = command("validate")
    assert answer.status == 3
    assert answer.out.startswith("reconciler.yaml:")
    assert wrong in answer.words
    assert instead in answer.words


def test_one_naming_pattern_has_one_meaning(site: StandInSite, command: Command) -> None:
    """In `validate` and in the plan: the whole local part follows it, though it has no anchors."""
    site.write(policy={"local_part": "[a-z]+"})
    site.declare("technik2: {groupware: false}")
    assert "does not follow the naming pattern" in command("validate").words
    assert command("plan").status == 5


def test_a_map_that_cannot_be_written_is_mended_first(site: StandInSite, command: Command) -> None:
    """`reconciler apply` would fail on the block."""
    site.map.write_text("muster@muster.example\n", encoding="utf-8")
    site.declare("technik: {groupware: false}", blocks=["domain: example.org, reason: spam"])
    last = command("plan").out.rstrip().rpartition("next: ")[2]
    words = " ".join(last.split())
    assert words.startswith("in the sender map, correct the line or remove it (")
    assert "; then reconciler plan (reconciler apply carries out 1 of 2 meanwhile)" in words


def test_a_map_whose_merge_was_not_finished(site: StandInSite, command: Command) -> None:
    """The line is named, and what to do is not to leave the brackets out."""
    site.map.write_text("<<<<<<< HEAD\nmuster@muster.example REJECT\n", encoding="utf-8")
    site.declare("technik: {groupware: false}", blocks=["domain: example.org, reason: spam"])
    answer = command("plan")
    assert answer.status == 4
    assert "git could not merge" in answer.words
    assert "angle brackets" not in answer.words


def test_a_link_in_the_place_of_the_map(site: StandInSite, command: Command, tmp_path: Path) -> None:
    """It is unknown, nothing is written, and both paths are said."""
    real = tmp_path / "elsewhere"
    site.map.rename(real)
    site.map.symlink_to(real)
    site.declare("technik: {groupware: false}", blocks=["domain: example.org, reason: spam"])
    answer = command("plan")
    assert answer.status == 9
    assert f"{site.map}isalinkto{real}" in answer.words.replace(" ", "")  # long paths are wrapped
    assert command("apply", "--yes").status == 9
    assert (site.map.readlink(), real.read_text()) == (real, "muster@muster.example REJECT\n")
