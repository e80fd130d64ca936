"""The document of `history verify`: whether the ledger's history is as it was written."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from reconciler.planning.history_check import HistoryCheck
from reconciler.report.json_part import VERSION, Numbers, Part, String, Version
from reconciler.report.sanitize import json_visible


class FaultPart(Part):
    """Something that is not as it was written. `run` and `step` (its number in the run) say where, `record` which
    record of the chain is wrong itself; each is null where it does not apply."""

    what: String
    run: int | None
    step: int | None
    record: int | None


class HeadPart(Part):
    """The last record of the chain; to be noted elsewhere, for `history verify --head HASH`."""

    number: int
    hash: String


class HistoryCheckDocument(Part):
    """The history of one site, checked. `since` is when the chain began; `runs` and `steps` were checked, `before` are
    runs from before the chain; of `open_runs` it is not sealed yet how far their steps came; `pruned` has the number of
    pruned steps by run; `noted` is the record whose hash was asked for with `--head`."""

    schema_: Literal["history_check.schema.json"] = Field(default="history_check.schema.json", alias="$schema")
    version: Version = VERSION
    site: String
    sound: Annotated[bool, Field(description="Whether there is no fault.")]
    head: HeadPart | None
    since: AwareDatetime | None
    runs: int
    steps: int
    before: int
    open_runs: tuple[int, ...]
    pruned: Numbers
    noted: int | None
    faults: tuple[FaultPart, ...]


def history_check_json(check: HistoryCheck) -> str:
    """What was found, for programs."""
    head = None if check.head is None else HeadPart.of(check.head)
    pruned = {str(run): steps for run, steps in sorted(check.pruned.items())}
    faults = tuple(map(FaultPart.of, check.faults))
    document = HistoryCheckDocument.of(check, head=head, pruned=pruned, faults=faults)
    return json_visible(document.model_dump_json(by_alias=True, indent=2)) + "\n"
