"""Reads a case file: what is declared, what is live, and the plan that must come of it.

The systems are the real ones; only what they observe is given by the case, so that a case says everything itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from reconciler.declared.load import load_state
from reconciler.errors import Unreadable
from reconciler.model.derived_rows import DerivedRows, without
from reconciler.model.record_kinds import kind_of
from reconciler.model.records import Found, Records
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Change
from reconciler.planning.plan import Plan
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.plan_draft import EVERYTHING, Selection
from reconciler.planning.ports import Observation, System, Wanted
from reconciler.planning.review_facts import Base
from reconciler.planning.transitions import Transition
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.outbox import OutboxMailer
from reconciler.settings import Settings
from reconciler.systems.openxchange import system as openxchange
from reconciler.systems.postfix.map_entries import KeyRules
from reconciler.systems.postfix.read_map import Rules
from reconciler.systems.postfixadmin import observe as postfixadmin
from reconciler.systems.registry import build_systems
from reconciler.systems.system_context import SystemContext
from reconciler.workflow import draft
from reconciler.workflow_values import AtBase, Sources

FOLDER = Path(__file__).parent.parent / "cases"

SITE: dict[str, Any] = {
    "site": "case",
    "postfixadmin": {"url": "sqlite:///never-opened.sqlite"},
    "openxchange": {},
    "postfix": {"sender_access": "texthash:/never-opened", "privilege": "direct"},
    "register": {"csv": "never-opened.csv"},
    "letters": {"from": "technik@mail.example", "outbox": "never-opened"},
}

# values of a live row that a case need not write
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "mailbox": {"name": "", "quota": 10240, "active": True},
    "alias": {"active": True},
    "domain": {"active": True},
    "alias_domain": {"active": True},
    "ox_user": {"display_name": "", "given_name": "", "surname": "", "default_sender": "", "aliases": ()},
    "member": {"active": True, "email": "private@extern.example", "given_name": "", "surname": ""},
    "block": {"action": "REJECT"},
    "unmanaged_line": {"action": "REJECT"},
}


@dataclass(frozen=True)
class Case:
    """One file of `tests/cases`."""

    declared: dict[str, Any]
    plan: dict[str, list[str]]
    live: dict[str, Any] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    site: dict[str, Any] = field(default_factory=dict)
    today: str | date = "2026-11-24"


def read_case(path: Path) -> Case:
    """The case; an unknown key in the file is a mistake."""
    return Case(**YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")))


async def plan_of(
    case: Case, folder: Path, selection: Selection = EVERYTHING, *, base: dict[str, Any] | None = None
) -> Plan:
    """The plan that the workflow makes of a case, or the part of it that is asked for; beside that of `base`, what
    another commit declares."""
    today = case.today if isinstance(case.today, date) else date.fromisoformat(case.today)
    (folder / "state").mkdir(exist_ok=True)
    (folder / "state" / "case.yaml").write_text(json.dumps(case.declared, default=str), encoding="utf-8")
    sections = {key: value for key, value in (SITE | case.site).items() if value is not None}
    site = Settings.model_validate(sections | {"folder": folder})
    declaration = load_state(folder / "state", site, today=today)
    context = SystemContext(site, SiteHosts({}), OutboxMailer(folder / "outbox"), Passwords())
    for system in (systems := build_systems(context)):
        system.observe = _observing(system, case)  # type: ignore[method-assign]  # what is live is given
        system.observe_beside = _observing_beside(system)  # type: ignore[method-assign]  # as databases are read
        system.observe_part = partial(System.observe_part, system)  # type: ignore[method-assign]  # of that all
    now = datetime(2026, 11, 24, 10, 58, tzinfo=UTC)
    at_base = None
    if base is not None:
        (folder / "base").mkdir(exist_ok=True)
        (folder / "base" / "case.yaml").write_text(json.dumps(base, default=str), encoding="utf-8")
        theirs = load_state(folder / "base", site, today=today)
        at_base = AtBase(Base("main", "0" * 40, contained=True), theirs, PlanContext.of(theirs.state))
    sources = Sources(site, declaration, PlanContext.of(declaration.state), systems, lambda: now, base=at_base)
    return (await draft(sources, selection)).plan


def _observing(system: System, case: Case) -> Any:
    live = case.live.get(system.name, {})

    async def observe(*, writing: bool = False) -> Observation:
        if isinstance(live, str):
            raise Unreadable(live)
        return Observation(_records(system, live), _DETAILS[system.name])

    return observe


def _observing_beside(system: System) -> Any:
    async def observe_beside(wanted: Wanted, *, writing: bool = False) -> Observation:
        seen = await system.observe(writing=writing)
        return replace(seen, records=_beside(seen.records, await wanted()))

    return observe_beside


def _beside(records: Found, wanted: Records) -> Found:
    """As a database is read: nothing is kept of rows that are as wanted."""
    tables = dict(records)
    for kind in records.keys() & wanted.keys() & {"mailbox", "alias"}:
        theirs: Mapping[str, Any] = wanted[kind]
        others = {key: row for key, row in records[kind].items() if key not in theirs or row != theirs[key].as_found()}
        there = records[kind].keys() - others.keys()
        tables[kind] = DerivedRows.beside(theirs, without(theirs, there), others)
    return tables


_DETAILS = {
    "postfixadmin": postfixadmin.Details(),
    "openxchange": openxchange.Details(),
    "postfix": Rules(KeyRules(), frozenset(), used=True),
    "letters": (),
}
_HELD = {
    "postfixadmin": ("mailbox", "alias", "domain", "alias_domain"),
    "openxchange": ("ox_user",),
    "postfix": ("block", "unmanaged_line"),
    "letters": ("member",),
}


def _records(system: System, live: dict[str, dict[str, dict[str, Any]]]) -> Records:
    records: Records = {kind: {} for kind in _HELD[system.name]}
    for kind, table in live.items():
        for key, given in table.items():
            values: dict[str, Any] = {**_DEFAULTS[kind], **(given or {}), "key": key}
            values = {name: tuple(sorted(v)) if isinstance(v, list) else v for name, v in values.items()}
            if kind not in ("domain", "alias_domain", "member", "block", "unmanaged_line"):
                values["account"] = ""
            records[kind][key] = kind_of(kind).row(**values)
    return records


def told(plan: Plan) -> dict[str, list[str]]:
    """The plan as a case file writes it."""
    return {transition.id: _lines(transition) for transition in plan.transitions}


def _lines(transition: Transition) -> list[str]:
    refused = [f"refused: {rule}" for rule in transition.refused]
    return [*(_line(change) for change in transition.changes), *refused]


def _line(change: Change) -> str:
    differs = ", ".join(f"{name} {_value(old)} → {_value(new)}" for name, old, new in change.fields())
    return f"{change.action} {change.kind} {change.key}" + (f": {differs}" if differs else "")


def _value(value: object) -> str:
    return "+".join(value) if isinstance(value, tuple) else str(value)
