"""`reconciler history`: what was done, by whom, when, and from which line of git."""

from __future__ import annotations

from typing import Annotated

import typer

from reconciler.cli.door import Format, FormatOption, SiteOption, Status, colored, console, enter, write
from reconciler.cli.opening import open_ledger
from reconciler.declared.site import load_site
from reconciler.errors import UsageError
from reconciler.report.history import history_markdown, history_text, run_history_markdown, run_history_text
from reconciler.report.json import history_json, run_history_json


def history(
    run: Annotated[int | None, typer.Argument(metavar="[RUN]", help="A run's number: shows each of its steps.")] = None,
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    limit: Annotated[int, typer.Option(help="How many runs to list, newest first.", min=1)] = 20,
) -> None:
    """List the runs; for one run, show each step with times, old and new values, and where it was declared.

    Example: reconciler history 42
    """

    async def story() -> Status:
        kept = open_ledger(load_site(site))
        if kept is None:
            raise UsageError("the site file names no database for a ledger")
        await kept.check()
        if run is None:
            runs = await kept.history(limit)
            write(
                {
                    Format.TEXT: lambda: history_text(runs, width=console.width, color=colored()),
                    Format.JSON: lambda: history_json(runs),
                    Format.MARKDOWN: lambda: history_markdown(runs),
                }[output]()
            )
            return Status.DONE
        found = await kept.run(run)
        if found is None:
            raise UsageError(f"there is no run {run}", hint="reconciler history lists them")
        left = await kept.left_open() is not None
        write(
            {
                Format.TEXT: lambda: run_history_text(found, left=left, width=console.width, color=colored()),
                Format.JSON: lambda: run_history_json(found),
                Format.MARKDOWN: lambda: run_history_markdown(found, left=left),
            }[output]()
        )
        return Status.DONE

    enter(story, output)
