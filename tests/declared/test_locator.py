"""Positions: the quick ones are the exact ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.declared.parse.exact import read_tree
from reconciler.declared.parse.line_index import section_index
from reconciler.declared.parse.tree import Node, node_at
from reconciler.model.source_places import Origin, Place
from tests.declared.samples import BOX, load

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
