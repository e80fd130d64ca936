"""`plan --only` and `plan --changed` of a big state: files that nobody needs are not read, and the plan says so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.declared import lazy
from reconciler.declared.git import objects
from tests.cli.conftest import Command
from tests.cli.merge_request import base_of, commit, write
from tests.cli.running import Answer
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite

BOARD = f"board@{DOMAIN}"
MANY = 12
LARGE = 10**9
BROKEN = "mailboxes:\n  broken@{domain}: {{quota: much}}\n"


@pytest.fixture
def big(site: StandInSite, monkeypatch: pytest.MonkeyPatch) -> StandInSite:
    """A site of which nearly everything stays unread when one asks for a part."""
    monkeypatch.setattr(lazy, "BIG", 0)
    declare(site, {"anna.yaml": ANNA_DECLARED, "bernd.yaml": BERND_DECLARED})
    (site.folder / "state" / "board.yaml").write_text(f"domain: {DOMAIN}\naliases:\n  board: [{BERND}]\n")
    return site


def declare(site: StandInSite, boxes: Mapping[str, str], others: int = MANY) -> None:
    """A file for each, and others with an account."""
    site.declare()
    for name, entry in boxes.items():
        text = f"domain: {DOMAIN}\nmailboxes:\n  {entry}\n"
        (site.folder / "state" / name).write_text(text, encoding="utf-8")
    for number in range(others):
        text = f"mailboxes:\n  other{number}@{DOMAIN}: {{groupware: false}}\n"
        (site.folder / "state" / f"other{number}.yaml").write_text(text, encoding="utf-8")


def put(site: StandInSite, name: str, text: str) -> None:
    (site.folder / "state" / name).write_text(text, encoding="utf-8")


def unread(answer: Answer) -> list[str]:
    """What is said of files that were not read."""
    return [f["message"] for f in answer.json["findings"] if f["rule"] == "only" and "not read" in f["message"]]


def both(command: Command, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[Answer, Answer]:
    """With files that are not read, and without."""
    part = command("plan", "--format", "json", *arguments)
    with monkeypatch.context() as patched:
        patched.setattr(lazy, "BIG", LARGE)
        whole = command("plan", "--format", "json", *arguments)
    return part, whole


def said(answer: Answer) -> dict[str, Any]:
    """The document but for when it was made and what was not read."""
    document = dict(answer.json)
    document["findings"] = [f for f in document["findings"] if "not read" not in f["message"]]
    return {name: value for name, value in document.items() if name not in ("made", "checksum")}


@pytest.mark.parametrize("names", [[ANNA], [BERND], [BOARD], [BOARD, ANNA], [f"nobody@{DOMAIN}"]])
def test_it_says_how_many_files_were_not_read(
    names: list[str], big: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, whole = both(command, monkeypatch, *(f"--only={name}" for name in names))
    assert said(part) == said(whole)
    (message,) = unread(part)
    assert int(message.split()[0]) >= MANY
    assert unread(whole) == []
    words = command("plan", *(f"--only={name}" for name in names)).words
    assert "files of the state were not read" in words
    assert "reconciler validate" in words
    del big


def test_an_error_in_a_file_that_is_not_read_is_not_said(big: StandInSite, command: Command) -> None:
    """A plan of a part goes on; whatever writes, and whatever is about everything, refuses."""
    put(big, "broken.yaml", BROKEN.format(domain=DOMAIN))
    part = command("plan", "--only", ANNA, "--format", "json")
    assert part.status == 4
    assert [line["subject"] for line in part.json["transitions"]] == [ANNA]
    assert unread(part)
    for arguments in (["validate"], ["plan"], ["apply", "--yes", "--only", ANNA], ["apply", "--yes"], ["drift"]):
        refused = command(*arguments)
        assert (refused.status, "broken.yaml" in refused.words) == (3, True), arguments
    assert big.mailbox(ANNA) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("anna.yaml", f"domain: {DOMAIN}\nmailboxes:\n  {ANNA_DECLARED}\n  clara: {{quota: much}}\n"),
        ("again.yaml", f"mailboxes:\n  {ANNA.upper()}: {{groupware: false}}\n"),
        ("alias.yaml", f"domain: {DOMAIN}\naliases:\n  {ANNA.partition('@')[0]}: x@extern.example\n"),
        ("odd.yaml", "# \\\nmailboxes: [\n"),
        ("renames.yaml", "renames: [{}]\n"),
    ],
)
def test_an_error_in_a_file_that_is_read_tells_all(
    name: str, text: str, big: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of files that would not be read, too."""
    put(big, "broken.yaml", BROKEN.format(domain=DOMAIN))
    put(big, name, text)
    part, whole = both(command, monkeypatch, "--only", ANNA)
    assert (part.status, part.out, part.err) == (3, whole.out, whole.err)
    problems = [finding["place"]["file"] for finding in part.json["findings"]]
    assert "state/broken.yaml" in problems
    assert len(problems) > 1


@pytest.mark.parametrize("arguments", [["--changed"], ["--only", BERND], ["--only", BERND, "--changed"]])
def test_of_a_merge_request_only_what_differs_is_read(
    arguments: list[str], big: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both commits; git is asked for no file that is the same."""
    base_of(big)
    declare(big, {"anna.yaml": ANNA_DECLARED, "bernd.yaml": BERND_DECLARED.replace("}", ", quota: 20480 MB}")})
    put(big, "new.yaml", f"aliases:\n  press@{DOMAIN}: {BERND}\n")
    commit(big)
    asked: list[str] = []

    def blobs(top: Path, ref: str, shas: Sequence[str]) -> dict[str, bytes]:
        asked.extend(shas)
        return read(top, ref, shas)

    read = objects._blobs
    monkeypatch.setattr(objects, "_blobs", blobs)
    part = command("plan", "--format", "json", *arguments, "--base", "main")
    assert 0 < len(asked) < MANY
    _, whole = both(command, monkeypatch, *arguments, "--base", "main")
    assert said(part) == said(whole)
    assert int(unread(part)[0].split()[0]) >= MANY
    named = [line["subject"] for line in part.json["transitions"]]
    assert BERND in named
    assert ANNA not in named
    assert len(asked) > MANY


def test_a_base_that_is_found_invalid_late_is_one(
    big: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two entries there only one is in a file that differs."""
    put(big, "again.yaml", f"mailboxes:\n  {BERND}: {{groupware: false}}\n  new@{DOMAIN}: {{groupware: false}}\n")
    base_of(big)
    put(big, "again.yaml", f"mailboxes:\n  new@{DOMAIN}: {{groupware: false}}\n")
    commit(big)
    part, whole = both(command, monkeypatch, "--changed", "--base", "main")
    assert (part.status, said(part)) == (whole.status, said(whole))
    assert any("what main declares is invalid" in finding["message"] for finding in part.json["findings"])


def test_entries_that_move_are_no_change(big: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    base_of(big)
    write(big, {"state/bernd.yaml": "", "state/moved.yaml": f"domain: {DOMAIN}\nmailboxes:\n  {BERND_DECLARED}\n"})
    commit(big)
    part, whole = both(command, monkeypatch, "--changed", "--base", "main")
    assert said(part) == said(whole)
    assert part.json["transitions"] == []
    assert json.dumps(unread(part)).count("not read") == 1
