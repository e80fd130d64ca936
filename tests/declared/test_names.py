"""What the tab key offers is declared: small states are parsed, big ones are read by their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.declared import names
from reconciler.declared.names import declared_names, state_folder
from reconciler.errors import UsageError
from tests.declared.samples import load

STATE = """\
# yaml-language-server: $schema=../schemas/state.schema.json
domain: mail.example

mailboxes:
  # somebody: a comment
  Anna.Beispiel:
    given_name: Anna   # beside it
    surname: Beispiel
    groupware: false
  bernd.muster: {name: "Bernd: Muster", groupware: false}
  "clara@pirät.example":
    groupware: false
aliases:
  vorstand: [anna.beispiel,
    bernd.muster]
  info: anna.beispiel
  '*': anna.beispiel
renames:
  - from: anna.muster
    to: anna.beispiel
    date: 2026-11-22
    ticket: |
      removals:
      from: nobody
removals:
- mailbox: hans.weg
  date: 2026-12-01
  reason: "left: a letter of 2026"
sender_blocks:
  - sender: spam@example.net   # a wave
    reason: phishing
  - domain: example.org
    reason: |
      sender: no@example.com
    added: 2026-11-22
"""
NAMES = {
    "mailboxes": {"anna.beispiel@mail.example", "bernd.muster@mail.example", "clara@xn--pirt-noa.example"},
    "aliases": {"vorstand@mail.example", "info@mail.example"},
    "renames": {"anna.muster@mail.example"},
    "removals": {"hans.weg@mail.example"},
    "sender_blocks": {"spam@example.net", "example.org"},
    "domain": {"mail.example"},
}


@pytest.fixture(params=["parsed", "by its lines"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A state of some files, or of so many that no parser is fast enough."""
    if request.param == "by its lines":
        monkeypatch.setattr(names, "_PARSED", 0)
    return str(request.param)


@pytest.mark.parametrize("section", NAMES)
def test_what_a_section_names(tmp_path: Path, size: str, section: str) -> None:
    (tmp_path / "a.yaml").write_text(STATE, encoding="utf-8")
    left_out = {"vorstand@mail.example"} if size == "by its lines" and section == "aliases" else set()
    assert declared_names(tmp_path, [section]) == NAMES[section] - left_out


def test_what_is_named_is_what_the_state_declares(tmp_path: Path, size: str) -> None:
    state = load(tmp_path, STATE.replace("hans.weg", "hans.fort")).state
    assert declared_names(tmp_path, ["mailboxes"]) == set(state.mailboxes)
    assert declared_names(tmp_path, ["aliases"]) <= set(state.aliases)
    assert declared_names(tmp_path, ["sender_blocks"]) == set(state.sender_blocks)


@pytest.mark.parametrize("start", ["anna.b", "anna.beispiel@ma", "b", "nobody", "spam@"])
def test_only_what_begins_so(tmp_path: Path, size: str, start: str) -> None:
    (tmp_path / "a.yaml").write_text(STATE, encoding="utf-8")
    everything = declared_names(tmp_path, list(NAMES))
    assert declared_names(tmp_path, list(NAMES), start) == {name for name in everything if name.startswith(start)}


@pytest.mark.parametrize(
    "trap",
    [
        "mailboxes:\n  anna: {groupware: false,\n  bernd: no}\n",
        "mailboxes:\n  anna: {groupware: false,\n  name: A,\n  quota: 1 MB}\n",
        "mailboxes:\n  anna: {name: 'A\n  bernd: B', groupware: false}\n",
        'aliases:\n  anna: [a@b.example,\n  "bernd: c", d@b.example]\n',
    ],
)
def test_the_middle_of_a_value_is_no_name(tmp_path: Path, size: str, trap: str) -> None:
    (tmp_path / "a.yaml").write_text(f"domain: mail.example\n{trap}", encoding="utf-8")
    assert declared_names(tmp_path, ["mailboxes", "aliases"]) <= {"anna@mail.example"}


@pytest.mark.parametrize("key", ["$(touch here)", "`touch`", "a'b", "a;b", "a b", "-rf", "a$b", "*", "a\\nb", "~root"])
def test_what_a_shell_would_read_is_not_offered(tmp_path: Path, size: str, key: str) -> None:
    (tmp_path / "a.yaml").write_text(f'domain: mail.example\naliases: \n  "{key}": b@mail.example\n', encoding="utf-8")
    assert declared_names(tmp_path, ["aliases"]) == set()


@pytest.mark.parametrize(
    "broken", ["mailboxes:\n  anna: {\n", "mailboxes: &a\n  anna: {}\n", "mailboxes:\n  anna: {}\n ]"]
)
def test_a_file_that_is_broken_or_unusual_is_read_by_its_lines(tmp_path: Path, broken: str) -> None:
    (tmp_path / "a.yaml").write_text(f"domain: mail.example\n{broken}\naliases:\n  info: []\n", encoding="utf-8")
    assert "info@mail.example" in declared_names(tmp_path, ["mailboxes", "aliases"])


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"- a\n", b"mailboxes: 5\naliases: [a]\nrenames: {a: b}\n"])
def test_what_is_no_state_names_nothing(tmp_path: Path, size: str, content: bytes) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    assert declared_names(tmp_path, list(NAMES)) == set()


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        declared_names(tmp_path / "state", ["mailboxes"])


@pytest.mark.parametrize("place", ["reconciler.yaml", "state/reconciler.yaml"])
def test_the_site_file_is_found_as_every_command_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / place).write_text('{"site": "nrw", "state": "here"}')
    monkeypatch.delenv("RECONCILER_SITE", raising=False)
    monkeypatch.chdir(tmp_path)
    found = state_folder(None)
    assert found is not None
    assert found.resolve() == (tmp_path / place).parent / "here"
    monkeypatch.chdir("/")
    assert state_folder(None) is None
    assert state_folder(tmp_path / place) == (tmp_path / place).parent / "here"
    monkeypatch.setenv("RECONCILER_SITE", str(tmp_path / place))
    assert state_folder(None) == (tmp_path / place).parent / "here"


@pytest.mark.parametrize("content", ["site: nrw", "site: nrw\nstate: 5", "{", ""])
def test_a_site_file_that_says_nothing_usable(tmp_path: Path, content: str) -> None:
    file = tmp_path / "reconciler.yaml"
    file.write_text(content)
    assert state_folder(file) in (None, tmp_path)
