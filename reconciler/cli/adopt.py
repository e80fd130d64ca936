"""`reconciler adopt`: what is live of some subjects becomes what is declared."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from reconciler.cli.edit import Done, edit_state
from reconciler.cli.edit_changes import known_subject
from reconciler.cli.exit_status import Status
from reconciler.cli.site_session import open_site
from reconciler.declared.write.edit import Edit
from reconciler.importing.adopt import adopt
from reconciler.importing.run import collected
from reconciler.settings import Settings


async def run(
    site: Path | None, state: Path | None, subjects: Sequence[str], *, reason: str | None, commit: bool
) -> Status:
    """Looks at all systems once, and edits the entries. Raises Unreadable: what is unknown is not absent."""
    async with open_site(site, state) as opened:
        with opened.line.shown():
            observed = await asyncio.gather(*(opened.observe(system) for system in opened.systems))
            imported = await collected(opened, observed)

    def change(edit: Edit, _: Settings) -> Done:
        named = [
            known_subject(edit, subject, {*imported.mailboxes, *imported.aliases, *imported.sender_blocks})
            for subject in subjects
        ]
        adopt(edit, imported, named)
        return Done(f"Adopt {', '.join(named)} as live", frozenset(named))

    return edit_state(site, state, change, reason=reason, commit=commit)
