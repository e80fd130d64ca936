"""`reconciler plan`: what would be done. Only reads."""

from __future__ import annotations

from pathlib import Path

from reconciler.cli.exit_status import Status
from reconciler.cli.explain import explained
from reconciler.cli.formats import Format, writers
from reconciler.cli.saved_plan import save
from reconciler.cli.site_session import open_site
from reconciler.cli.streams import say, write
from reconciler.planning.command_status import plan_status


async def plan(
    site: Path | None,
    state: Path | None,
    output: Format,
    *,
    out: Path | None,
    verbose: bool,
    base: str | None = None,
) -> Status:
    """Shows the plan, and saves it where that is asked for. With `base`: beside that of this commit."""
    async with open_site(site, state, base) as opened:
        made = await explained(opened, await opened.draft(with_tables=True), verbose=verbose)
    if out is not None:
        save(made, out)
        say(f"plan saved to {out}; carry it out with: reconciler apply {out}")
    write(writers(output).plan(made, title="mail plan", verbose=verbose))
    return plan_status(made)
