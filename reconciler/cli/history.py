"""`reconciler history`: what was done, by whom, when, and from which line of git."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from reconciler.apply.ledger import Ledger
from reconciler.cli.runner import Format, FormatOption, SiteOption, Status, colored, console, enter, write
from reconciler.cli.site_session import opened_ledger
from reconciler.declared.site_file import load_site
from reconciler.errors import UsageError
from reconciler.model.addresses import BadAddress, parse_address, parse_domain, parse_local_part
from reconciler.report.address_history import address_history_markdown, address_history_text, past_changes
from reconciler.report.history import history_markdown, history_text, run_history_markdown, run_history_text
from reconciler.report.json import address_history_json, history_json, run_history_json
from reconciler.report.run_history import in_zone

_EXAMPLE = "example: reconciler history 42, or reconciler history anna.beispiel@mail.example"


def history(
    asked: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN|ADDRESS]",
            help="A run's number: each of its steps. An address or a local part: who changed it, when and why.",
        ),
    ] = None,
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    limit: Annotated[int, typer.Option(help="How many runs to list, newest first.", min=1)] = 20,
) -> None:
    """List the runs; for one run, show each step with times, old and new values, and where it was declared; for an
    address, who changed it, when and why. Times are in the site's time zone.

    Example: reconciler history anna.beispiel@mail.example
    """

    async def pipeline() -> Status:
        settings = load_site(site)
        zone = ZoneInfo(settings.timezone)
        async with opened_ledger(settings) as kept:
            await kept.check()
            if asked is None:
                write(await _runs(kept, zone, output, limit))
            elif asked.isascii() and asked.isdecimal():
                write(await _run(kept, zone, output, int(asked)))
            else:
                write(await _address(kept, zone, output, _canonical(asked), limit))
        return Status.DONE

    enter(pipeline, output)


async def _runs(kept: Ledger, zone: tzinfo, output: Format, limit: int) -> str:
    runs = [in_zone(run, zone) for run in await kept.history(limit)]
    match output:
        case Format.TEXT:
            return history_text(runs, width=console.width, color=colored())
        case Format.JSON:
            return history_json(runs)
        case Format.MARKDOWN:
            return history_markdown(runs)


async def _run(kept: Ledger, zone: tzinfo, output: Format, number: int) -> str:
    found = await kept.run(number)
    if found is None:
        hint = "reconciler history lists them; what happened to an account: reconciler history ADDRESS"
        raise UsageError(f"there is no run {number}", hint=hint)
    run, left = in_zone(found, zone), await kept.left_open() is not None
    match output:
        case Format.TEXT:
            return run_history_text(run, left=left, width=console.width, color=colored())
        case Format.JSON:
            return run_history_json(run)
        case Format.MARKDOWN:
            return run_history_markdown(run, left=left)


async def _address(kept: Ledger, zone: tzinfo, output: Format, asked: str, limit: int) -> str:
    runs = [in_zone(run, zone) for run in await kept.of_address(asked, limit)]
    changes = past_changes(runs, {run.id: await kept.plan_document(run.id) for run in runs})
    match output:
        case Format.TEXT:
            return address_history_text(asked, changes, width=console.width, color=colored())
        case Format.JSON:
            return address_history_json(changes)
        case Format.MARKDOWN:
            return address_history_markdown(asked, changes)


def _canonical(asked: str) -> str:
    """As the ledger has it. Raises UsageError."""
    text = asked.strip().lower()
    try:
        if text.startswith("*@"):
            return f"*@{parse_domain(text[2:])}"
        return parse_address(text) if "@" in text else parse_local_part(text)
    except BadAddress as error:
        raise UsageError(str(error), hint=_EXAMPLE) from None
