"""What `drift --strict` counts as drift: everything that is live and declared nowhere, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from reconciler.planning.finding import Finding, Severity
from reconciler.report.vocabulary import in_order, noun

UNDECLARED = "undeclared"
"""The rule of these findings; the headline asks for it."""

MOST = 20
"""How many of one kind a person reads; JSON has them all."""


def undeclared(unmanaged: Mapping[str, Sequence[str]], most: int | None) -> tuple[Finding, ...]:
    """A warning for each key, of each kind at most `most` and how many more there are."""
    return tuple(finding for kind in in_order(unmanaged) for finding in _of(kind, unmanaged[kind], most))


def _of(kind: str, keys: Sequence[str], most: int | None) -> list[Finding]:
    # the key of a map's line is its number
    ordered = sorted(keys, key=lambda key: (int(key) if key.isdecimal() else 0, key))
    named = [_warning(key, f"{noun(kind)} {key}") for key in ordered[:most]]
    more = len(keys) - len(named)
    return [*named, _warning(kind, f"and {more} more {noun(kind, more)}")] if more else named


def _warning(subject: str, message: str) -> Finding:
    return Finding(Severity.WARNING, UNDECLARED, subject, message)


def repeats_a_key(data: bytes) -> bool:
    """Whether a key stands twice in one object of this JSON: a reader sees the first, the program takes the last."""
    repeated = False

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal repeated
        repeated = repeated or len({name for name, _ in pairs}) < len(pairs)

    json.loads(data, object_pairs_hook=look)
    return repeated
