"""One step as a line: its system, what it does, the old and the new value of every field. Text and Markdown use it."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.records import AliasRole
from reconciler.planning.changes import Action
from reconciler.report.plan_view import ChangeView
from reconciler.report.vocabulary import quoted


def change_text(change: ChangeView) -> str:
    """`postfixadmin: update mailbox anna@mail.example (quota 5120 → 10240)`."""
    fields = ", ".join(_fields(change))
    key = f"{change.former} → {change.key}" if change.former not in ("", change.key) else change.key
    said = f"{change.system}: {change.action} {change.kind} {key}"
    return f"{said} ({fields})" if fields else said


def _fields(change: ChangeView) -> Iterator[str]:
    for name, old, new in change.fields:
        match change.action:
            case Action.UPDATE | Action.RENAME:
                yield f"{name} {_value(old, name)} → {_value(new, name)}"
            case Action.DELETE:
                yield f"{name} {_value(old, name)}"
            case Action.CREATE:
                yield f"{name} {_value(new, name)}"


def _value(value: object, name: str) -> str:
    match value:
        case AliasRole.OWN if name == "role":
            return "its own alias"
        case bool():
            return "yes" if value else "no"
        case tuple():
            return f"[{', '.join(str(item) for item in value)}]"
        case str():
            return quoted(value)
        case _:
            return str(value)
