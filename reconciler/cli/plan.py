"""`reconciler plan` and `reconciler drift`: what would be done, and what has drifted. Both only read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli.runner import (
    Format,
    FormatOption,
    SiteOption,
    StateOption,
    Status,
    colored,
    console,
    enter,
    say,
    worst,
    write,
)
from reconciler.cli.saved_plan import save
from reconciler.cli.site_session import open_site
from reconciler.planning.plan import Plan
from reconciler.report.json import plan_json
from reconciler.report.markdown import plan_markdown
from reconciler.report.strict_drift import MOST, undeclared
from reconciler.report.text import plan_text


def plan(
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    out: Annotated[Path | None, typer.Option(help="Also save the plan to this file, for `apply FILE`.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every field that changes.")] = False,
    state: StateOption = None,
) -> None:
    """Show what `apply` would do; change nothing.

    Exit status 0: nothing to do. 4: changes are pending. 5: a gate refuses something. 9: a system could not be read.

    Example: reconciler plan --out plan.json
    """

    async def pipeline() -> Status:
        async with open_site(site, state) as opened:
            made = (await opened.draft()).plan
        if out is not None:
            save(made, out)
            say(f"plan saved to {out}; carry it out with: reconciler apply {out}")
        write(render(made, output, "mail plan", verbose=verbose))
        return plan_status(made)

    enter(pipeline, output)


def drift(
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    strict: Annotated[
        bool, typer.Option(help="Live objects that nobody declares are named, and count as drift.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every field that differs.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing at all when there is no drift.")] = False,
    state: StateOption = None,
) -> None:
    """Show where the live systems differ from what git declares; for cron. Changes nothing.

    Exit status 0: no drift. 4: drift was found.

    Example: reconciler drift --quiet
    """

    async def pipeline() -> Status:
        async with open_site(site, state) as opened:
            drafted = await opened.draft()
        named = () if not strict else undeclared(drafted.unmanaged, None if output is Format.JSON else MOST)
        made = replace(drafted.plan, findings=(*drafted.plan.findings, *named))
        status = worst(plan_status(made), Status.PENDING if named else Status.DONE)
        if status is not Status.DONE or not quiet:
            write(render(made, output, "mail drift", verbose=verbose))
        return status

    enter(pipeline, output)


def plan_status(made: Plan) -> Status:
    """What a plan that was only shown means for the caller."""
    return worst(
        Status.REFUSED if made.refused else Status.DONE,
        Status.UNREADABLE if made.unknown else Status.DONE,
        Status.PENDING if made.transitions else Status.DONE,
    )


def render(made: Plan, output: Format, title: str, *, verbose: bool = False) -> str:
    """The plan in the format that was asked for."""
    match output:
        case Format.TEXT:
            return plan_text(made, width=console.width, color=colored(), verbose=verbose, title=title)
        case Format.JSON:
            return plan_json(made)
        case Format.MARKDOWN:
            return plan_markdown(made, title=title)
