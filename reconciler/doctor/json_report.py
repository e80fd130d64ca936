"""An examination for programs, and the model of that document. `cli` calls this."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reconciler.doctor.check import Verdict
from reconciler.doctor.report import Examination
from reconciler.report.json_part import VERSION, Numbers, Part, String, Version
from reconciler.report.sanitize import json_visible


class CheckPart(Part):
    """One check: what was looked at, what was seen, why it matters, and what to do, a step each. `why` and `fix` are
    empty where all is well; `unknown` is what could not be looked at."""

    area: String
    name: String
    verdict: Literal["failed", "unknown", "warning", "ok"]
    saw: String
    why: String
    fix: tuple[String, ...]


class DoctorDocument(Part):
    """What `reconciler doctor` found, area after area, the worst first within each; `counts` has the checks by
    verdict."""

    schema_: Literal["doctor.schema.json"] = Field(default="doctor.schema.json", alias="$schema")
    version: Version = VERSION
    site: String
    checks: tuple[CheckPart, ...]
    counts: Numbers


def examination_json(found: Examination) -> str:
    """The whole of it."""
    document = DoctorDocument(
        site=found.site,
        checks=tuple(
            CheckPart.model_validate(check._asdict() | {"verdict": check.verdict.value}) for check in found.checks
        ),
        counts={verdict.value: found.counts[verdict] for verdict in Verdict},
    )
    return json_visible(document.model_dump_json(by_alias=True, indent=2)) + "\n"
