"""A state that is loaded beside another one of the same folder, as `plan --base` does, is what it would be alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.declared.cache.entries import Cache
from reconciler.declared.load import Declaration, load_state
from reconciler.declared.parse import documents
from reconciler.declared.parse.fast import read_fast
from reconciler.errors import InvalidInput
from tests.declared.samples import BOX, TODAY, errors, load, site

HEAD = {
    "0.yaml": "",
    "a.yaml": f"domain: a.example\nmailboxes:\n  anna: {BOX}\n  dora: {BOX}\naliases: {{'*': anna}}\n",
    "b.yaml": "domain: a.example\naliases:\n  info: [anna, nobody]\n",
    "c.yaml": f"domain: b.example\nmailboxes:\n  Odd+Name: {BOX}\naliases:\n  all:\n    - odd+name #1\n",
}
BASE = {**HEAD, "b.yaml": "domain: b.example\naliases:\n  info: [anna@a.example]\n", "d.yaml": "mailboxes: {}\n"}


def beside(folder: Path, cache: Cache | None) -> Declaration:
    for name in BASE:
        (folder / name).write_text(BASE[name], encoding="utf-8")
    return load_state(folder, site(), today=TODAY, cache=cache)


def test_what_is_in_both_is_read_once_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(tmp_path, HEAD)
    cache = Cache()
    head = load_state(tmp_path, site(), today=TODAY, cache=cache)
    alone = beside(tmp_path, None)
    parsed: list[str] = []

    def read_one(text: str) -> object:
        parsed.append(text)
        return read_fast(text)

    monkeypatch.setattr(documents, "read_fast", read_one)
    both = beside(tmp_path, cache)
    assert parsed == [BASE["b.yaml"], BASE["c.yaml"], BASE["d.yaml"]], "and what has something to say"
    assert both.state == alone.state
    assert list(both.state.mailboxes) == list(alone.state.mailboxes)
    assert both.findings == alone.findings
    assert {"comment", "naming", "dangling-alias"} <= {finding.rule for finding in head.findings}
    anna = head.state.mailboxes[next(iter(head.state.mailboxes))]
    assert both.state.mailboxes[anna.address] is anna


def test_what_only_one_of_them_has_twice_is_said_of_that_one(tmp_path: Path) -> None:
    load(tmp_path, HEAD)
    cache = Cache()
    load_state(tmp_path, site(), today=TODAY, cache=cache)
    found = errors(tmp_path, {**HEAD, "d.yaml": f"mailboxes:\n  anna@a.example: {BOX}\n"})
    with pytest.raises(InvalidInput) as refused:
        load_state(tmp_path, site(), today=TODAY, cache=cache)
    assert list(refused.value.findings) == found
    assert "is declared twice" in found[0].message
