"""The document of `history`: what the ledger remembers of earlier runs. `json_models` has all others."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from reconciler.report.json_part import VERSION, Numbers, Part, String, Version
from reconciler.report.json_plan_models import ChangePart

State = Literal["pending", "begun", "done", "failed", "skipped", "not tried", "superseded", "uncertain"]


class PastStepPart(Part):
    """One step of an earlier run, as it was planned and as it went; times are null where it did not come so far."""

    seq: int
    transition: String
    id: String
    change: ChangePart
    stage: int
    origin: String
    state: State
    began: AwareDatetime | None
    ended: AwareDatetime | None
    message: String
    hint: String


class PastRunPart(Part):
    """One earlier run; `counts` has its steps by state, `steps` is empty in a list of runs, `pruned` is how many of its
    steps were pruned from the ledger."""

    id: int
    site: String
    plan: Annotated[String, Field(description="The digest of the plan.")]
    commit: String
    who: String
    host: String
    pid: int
    started: AwareDatetime
    finished: AwareDatetime | None
    state: Literal["running", "done", "partly", "interrupted"]
    counts: Numbers
    pruned: int
    steps: tuple[PastStepPart, ...]


class PastChangePart(Part):
    """What one run did about one subject, in the words of its plan; `why` is the reason and the ticket that git gave,
    `state` how far it came: the worst of its steps. `removed` says what went and nothing brings back, as its system
    counted it."""

    run: int
    transition: String
    subject: String
    started: AwareDatetime
    who: String
    host: String
    commit: String
    summary: String
    why: String
    origin: String
    state: State
    removed: String = ""


class HistoryDocument(Part):
    """What the ledger remembers of earlier runs, newest first; or one run with its steps; or the runs that touched one
    address, with their steps about it, and what they did as `changes`."""

    schema_: Literal["history.schema.json"] = Field(default="history.schema.json", alias="$schema")
    version: Version = VERSION
    runs: tuple[PastRunPart, ...]
    changes: tuple[PastChangePart, ...] = ()
