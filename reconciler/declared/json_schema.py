"""JSON Schemas of the state and of the site file, from the models that check them, so that editors complete and check.

Called by `reconciler schema`; the files in `schemas/` are its output.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, create_model

from reconciler.declared.section import SECTIONS, Entry
from reconciler.declared.site_file.help import SITE_WORDS
from reconciler.settings import Site

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_FILE = "One file of the declared state. Every file may hold any of the sections; all files are read together."
_DOMAIN = "Completes bare local parts in this file."


def state_schema() -> dict[str, Any]:
    """The schema of a state file."""
    fields: dict[str, Any] = {"domain": (str | None, Field(None, description=_DOMAIN, examples=["mail.example"]))}
    for section in SECTIONS.values():
        fields[section.name] = (section.written | None, Field(None, description=section.description))
    return _schema(
        create_model("StateFile", __base__=Entry, __doc__=_FILE, **fields), "Declared state of a mail platform"
    )


def site_schema() -> dict[str, Any]:
    """The schema of the site file."""
    schema = _schema(Site, "Site file of reconciler")
    for name, definition in {"Site": schema, **schema["$defs"]}.items():
        for key, field in definition["properties"].items():
            field["description"] = SITE_WORDS[name][key]
    return schema


def _schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True)
    for definition in (schema, *schema["$defs"].values()):
        for field in definition.get("properties", {}).values():
            if field.get("default", "") is None:
                del field["default"]  # an editor would offer to write `null`
    return {"$schema": DRAFT, **schema, "title": title}
