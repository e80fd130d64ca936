"""The documents that `--format json` writes: pydantic models, their JSON Schemas, and the way back for a saved plan.

`reconciler schema --write` writes the schemas down; a test compares them. A field that goes or changes its meaning
makes a new VERSION. Key order is the models' order, and sorted where order has no meaning, so equal plans give
equal text.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from reconciler.errors import StalePlan, UsageError
from reconciler.model.record_kinds import main_kinds
from reconciler.report.sanitize import clip, utf8, visible

VERSION: Literal[1] = 1

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_HINT = "make a new plan: reconciler plan --out plan.json"

String = Annotated[str, BeforeValidator(utf8)]
Value = String | int | bool | tuple[String, ...] | None
Row = dict[String, Value]
Numbers = dict[String, int]
Version = Literal[1]


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
    """Where something was declared; line and column count from 1, `commit` and `author` are empty where unknown."""

    file: String
    line: int
    column: int
    commit: String
    author: String


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


class ChangePart(Part):
    """One record of one system before and after; null where there is none. `former_key` is the key that a renamed one
    had, empty for others."""

    system: String
    kind: String
    action: Literal["create", "update", "rename", "delete"]
    key: String
    former_key: String
    before: Row | None
    after: Row | None


class StepPart(Part):
    """One effect; smaller stages come first."""

    id: String
    stage: int


class DeclaredPart(Part):
    """What git says of the subject in one section; not where, since lines move."""

    section: String
    fields: Row


class TransitionPart(Part):
    """Everything that happens to one account, alias or sender block; `refused` names the rules that stop it. `effect`
    is what the limits count it as, `irreversible` says that nothing brings back what goes; `declared` is what git says
    of it. `reason` is git's, or of an account that was half-made what was missing and why."""

    id: String
    scope: ScopeWord
    subject: String
    action: Literal["create", "update", "rename", "delete"]
    effect: Literal["removal", "change", "creation"]
    irreversible: bool
    summary: String
    reason: String
    place: PlacePart | None
    refused: tuple[String, ...]
    declared: tuple[DeclaredPart, ...]
    changes: tuple[ChangePart, ...]
    steps: tuple[StepPart, ...]


class ReadPart(Part):
    """How one system was read: records by kind, and why it is unknown when it could not be read, and
    what to do about that (else empty)."""

    system: String
    target: String
    rows: Numbers
    unknown: String
    hint: String


class CountsPart(Part):
    """Transitions by action, those that apply would carry out, and records that stay as they are by kind; `removals`
    are accounts and aliases that go, `irreversible` the transitions that nothing brings back; `adopted` counts those in
    place that become ours with the next apply."""

    create: int
    update: int
    rename: int
    delete: int
    removals: int
    irreversible: int
    open: int
    in_place: Numbers
    unmanaged: Numbers
    adopted: Numbers


class DeliveryPart(Part):
    """What becomes of mail to an address: accounts whose mailboxes get it, addresses outside, vacation tokens that
    answer, and where it comes back or goes round."""

    mailboxes: tuple[String, ...]
    external: tuple[String, ...]
    answers: tuple[String, ...]
    bounces: tuple[String, ...]
    loops: tuple[String, ...]


class FlowPart(Part):
    """An address whose mail goes elsewhere once the plan is carried out."""

    address: String
    before: DeliveryPart
    after: DeliveryPart


class PlanDocument(Part):
    """A plan, in the order in which it is shown: dangerous first. `digest` is over what it is bound to: two plans that
    would do the same for the same reason have the same one. `checksum` is over the rest of this document: one that was
    changed after it was made is not applied."""

    schema_: Literal["plan.schema.json"] = Field(default="plan.schema.json", alias="$schema")
    version: Version = VERSION
    site: String
    digest: Annotated[String, Field(pattern="^[0-9a-f]{64}$")]
    checksum: Annotated[String, Field(pattern="^[0-9a-f]{64}$")]
    commit: String
    made: AwareDatetime
    transitions: tuple[TransitionPart, ...]
    findings: tuple[FindingPart, ...]
    reads: tuple[ReadPart, ...]
    counts: CountsPart
    flow: tuple[FlowPart, ...] = ()
    policy: Annotated[dict[String, String], Field(description="The configuration of the gates.")]
    gates: Annotated[tuple[String, ...], Field(description="What the gates looked at, for people.")]

    def with_checksum(self) -> PlanDocument:
        """The same with its checksum."""
        return self.model_copy(update={"checksum": self._sum()})

    @property
    def whole(self) -> bool:
        """Whether it is as it was made."""
        return self.checksum == self._sum()

    def _sum(self) -> str:
        # in the order of the models and without white space, so that a program that only formats it changes nothing
        return sha256(self.model_dump_json(by_alias=True, exclude={"checksum"}).encode("utf-8")).hexdigest()


class StepOutcomePart(Part):
    """How one step ended; a temporary failure may work when it is tried again, of one that `raced` somebody else has
    changed what was planned."""

    id: String
    stage: int
    result: Literal["done", "failed", "skipped", "not tried", "uncertain"]
    message: String
    hint: String
    temporary: bool
    raced: bool


class TransitionRunPart(Part):
    """How one transition ended."""

    id: String
    scope: ScopeWord
    subject: String
    action: Literal["create", "update", "rename", "delete"]
    summary: String
    place: PlacePart | None
    result: Literal["done", "failed", "not tried", "uncertain"]
    steps: tuple[StepOutcomePart, ...]


class RunCountsPart(Part):
    """Transitions by result, and subjects that gates or unknown systems kept out."""

    done: int
    failed: int
    not_tried: int
    uncertain: int
    refused: int
    waiting: int


class RunDocument(Part):
    """One carrying-out of one plan; `findings` are those of the plan."""

    schema_: Literal["run.schema.json"] = Field(default="run.schema.json", alias="$schema")
    version: Version = VERSION
    site: String
    plan: Annotated[String, Field(description="The digest of the plan.")]
    started: AwareDatetime
    finished: AwareDatetime
    seconds: float
    interrupted: bool
    complete: bool
    transitions: tuple[TransitionRunPart, ...]
    findings: tuple[FindingPart, ...]
    counts: RunCountsPart


class FindingsDocument(Part):
    """What `validate` has to say, by file and line."""

    schema_: Literal["findings.schema.json"] = Field(default="findings.schema.json", alias="$schema")
    version: Version = VERSION
    findings: tuple[FindingPart, ...]
    counts: Numbers


class FactPart(Part):
    """One thing that is known; `system` is `declared` or the name of the system that holds it, or, where it is
    `missing`, should hold it: declared, and not live."""

    system: String
    kind: String
    subject: String
    text: String
    place: PlacePart | None
    missing: bool


class ShowDocument(Part):
    """Everything that is known about what was asked; `unknown` says why a system could not be read, `hints` what to do
    about that; `flow` is where mail goes now (`before`) and after the plan."""

    schema_: Literal["show.schema.json"] = Field(default="show.schema.json", alias="$schema")
    version: Version = VERSION
    asked: String
    facts: tuple[FactPart, ...]
    unknown: dict[String, String]
    hints: dict[String, String]
    flow: tuple[FlowPart, ...]


def schema_of(model: type[Part]) -> dict[str, object]:
    return {"$schema": _DRAFT, **model.model_json_schema(mode="serialization")}


def read_plan(text: str) -> PlanDocument:
    """A saved plan. Raises UsageError for anything else, saying what it is instead, and StalePlan for one that was
    changed after it was made."""
    data = text.encode("utf-8", "replace")  # lone surrogates are no UTF-8, and no plan of ours holds any
    try:
        found = from_json(data, allow_inf_nan=False)
    except ValueError:
        raise UsageError("this file is not a plan: it is not JSON, or it was cut off", hint=_HINT) from None
    if not isinstance(found, dict) or "version" not in found or "$schema" not in found:
        raise UsageError("this file is not a plan: it is some other JSON", hint=_HINT)
    if found["$schema"] != "plan.schema.json":
        kind = clip(visible(str(found["$schema"])), 60)
        raise UsageError(f"this file is not a plan: it says of itself that it is {kind}", hint=_HINT)
    if found["version"] != VERSION:
        version = clip(visible(str(found["version"])), 20)
        message = f"this plan has version {version} of the format, this program writes and reads version {VERSION}"
        raise UsageError(message, hint=f"with the program that is to apply it, {_HINT}")
    try:
        plan = PlanDocument.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = clip(visible(".".join(str(part) for part in first["loc"])), 120)
        raise UsageError(f"this plan is damaged at {where}: {first['msg']}", hint=_HINT) from None
    if not plan.whole or _repeats_a_key(data):
        raise StalePlan("this plan was changed after it was made: its checksum is not that of its content", hint=_HINT)
    return plan


def _repeats_a_key(data: bytes) -> bool:
    """Whether a key stands twice in one object of this JSON: a reader sees the first, the program takes the last."""
    repeated = False

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal repeated
        repeated = repeated or len({name for name, _ in pairs}) < len(pairs)

    json.loads(data, object_pairs_hook=look)
    return repeated
