"""`reconciler report` on the command line. Light, as `commands` is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli.command_options import Commands, listed
from reconciler.cli.runner import enter

reports = Commands()


@listed(reports)
def report(
    documents: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="What plan, drift, apply or validate wrote as JSON.")
    ],
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For a comment, an issue or a job's summary.")
    ] = None,
    terraform_report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="GitLab's counts for the merge request's widget.")
    ] = None,
) -> None:
    """Write reports from the JSON that other commands wrote. Reads no live system and needs no secret. `-` is standard
    output; one call may write several reports.

    Example: reconciler report plan.json --terraform-report plan-counts.json
    """
    from reconciler.cli import report as command

    enter(lambda: command.report(documents, {"markdown": markdown, "terraform_report": terraform_report}))
