"""`reconciler drift` on the command line. Light, as `commands` is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli.command_options import Commands, FormatOption, SiteOption, StateOption, listed
from reconciler.cli.formats import Format
from reconciler.cli.runner import enter

drifts = Commands()


@listed(drifts)
def drift(
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    strict: Annotated[
        bool, typer.Option(help="Live objects that nobody declares are named, and count as drift.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show every field that differs, and name private addresses.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing at all when there is no drift.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also save what was found to this file, for `report`.")] = None,
    remember: Annotated[
        Path | None, typer.Option(help="Keep in this file since when something differs; the next look reads it.")
    ] = None,
    issue: Annotated[
        bool, typer.Option("--issue", help="Also bring the issue that names drift up to date (docs/forge.md).")
    ] = False,
    state: StateOption = None,
) -> None:
    """Show where the live systems differ from what git declares, and which side moved; for cron. Changes nothing.

    Exit status 0: no drift. 4: drift was found.

    Example: reconciler drift --quiet --remember drift-seen.json
    """
    from reconciler.cli import drift as command

    asked = command.DriftOptions(strict, verbose, quiet, out, remember, issue)
    enter(lambda: command.drift(site, state, output, asked), output)
