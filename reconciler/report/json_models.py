"""The documents of a run, of what `validate` finds, and of `show`. `json_plan_models` has the plan's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from reconciler.report.json_part import (
    VERSION,
    ExitStatus,
    FindingPart,
    LanguageWord,
    Numbers,
    Part,
    PlacePart,
    ScopeWord,
    String,
    Version,
)
from reconciler.report.json_plan_models import FlowPart, ReadPart


class StepOutcomePart(Part):
    """How one step ended; a temporary failure may work when it is tried again, of one that `raced` somebody else has
    changed what was planned. `label` says in few words what it is about, `text` what it would do, as in the plan."""

    id: String
    system: String
    stage: int
    label: String
    text: String
    result: Literal["done", "failed", "skipped", "not tried", "uncertain"]
    message: String
    hint: String
    temporary: bool
    raced: bool


class TransitionRunPart(Part):
    """How one transition ended; `half_done` when it was stopped between two steps, `removed` is what went and nothing
    brings back, as its system counted it."""

    id: String
    scope: ScopeWord
    subject: String
    action: Literal["create", "update", "rename", "delete"]
    title: String
    summary: String
    irreversible: bool
    half_done: bool
    removed: String
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


class LeftPart(Part):
    """A pending line that was none of this run's; `due` where a date has brought it since the plan was made that was
    reviewed: `apply --due` does it at night."""

    id: String
    title: String
    summary: String
    due: bool = False


class DifferingPart(Part):
    """A line that was reviewed as another one, and of which nothing was done; `why` says what differs, as far as that
    is known."""

    id: String
    title: String
    summary: String
    why: tuple[String, ...]


class BindingPart(Part):
    """What decided which lines were carried out: the comment in a merge request (`request` and `comment` are their
    addresses), or dates that have come. `settled` lines of the comment needed nothing any more."""

    to: Literal["review", "date"]
    request: String
    comment: String
    settled: int
    differing: tuple[DifferingPart, ...]
    left: tuple[LeftPart, ...]


class ErrorPart(Part):
    """Why the command ended without carrying its plan out, or without knowing what became of it; `hint` says what to
    do."""

    message: String
    hint: String


class RunDocument(Part):
    """One carrying-out of one plan; `findings` and `reads` are those of the plan, `next` is the command to be typed
    next. `binding` is null where all that was pending was to be done, `error` where the run came to its end."""

    schema_: Literal["run.schema.json"] = Field(default="run.schema.json", alias="$schema")
    version: Version = VERSION
    site: String
    plan: Annotated[String, Field(description="The digest of the plan.")]
    commit: String
    status: ExitStatus
    language: LanguageWord = "en"
    started: AwareDatetime
    finished: AwareDatetime
    seconds: float
    interrupted: bool
    complete: bool
    transitions: tuple[TransitionRunPart, ...]
    findings: tuple[FindingPart, ...]
    reads: tuple[ReadPart, ...]
    counts: RunCountsPart
    next: String
    masked: bool = False
    binding: BindingPart | None = None
    error: ErrorPart | None = None


class FindingsDocument(Part):
    """What `validate` has to say, by file and line."""

    schema_: Literal["findings.schema.json"] = Field(default="findings.schema.json", alias="$schema")
    version: Version = VERSION
    language: LanguageWord = "en"
    findings: tuple[FindingPart, ...]
    counts: Numbers
    masked: bool = False


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
