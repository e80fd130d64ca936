"""Confirmations whose time is over."""

from __future__ import annotations

from reconciler.declared.check.merge import Tables
from reconciler.declared.problems import Problems


def check_confirm(tables: Tables, problems: Problems) -> None:
    """An expired confirmation lifts nothing any more: a note."""
    for confirm in tables.confirm.values():
        if confirm.until < tables.today:
            message = f"the confirmation of {confirm.gate} for {confirm.subject} ended on {confirm.until}"
            problems.note("expired", confirm.subject, message, "remove the entry", confirm.origin)
