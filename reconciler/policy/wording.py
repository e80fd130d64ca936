"""How gates report: a Finding about a transition, and entries that can be copied into the state."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

from reconciler.model.source_places import Origin
from reconciler.planning.finding import Finding, Severity, StateEntry
from reconciler.planning.transitions import Transition
from reconciler.policy.gate_context import GateContext

CONFIRMED_DAYS = 7
"""How long the confirmations run that hints propose; 31 days are allowed (docs/gates.md, "Confirm")."""

_PLAIN = re.compile(r"[a-z][A-Za-z0-9._+/-]*(@[A-Za-z0-9.-]+)?")
_WORDS = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false", "null"})


def about(transition: Transition, severity: Severity, rule: str, message: str, hint: str) -> Finding:
    """A finding about this transition, at the place of its declaration."""
    return Finding(severity, rule, transition.owner.subject, message, hint, transition.place, transition.owner)


def refusal(
    transition: Transition, rule: str, message: str, hint: str, *entries: StateEntry, final: bool = False
) -> Finding:
    """A finding that refuses this transition; `entries` would allow it, nothing lifts a `final` one."""
    return about(transition, Severity.REFUSAL, rule, message, hint)._replace(entries=entries, final=final)


def note(
    context: GateContext, rule: str, subject: str, message: str, hint: str, origin: Origin | None = None
) -> Finding:
    """A note about no transition, at the place of what it is about."""
    return Finding(Severity.NOTE, rule, subject, message, hint, context.locate(origin) if origin else None)


def scalar(text: str) -> str:
    """`text` inside YAML in flow style."""
    plain = _PLAIN.fullmatch(text) and text not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)


def confirm_entry(gate: str, subject: str, today: date) -> StateEntry:
    """The entry that would lift a gate once a person has written the reason: an empty one is refused."""
    until = today + timedelta(days=CONFIRMED_DAYS)
    return StateEntry("confirm", f'{{gate: {gate}, subject: {scalar(subject)}, until: {until}, reason: ""}}')


def rename_entry(old: str, new: str, day: date, *, move: bool = False) -> StateEntry:
    how = ", old_mailbox: move" if move else ""
    return StateEntry("renames", f"{{from: {scalar(old)}, to: {scalar(new)}, date: {day}{how}}}")
