"""From a plan to the rows of its run: what is kept of steps, places and messages, and what never is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.model.records import LetterRow, Owner
from reconciler.model.source_places import Place
from reconciler.planning.changes import Step
from reconciler.planning.ledger_state import Effect, OneShot, StepState, value_text

LONGEST = 4000
"""Characters of a message that are kept; a Java stack trace has more."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """What `begin` writes about a run. `plan_document` is the saved plan's text; no secret exists when it is made."""

    plan_document: str
    digest: str
    commit: str
    who: str
    host: str
    pid: int
    steps: Sequence[Step]
    places: Mapping[Owner, Place]
    counted: Mapping[Owner, Effect]
    one_shots: Mapping[str, OneShot]


def step_rows(run: int, new: NewRun) -> Iterator[dict[str, Any]]:
    """The steps of a new run, all pending."""
    origins = {owner: clean(_origin(place)) for owner, place in new.places.items()}
    for seq, step in enumerate(new.steps):
        change = step.change
        yield {
            "run": run,
            "seq": seq,
            "scope": change.owner.scope,
            "subject": change.owner.subject,
            "step_id": step.id,
            "system": change.system,
            "kind": change.kind,
            "action": change.action,
            "key": change.key,
            "stage": int(step.stage),
            "before": None if change.before is None else value_text(change.kind, change.before),
            "after": None if change.after is None else value_text(change.kind, change.after),
            "origin": origins.get(change.owner, ""),
            "counted": new.counted[change.owner],
            "state": StepState.PENDING,
            "message": "",
            "hint": "",
        }


def _origin(place: Place) -> str:
    known = [word for word in (place.commit, place.author) if word]
    return f"{place} ({', '.join(known)})" if known else str(place)


def told(step: Step, text: str) -> str:
    """A message as it is kept. A mail server repeats the address that it refuses, which is the member's own."""
    row = step.change.row
    if isinstance(row, LetterRow) and row.recipient:
        text = re.sub(re.escape(row.recipient), "the register address", text, flags=re.IGNORECASE)
    return clean(text)[:LONGEST]


def clean(text: str) -> str:
    """Text without what a database refuses: NUL, and halves of characters from output that was not UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
