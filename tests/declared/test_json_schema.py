"""The files in `schemas/` are what the models say, and they refuse what the models refuse."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.declared.json_schema import site_schema, state_schema
from reconciler.declared.site_file.help import SITE_WORDS

SCHEMAS = Path(__file__).parents[2] / "schemas"


@pytest.mark.parametrize(("name", "schema"), [("state", state_schema()), ("site", site_schema())])
def test_files_are_current(name: str, schema: dict[str, Any]) -> None:
    assert json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")) == schema
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("schema", [state_schema(), site_schema()], ids=["state", "site"])
def test_every_field_is_described(schema: dict[str, Any]) -> None:
    for definition in (schema, *schema["$defs"].values()):
        assert definition["description"]
        for name, field in definition.get("properties", {}).items():
            assert field.get("description"), name


def test_no_word_of_the_site_file_is_about_a_key_that_is_gone() -> None:
    schema = site_schema()
    definitions = {"Site": schema, **schema["$defs"]}
    assert {name: set(words) for name, words in SITE_WORDS.items()} == {
        name: set(definition["properties"]) for name, definition in definitions.items()
    }


def test_the_example_of_the_site_file_names_every_key() -> None:
    text = (SCHEMAS.parent / "state" / "reconciler.yaml").read_text(encoding="utf-8")
    keys = {key for words in SITE_WORDS.values() for key in words}
    assert {key for key in keys if not re.search(rf"\b{key}:", text)} == set()


@pytest.mark.parametrize(
    "wrong",
    [
        {"mailboxs": {}},
        {"mailboxes": {"a": {"quotta": "1 MB"}}},
        {"mailboxes": {"a": {"quota": "0 MB"}}},
        {"mailboxes": {"a": {"quota": 10240}}},
        {"mailboxes": {"a": {"active": "no"}}},
        {"mailboxes": {"a": {"name": None}}},
        {"mailboxes": {"a": {"password_reset": "20.11.2026"}}},
        {"aliases": {"a": []}},
        {"renames": [{"from": "a", "date": "2026-11-22"}]},
        {"confirm": [{"gate": "all", "subject": "x", "until": "2026-12-01", "reason": "x"}]},
    ],
)
def test_editors_see_the_usual_slips(wrong: dict[str, Any]) -> None:
    assert list(jsonschema.Draft202012Validator(state_schema()).iter_errors(wrong))


def test_aliases_have_three_forms() -> None:
    forms = {"aliases": {"a": "b", "c": ["d"], "e": {"goto": ["f"], "active": False}}, "mailboxes": {"m": None}}
    jsonschema.Draft202012Validator(state_schema()).validate(forms)
