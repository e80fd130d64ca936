"""JSON Schemas of the state and of the site file, from the models that check them, so that editors complete and check.

Called by `reconciler schema`; the files in `schemas/` are its output.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from reconciler.declared.models import StateFile
from reconciler.settings import Site

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def state_schema() -> dict[str, Any]:
    """The schema of a state file."""
    schema = _schema(StateFile, "Declared state of a mail platform")
    for definition in schema["$defs"].values():
        # an empty field is an error there, so the editor should say so; an empty section or mailbox is fine
        for field in definition.get("properties", {}).values():
            _without_null(field)
    return schema


def site_schema() -> dict[str, Any]:
    """The schema of the site file."""
    return _schema(Site, "Site file of reconciler")


def _schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    return {"$schema": DRAFT, **model.model_json_schema(by_alias=True), "title": title}


def _without_null(field: dict[str, Any]) -> None:
    options = field.get("anyOf", [])
    if {"type": "null"} not in options:
        return
    options.remove({"type": "null"})
    if field.get("default") is None:
        field.pop("default", None)
    if len(options) == 1:
        field.update(field.pop("anyOf")[0])
