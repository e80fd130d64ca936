"""Which sections a state file may have. A new kind of declared thing is a file beside those in `sections` and one line
here (docs/architecture.md, "How to add a kind of declared thing")."""

from __future__ import annotations

SECTIONS = [
    "reconciler.declared.sections.mailboxes",
    "reconciler.declared.sections.aliases",
    "reconciler.declared.sections.domains",
    "reconciler.declared.sections.alias_domains",
    "reconciler.declared.sections.renames",
    "reconciler.declared.sections.removals",
    "reconciler.declared.sections.sender_blocks",
    "reconciler.declared.sections.confirm",
]
"""Modules with a `SECTION`, called as their section is, in the order in which messages list them."""


def section_names() -> list[str]:
    """What stands on top of a state file, `domain` aside."""
    return [module.rpartition(".")[2] for module in SECTIONS]
