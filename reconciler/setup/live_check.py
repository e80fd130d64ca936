"""Tries an answer: connects to one system, logs in, and lists what it holds. Reads only."""

from __future__ import annotations

from importlib import import_module

from reconciler.declared.fields.error_messages import Sentence
from reconciler.errors import UsageError
from reconciler.model.record_kinds import kind_of
from reconciler.model.records import SETTING
from reconciler.model.secrets import Passwords
from reconciler.planning.ports import System
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.mailer import Mailer
from reconciler.settings import Settings
from reconciler.setup.answers import SYSTEMS
from reconciler.systems.registry import register_kinds
from reconciler.systems.system_context import SystemContext


async def look_at(settings: Settings, name: str, hosts: SiteHosts, mailer: Mailer) -> str:
    """What the system holds, in words. Raises Unreadable and UsageError."""
    register_kinds()
    alone = settings.model_copy(update={other: None for other in SYSTEMS if other != name})
    context = SystemContext(settings=alone, hosts=hosts, mailer=mailer, passwords=Passwords())
    system: System | None = import_module(f"reconciler.systems.{name}.system").build(context)
    if system is None:
        raise UsageError(f"{name} is not in the site file", hint=f"answer the questions about {name}")
    try:
        records = (await system.observe()).records
    finally:
        await system.close()
    kinds = [(kind, len(table)) for kind, table in records.items() if table and kind != SETTING.name]
    counted = (f"{number} {kind_of(kind).noun[number != 1]}" for kind, number in kinds)
    return f"{name}: {system.target}: read, " + (", ".join(counted) or "nothing in it")


def problem_lines(wrong: list[Sentence]) -> list[str]:
    """Wrong answers, a line each, by the key of the site file."""
    lines = []
    for each in wrong:
        key = ".".join(map(str, each.path))
        lines.append(f"{key}: {each.message} → {each.hint}" if key else f"{each.message} → {each.hint}")
    return lines
