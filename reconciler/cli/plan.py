"""`reconciler plan` and `reconciler drift`: what would be done, and what has drifted. Both only read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reconciler.cli.exit_status import Status
from reconciler.cli.formats import Format, writers
from reconciler.cli.saved_plan import save
from reconciler.cli.site_session import open_site
from reconciler.cli.streams import say, write
from reconciler.planning.command_status import plan_status
from reconciler.planning.finding import Finding
from reconciler.planning.half_made import Remarks
from reconciler.planning.mail_flow_before_after import mail_flow_of
from reconciler.planning.plan_draft import Draft
from reconciler.policy.unmanaged import MOST, undeclared


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
        made = (await opened.draft()).plan
    if out is not None:
        save(made, out)
        say(f"plan saved to {out}; carry it out with: reconciler apply {out}")
    write(writers(output).plan(made, title="mail plan", verbose=verbose))
    return plan_status(made)


async def drift(
    site: Path | None, state: Path | None, output: Format, *, strict: bool, verbose: bool, quiet: bool
) -> Status:
    """Shows what has drifted; with `strict` also what nobody declares."""
    async with open_site(site, state) as opened:
        drafted = await opened.draft(with_tables=strict)
    named = _undeclared(drafted, None if output is Format.JSON else MOST) if strict else ()
    made = replace(drafted.plan, purpose="drift", findings=(*drafted.plan.findings, *named))
    status = plan_status(made)
    if status is not Status.DONE or not quiet:
        write(writers(output).plan(made, title="mail drift", verbose=verbose))
    return status


def _undeclared(drafted: Draft, most: int | None) -> tuple[Finding, ...]:
    """What git does not declare, with what is half-made of it."""
    assert drafted.tables is not None
    live = drafted.tables.live
    remarks = Remarks(live, mail_flow_of(live, drafted.context.chains, ()))
    return undeclared(drafted.unmanaged, most, remarks.named)
