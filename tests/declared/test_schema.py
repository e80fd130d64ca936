"""The files in `schemas/` are what the models say, and they refuse what the models refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.declared.schema import site_schema, state_schema

SCHEMAS = Path(__file__).parents[2] / "schemas"


@pytest.mark.parametrize(("name", "schema"), [("state", state_schema()), ("site", site_schema())])
def test_files_are_current(name: str, schema: dict[str, Any]) -> None:
    assert json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")) == schema
    jsonschema.Draft202012Validator.check_schema(schema)


def test_every_field_of_the_state_is_described() -> None:
    schema = state_schema()
    for definition in (schema, *schema["$defs"].values()):
        assert definition["description"]
        for name, field in definition.get("properties", {}).items():
            assert field.get("description"), name


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
