"""Addresses that are written as nearly all are take a short way: what comes out is what the long way says of them."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from reconciler.declared.fields.usual_addresses import UsualAddresses
from reconciler.declared.sections import aliases as aliases_module
from reconciler.errors import InvalidInput
from reconciler.model.addresses import local_part
from reconciler.model.declared import Alias, Mailbox
from tests.declared.samples import load, one

_LONG = "x" * 64
TEXTS = (
    *(
        "anna",
        "Anna",
        "aNna",
        "anna.beispiel",
        "a-b+c_d",
        "anna@mail.example",
        "ANNA@mail.example",
        "anna@Mail.example",
    ),
    *(" anna", "anna ", "anna@mail.example.", "anna@bücher.example", "anna@xn--bcher-kva.example", "jürgen", "ſam"),
    *("*", "*@mail.example", "@mail.example", "@", "", "10042", "10042@mail.example", "1.anna", "o'neill", "anna/b"),
    *("user#mail.example", "u#x", "u#x@autoreply.example", "anna@autoreply.example", "anna@localhost", "anna@10.1.2.3"),
    *(
        "a..b",
        ".a",
        "a.",
        "a b",
        "a,b",
        "a@b@mail.example",
        "anna@",
        "anna@x.abcdefghijklmn",
        "-anna",
        "anna@-x.example",
    ),
    *(
        _LONG,
        f"{_LONG}x",
        f"{_LONG}@mail.example",
        f"a.{_LONG}",
        f"anna@{'x.' * 90}example",
        f"{_LONG}@{'y.' * 91}example",
    ),
    *(f"{_LONG}@{'y.' * 92}example", "anna\\n", "anna@mail.example\\n"),
)
DOMAINS = ("domain: mail.example\n", "domain: Bücher.example\n", "domain: autoreply.example\n", "", "domain: nodots\n")


class Refused(tuple[object, ...]):
    """The findings of a refusal."""


def _quoted(written: str) -> str:
    return f'"{written}"'


def _said(folder: Path, content: str) -> object:
    """All that a load gives, or all that it refuses."""
    folder.mkdir(exist_ok=True)
    try:
        found = load(folder, content)
    except InvalidInput as error:
        return Refused(error.findings)
    state = found.state
    entries: list[Mailbox | Alias] = [*state.mailboxes.values(), *state.aliases.values()]
    plain = [entry._replace(written=entry.origin) for entry in entries]
    return plain, list(state.mailboxes), list(state.aliases), [found.locate(e.origin) for e in entries], found.findings


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_short_way_says_what_the_long_one_says(
    domain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_of_them = "".join(f"  {_quoted(t)}: {{groupware: false}}\n" for t in TEXTS)
    contents = [
        f"{domain}mailboxes:\n{all_of_them}",
        *(f"{domain}mailboxes:\n  {_quoted(t)}: {{groupware: false}}\n" for t in TEXTS),
        *(f"{domain}aliases:\n  {_quoted(t)}: [b@mail.example]\n  other@mail.example: [{_quoted(t)}]\n" for t in TEXTS),
        *(
            f"{domain}aliases:\n  x@mail.example: [{_quoted(t)}, {_quoted(u)}]\n"
            for t, u in product(("anna", "anna@mail.example", "ANNA", "u#x", "*"), repeat=2)
        ),
    ]
    short = [_said(tmp_path / "short", content) for content in contents]
    monkeypatch.setattr(UsualAddresses, "_found", lambda _, text: None)
    assert short == [_said(tmp_path / "short", content) for content in contents]
    refused = sum(isinstance(each, Refused) for each in short)
    assert 20 < refused < len(short) or (refused == len(short) and "nodots" in domain)


def test_an_address_keeps_no_key_where_the_key_follows_from_it(tmp_path: Path) -> None:
    keys = ("anna", "Bernd", "carla@mail.example", "DORA@mail.example", "emil@sued.example")
    lines = "".join(f"  {key}: {{groupware: false}}\n" for key in keys)
    boxes = load(tmp_path, f"domain: mail.example\nmailboxes:\n{lines}").state.mailboxes.values()
    assert [box.origin.key for box in boxes] == list(keys)
    assert [box.written.key for box in boxes] == ["", "Bernd", "@", "DORA@mail.example", "@"]
    anna, *_, carla, _, emil = boxes
    assert carla.written is emil.written
    assert anna.origin.key == local_part(anna.address)


def test_targets_that_fit_into_no_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aliases_module, "MAX_GOTO_BYTES", 40)
    write = "domain: mail.example\naliases: {{x: [a@mail.example, {}]}}\n".format
    assert load(tmp_path, write("b" * 12)).state.aliases
    refused = one(tmp_path, write("b" * 13))
    assert "the targets of x@mail.example have 41 characters together, 40 fit into the table" in refused
