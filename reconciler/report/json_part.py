"""What all documents of `--format json` share: the base of their models, their version, and the way to their schemas.

`reconciler schema --write` writes the schemas down; a test compares them. A field that goes or changes its meaning
makes a new VERSION. Key order is the models' order, and sorted where order has no meaning, so equal plans give
equal text.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from reconciler.model.record_kinds import main_kinds
from reconciler.report.sanitize import utf8

VERSION: Literal[1] = 1

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

String = Annotated[str, BeforeValidator(utf8)]
Value = String | int | bool | tuple[String, ...] | None
Row = dict[String, Value]
Numbers = dict[String, int]
Version = Literal[1]
ExitStatus = Annotated[int, Field(ge=0, le=9, description="docs/exit-statuses.md")]


LanguageWord = Literal["en", "de"]
"""What the sentences for people are written in."""


def _known_scope(word: str) -> str:
    """Raises ValueError for what no kind of record is the main one of."""
    if word not in (known := main_kinds()):
        raise ValueError(f"should be one of {', '.join(known)}")
    return word


_SCOPES = Field(json_schema_extra=lambda schema: schema.update(enum=list(main_kinds())))
ScopeWord = Annotated[String, AfterValidator(_known_scope), _SCOPES]
"""What a transition is about; the kinds of record say which words there are."""


class Part(BaseModel):
    """A part of a document: nothing unknown in it, and nothing changes after it was made."""

    # a schema says what is written, so what has a default here is required there
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        from_attributes=True,  # a place, a fact and the like become parts by the names of their fields
        json_schema_serialization_defaults_required=True,
        defer_build=True,  # a plan that is shown as text needs none of them
    )

    @classmethod
    def of(cls, source: object, **others: object) -> Self:
        """The part with the values that `source` has under its fields' names, and `others`. Raises ValidationError."""
        names = (name for name in cls.model_fields if name not in others and hasattr(source, name))
        return cls.model_validate({name: getattr(source, name) for name in names} | others)


class PlacePart(Part):
    """Where something was declared; line and column count from 1, `commit` and `author` are empty where unknown. `path`
    is the file from the top of its repository, empty where that is `file`, and outside of one."""

    file: String
    line: int
    column: int
    commit: String
    author: String
    path: String = ""


CauseWord = Literal["", "merge request", "waiting", "taken back"]
"""What brings something into a plan that is compared with a base; empty without one."""


class FindingPart(Part):
    """One remark; `owner` is the id of the transition that it is about, null when it is about the whole plan. Each of
    `entries` is YAML that would allow a refusal when it stood in a state file; a reason is still to be written."""

    severity: Literal["error", "refusal", "wait", "later", "warning", "note"]
    rule: String
    subject: String
    message: String
    hint: String
    place: PlacePart | None
    owner: String | None
    entries: tuple[String, ...] = ()
    cause: CauseWord = ""


def schema_of(model: type[Part]) -> dict[str, object]:
    return {"$schema": _DRAFT, **model.model_json_schema(mode="serialization")}
