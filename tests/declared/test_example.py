"""The example in `state/` is what the docs name and the demo uses: it must be right and whole."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import jsonschema

from reconciler.declared.load import load_state
from reconciler.declared.parse.exact import read_tree
from reconciler.declared.site_file.load import load_site
from tests.declared.samples import TODAY

ROOT = Path(__file__).parents[2]
STATE = ROOT / "state"
FILES = sorted(STATE.glob("*.yaml"))


def test_validates_without_a_single_finding() -> None:
    settings = load_site(STATE / "reconciler.yaml")
    declaration = load_state(settings.path(settings.state), settings, today=TODAY)
    # while somebody works on the example, it is not committed
    assert [found for found in declaration.findings if found.rule != "uncommitted"] == []
    assert len(declaration.state.mailboxes) >= 12
    assert len(declaration.state.domains) == 2
    assert declaration.files == 4


def test_every_member_is_in_the_register_under_their_names() -> None:
    settings = load_site(STATE / "reconciler.yaml")
    state = load_state(STATE, settings, today=TODAY).state
    with (STATE / "members.csv").open(encoding="utf-8", newline="") as file:
        register = {row["member"]: row for row in csv.DictReader(file)}
    for mailbox in state.mailboxes.values():
        if mailbox.member is not None:
            row = register[mailbox.member]
            assert (row["given_name"], row["surname"], row["status"]) == (mailbox.given_name, mailbox.surname, "active")


def test_every_file_names_its_schema_and_fits_it() -> None:
    for path in FILES:
        content = path.read_text(encoding="utf-8")
        first = content.partition("\n")[0]
        assert first.startswith("# yaml-language-server: $schema=../schemas/")
        schema = json.loads((STATE / first.partition("=")[2]).read_text(encoding="utf-8"))
        root = read_tree(content).root
        assert root is not None
        jsonschema.Draft202012Validator(schema).validate(root.data())
