"""`reconciler plan`: what would be done. Only reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.cli.chosen_part import part_of, shard_of
from reconciler.cli.exit_status import Status
from reconciler.cli.explain import explained
from reconciler.cli.formats import Format, writers
from reconciler.cli.saved_plan import save
from reconciler.cli.site_session import open_site
from reconciler.cli.streams import say, write
from reconciler.declared.lazy import Unsound
from reconciler.errors import UsageError
from reconciler.planning.command_status import plan_status
from reconciler.planning.plan import Plan
from reconciler.planning.plan_draft import Selection
from reconciler.report.read_document import MERGE


async def plan(
    site: Path | None,
    state: Path | None,
    output: Format,
    *,
    out: Path | None,
    verbose: bool,
    base: str | None = None,
    only: Sequence[str] = (),
    changed: bool = False,
    shard: str | None = None,
) -> Status:
    """Shows the plan, or a part, and saves it where that is asked for. With `base`: beside that of this commit."""
    if shard is not None and (only or changed):
        raise UsageError("a shard is one of the whole plan", hint="leave --only and --changed out, or --shard")
    if changed and base is None:
        hint = "add --base REF: the branch or commit that is compared with"
        raise UsageError("--changed is about a merge request, and nothing says what it changes", hint=hint)
    selection = part_of(only, changed=changed) if shard is None else shard_of(shard)
    try:
        made = await _drafted(site, state, base, selection, verbose=verbose, lazily=selection.part is not None)
    except Unsound:  # whatever it is: who reads everything tells all problems
        made = await _drafted(site, state, base, selection, verbose=verbose, lazily=False)
    if out is not None:
        save(made, out)
    if out is not None and shard is not None:
        say(f"shard {shard} saved to {out}; with all of them: {MERGE}")
    elif out is not None:
        ours, reviewed = f"carry it out with: reconciler apply {out}", f"a report: reconciler report {out} --markdown -"
        say(f"plan saved to {out}; {ours if base is None else reviewed}")
    write(writers(output).plan(made, title="mail plan", verbose=verbose))
    return plan_status(made)


async def _drafted(
    site: Path | None, state: Path | None, base: str | None, selection: Selection, *, verbose: bool, lazily: bool
) -> Plan:
    async with open_site(site, state, base, lazily=lazily) as opened:
        return await explained(opened, await opened.draft(selection, with_tables=True), verbose=verbose)
