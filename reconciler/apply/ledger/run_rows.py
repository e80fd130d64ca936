"""From a plan to the rows of its run: what is kept of steps, places and messages, and what never is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.model.records import LetterRow, Owner
from reconciler.model.source_places import Place
from reconciler.planning.changes import Step
from reconciler.planning.ledger_state import OneShot, StepState, value_text
from reconciler.planning.transitions import Effect

LONGEST = 4000
"""Characters of a message that are kept; a Java stack trace has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What `begin` writes about a run. `document` is the saved plan's text; no secret exists when it is made."""

    digest: str
    commit: str
    who: str
    host: str
    pid: int
    document: str
    steps: Sequence[Step]
    places: Mapping[Owner, Place]
    counted: Mapping[Owner, Effect]
    """What the transition of each owner counts as."""
    one_shots: Mapping[str, OneShot]
    """Which steps, by id, carry out which operation."""


def step_rows(run: int, new: NewRun) -> Iterator[dict[str, Any]]:
    """The steps of a new run, all pending."""
    origins = {owner: clean(_origin(place)) for owner, place in new.places.items()}
    pending = {"run": run, "state": StepState.PENDING, "message": "", "hint": ""}
    for seq, step in enumerate(new.steps):
        system, kind, action, key, before, after, owner = step.change
        about = {"scope": owner.scope, "subject": owner.subject, "counted": new.counted[owner]}
        what = {
            "step_id": step.id,
            "stage": int(step.stage),
            "system": system,
            "kind": kind,
            "action": action,
            "key": key,
        }
        texts = [None if row is None else value_text(kind, row) for row in (before, after)]
        rows = {"before": texts[0], "after": texts[1], "origin": origins.get(owner, "")}
        yield {**pending, **about, **what, **rows, "seq": seq}


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
