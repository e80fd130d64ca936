"""Positions: the quick ones are the exact ones, and git's part works with and without git."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.declared.exact_parser import Node, node_at, read_tree
from reconciler.declared.git import blame
from reconciler.declared.line_index import section_index
from reconciler.model.places import Origin, Place
from tests.declared.samples import BOX, load
from tests.services.git import git

_keys = st.lists(
    st.sampled_from(
        ["a", "'b'", '"c"', "d.e", "'f: g'", "x@mail.example", "'*'", "'10042'", "? h", "'i''j'", '"\\x41"']
    ),
    unique=True,
    max_size=6,
)
_bodies = st.sampled_from(
    [
        "",
        " # c",
        " {x: y}",
        " [a,\n   b]",
        " |\n      k: v\n      a: b",
        " 'open\n  a: close'",
        "\n      sub: {a: 1}\n",
        " &a v",
    ]
)


@given(_keys, st.lists(_bodies, min_size=6, max_size=6), st.sampled_from(["  ", "    "]), st.booleans())
def test_quick_positions_of_keys_are_exact_or_not_given(
    keys: list[str], bodies: list[str], indent: str, last: bool
) -> None:
    entries = "".join(f"{indent}{key}:{body}\n" for key, body in zip(keys, bodies, strict=False))
    text = f"# c\nremovals:\n  - x\n\nmailboxes: # c\n\n{entries}" + ("" if last else "\n# end\naliases:\n  a: b\n")
    _agree(text, "mailboxes")


_items = st.lists(
    st.sampled_from(["from: a", "{from: a}", "  from: a", "from: a\n    to: b", "# c", "\n    from: a", "text"])
)


@given(_items, st.sampled_from(["", "  "]))
def test_quick_positions_of_list_entries_are_exact_or_not_given(items: list[str], indent: str) -> None:
    _agree("mailboxes:\n  a: b\nrenames:\n" + "".join(f"{indent}- {item}\n" for item in items), "renames")


def _keys_of(root: Node, section: str) -> set[str]:
    value = (root.data() or {}).get(section)
    return set(value) if isinstance(value, dict) else set()


def _agree(text: str, section: str) -> None:
    root = read_tree(text).root
    index = section_index(text, section)
    if root is None or index is None:
        return
    for key, mark in index.items():
        step = int(key) if section == "renames" else key
        if section == "mailboxes" and key not in _keys_of(root, section):
            continue  # a line of a text that only looks like an entry: nobody asks for it
        node = node_at(root, (section, step), on_key=True)
        assert node is not None
        assert node.mark == mark, (text, key)


def test_the_usual_style_has_quick_positions() -> None:
    text = "domain: a.example\nmailboxes:\n  # Members\n  anna.b:\n    name: x\n\n  'c d': {}\n"
    text += "renames:\n- from: a\n  to: b\n"
    assert section_index(text, "mailboxes") == {"anna.b": (4, 3), "c d": (7, 3)}
    assert section_index(text, "renames") == {"0": (9, 3)}
    assert section_index("mailboxes: {a: {}}\n", "mailboxes") is None


@pytest.mark.parametrize("style", ["block", "flow"])
def test_locate_finds_every_declaration(tmp_path: Path, style: str) -> None:
    block = f"domain: mail.example\nmailboxes:\n  anna: {BOX}\n  bernd: {BOX}\naliases:\n  '*': anna\n"
    flow = f"domain: mail.example\nmailboxes: {{anna: {BOX},\n  bernd: {BOX}}}\naliases: {{'*': anna}}\n"
    found = load(tmp_path, block if style == "block" else flow)
    places = [found.locate(m.origin)[1:3] for m in found.state.mailboxes.values()]
    places += [found.locate(a.origin)[1:3] for a in found.state.aliases.values()]
    assert places == ([(3, 3), (4, 3), (6, 3)] if style == "block" else [(2, 13), (3, 3), (4, 11)])


def test_a_declaration_that_is_gone_still_has_its_file(tmp_path: Path) -> None:
    found = load(tmp_path, "domain: mail.example\n")
    assert found.locate(Origin("b.yaml", "mailboxes", "anna")) == Place("b.yaml", 1)
    assert found.locate(Origin("a.yaml", "mailboxes", "anna"))[1:3] == (1, 1)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "a.yaml").write_text(f"domain: mail.example\nmailboxes:\n  anna: {BOX}\n  bernd: {BOX}\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "Accounts")
    return tmp_path


def test_the_commit_is_named_and_a_plus_says_that_files_differ(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    (repository / "elsewhere.txt").write_text("not state")
    assert load(repository / "state", {}).state.commit == head
    assert load(repository / "state", {"new.yaml": "confirm:\n"}).state.commit == head + "+"


def test_state_that_git_ignores_is_in_no_commit(repository: Path) -> None:
    """The demo's site lies in a clone, and is of none of its commits."""
    (repository / ".gitignore").write_text("/demo/\nb.yaml\n*.pyc\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "Ignore")
    head = git(repository, "rev-parse", "HEAD")
    (repository / "demo" / "state").mkdir(parents=True)
    (repository / "state" / "x.pyc").write_text("no state")
    assert load(repository / "demo" / "state", {"a.yaml": "confirm:\n"}).state.commit == ""
    assert load(repository / "state", {}).state.commit == head
    assert load(repository / "state", {"b.yaml": "confirm:\n"}).state.commit == head + "+"


def test_blame_names_commit_and_author_of_committed_lines(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    found = load(repository / "state", {"b.yaml": f"mailboxes: {{c@mail.example: {BOX}}}\n"})
    path = repository / "state" / "a.yaml"
    path.write_text(path.read_text().replace("bernd: {", "bernd: { "))
    places = [found.locate(mailbox.origin) for mailbox in found.state.mailboxes.values()]
    blamed = blame(places)
    assert [place[:3] for place in blamed] == [place[:3] for place in places]
    assert [(place.commit, place.author) for place in blamed] == [(head, "Anna Beispiel"), ("", ""), ("", "")]


def test_blame_asks_once_a_file(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def answer(_folder: Path, *arguments: str) -> None:
        asked.append(arguments)

    monkeypatch.setattr("reconciler.declared.git.ask", answer)
    places = [Place("a.yaml", line) for line in (4, 3, 3)] + [Place("b.yaml", 1)]
    assert blame(places) == places
    lines = [[a for a in arguments if a.startswith("-L")] for arguments in asked if arguments[0] == "blame"]
    assert lines == [["-L3,3", "-L4,4"], ["-L1,1"]]


def test_without_git_nothing_is_known_and_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(tmp_path, "confirm:\n").state.commit == ""
    assert blame([Place(str(tmp_path / "a.yaml"), 1)]) == [Place(str(tmp_path / "a.yaml"), 1)]
    monkeypatch.setenv("PATH", "")
    assert load(tmp_path, "confirm:\n").state.commit == ""
