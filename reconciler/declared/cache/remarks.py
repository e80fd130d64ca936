"""What the checks said of all entries together, as JSON and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from reconciler.declared.problems import Problem, Spot
from reconciler.model.source_places import Origin, Place
from reconciler.planning.finding import Severity


def written(problems: Sequence[Problem]) -> bytes | None:
    """Each with its place as an entry, or as a path in one; None where somebody worked out a position already."""
    return None if any(isinstance(p.at, Place) for p in problems) else json.dumps(problems).encode()


def read(content: bytes) -> list[Problem]:
    """What `written` was given."""
    return [_problem(*each) for each in json.loads(content)]


def _problem(severity: str, rule: str, subject: str, message: str, hint: str, at: Any, other: Any) -> Problem:
    return Problem(Severity(severity), rule, subject, message, hint, _at(at), other and Origin(*other))


def _at(written: list[Any]) -> Spot | Origin:
    if isinstance(written[0], str):
        return Origin(*written)
    origin, path, on_key = written
    return Spot(Origin(*origin), tuple(path), on_key)
