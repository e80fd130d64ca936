"""`fmt`: one layout. Formatted twice is formatted once, what is declared stays the same, and so does every comment."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.declared.load import load_state
from reconciler.declared.parse.exact import read_tree
from reconciler.declared.write.concrete import read_concrete
from reconciler.declared.write.format import formatted
from reconciler.declared.write.layout import File, write
from tests.declared.samples import TODAY, load, site
from tests.declared.test_edit import DOMAIN, boxes, untidy

UNTIDY = """\
# head
domain:  mail.example
mailboxes: {anna.b: {given_name: Anna, surname: "O'N"}, # of anna
   'c.d': {groupware: false, quota: 10 MB}}   # end
# about aliases
aliases:
    x:   # x
      - a@x.example
      # of c
      - c.d


    y: {goto: [a@x.example, "c.d"], active: False}
      # deep
    # shallow
    "1234": &q [c.d]
    z: *q
    long: [aaaaaaaaaaaaaaaaaaaa@x.example, bbbbbbbbbbbbbbbbbbbbbbbb@x.example, cccccccccccccccccccccc@x.example]
sender_blocks:
- sender: a@b.example
  reason: >
     long text
     more

  # tail
-
  domain: b.example
  reason: 'x'   # why
  added: "2026-11-22"
# the end"""
TIDY = """\
# yaml-language-server: $schema=s.json
# head
domain: mail.example

mailboxes:
  anna.b:
    given_name: Anna
    surname: O'N  # of anna
  c.d:
    groupware: false
    quota: 10 MB  # end

# about aliases
aliases:
  x:     # x
    - a@x.example
    # of c
    - c.d

  y:
    goto: [a@x.example, c.d]
    active: false
  # deep
  # shallow
  '1234': &q [c.d]
  z: *q
  long:
    - aaaaaaaaaaaaaaaaaaaa@x.example
    - bbbbbbbbbbbbbbbbbbbbbbbb@x.example
    - cccccccccccccccccccccc@x.example

sender_blocks:
  - sender: a@b.example
    reason: long text more

    # tail
  - domain: b.example
    reason: x   # why
    added: 2026-11-22
# the end
"""


def checked(text: str, *, schema: str | None = None) -> str:
    """The text in the layout, which is that of twice, with every comment."""
    new = formatted(text, schema)
    assert formatted(new, schema) == new
    comments = sorted(comment.text for comment in read_concrete(text).comments)
    first = [] if schema is None else [f"# yaml-language-server: $schema={schema}"]
    assert sorted(comment.text for comment in read_concrete(new).comments) == sorted([*first, *comments])
    return new


def test_the_layout() -> None:
    assert checked(UNTIDY, schema="s.json") == TIDY
    assert checked(UNTIDY.replace("\n", "\r\n"), schema="s.json") == TIDY


@pytest.mark.parametrize("text", ["", "# nothing\n", "mailboxes:\n", "# a\n\n# b\n\ndomain: x.example\n"])
def test_files_that_declare_nothing(text: str) -> None:
    assert checked(text) == text


def test_json_becomes_yaml() -> None:
    content = {"domain": DOMAIN, "mailboxes": {"a": {"groupware": False}}, "removals": []}
    assert checked(json.dumps(content)) == (
        f"domain: {DOMAIN}\n\nmailboxes:\n  a:\n    groupware: false\n\nremovals: []\n"
    )


@pytest.mark.parametrize("seed", range(40))
def test_untidy_files(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    text, _ = untidy(chance)
    before = load(tmp_path, {"a.yaml": text})
    after = load_state(tmp_path, site(), today=TODAY, instead={"a.yaml": checked(text).encode()})
    assert boxes(after.state) == boxes(before.state)
    assert after.findings == () or len(after.findings) == len(before.findings)


_words = st.sampled_from(
    [
        "mailboxes",
        "aliases",
        "reason",
        "a.b",
        "1234",
        "true",
        "",
        "x: y",
        "# no",
        "it's",
        '"',
        "ä",
        "null",
        "1e3",
        "*",
        "-a",
    ]
)
_scalars = st.one_of(_words, st.integers(), st.booleans(), st.none(), st.text(max_size=6))
_values = st.recursive(
    _scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_words, inner, max_size=3))
)


@given(st.dictionaries(_words, _values, max_size=3))
def test_whatever_is_written_means_the_same(content: dict[str, object]) -> None:
    """`formatted` itself compares, and raises."""
    for text in (json.dumps(content), json.dumps(content, indent=3).replace(",\n", ", # c\n")):
        if not read_tree(text).remarks:
            checked(text)


def test_what_import_writes_is_in_the_layout() -> None:
    aliases = {f"a@{DOMAIN}": [f"b@{DOMAIN}"], f"*@{DOMAIN}": [f"{'x' * n}@other.example" for n in range(1, 20)]}
    box = {"given_name": "Ann", "surname": "O'N", "member": "00042", "groupware": {"username": "x"}, "active": False}
    blocks = [{"sender": "a@b.example", "reason": "it's: #1, \u00fc"}, {"domain": "b.example", "reason": "x"}]
    sections: dict[str, Any] = {
        "mailboxes": {f"b@{DOMAIN}": box, f"c@{DOMAIN}": {}},
        "aliases": aliases,
        "sender_blocks": blocks,
    }
    text = write(File(DOMAIN, sections), schema="../s.json").text
    assert checked(text) == text
