"""The list of systems. Another one is a folder beside these and one line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from reconciler.model.record_kinds import register

if TYPE_CHECKING:
    from reconciler.planning.ports import System
    from reconciler.systems.system_context import SystemContext

SYSTEMS = [
    "reconciler.systems.postfixadmin",
    "reconciler.systems.openxchange",
    "reconciler.systems.postfix",
    "reconciler.systems.letters",
]
"""Packages, in the order in which plans and reports name them; the order decides nothing else. Each has `kinds.KINDS`
and `system.build`, which gives None when the site file leaves its section out. They are imported when they are needed:
a command that asks no system reads the kinds alone."""


def register_kinds() -> None:
    """Makes the kinds of all systems known; before a plan or the ledger is read."""
    for package in SYSTEMS:
        register(import_module(f"{package}.kinds").KINDS)


def build_systems(context: SystemContext) -> list[System]:
    """The systems of this site."""
    register_kinds()
    built = (import_module(f"{package}.system").build(context) for package in SYSTEMS)
    return [system for system in built if system is not None]
