"""`reconciler drift` on the command line. Light, as `commands` is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli.command_options import (
    Commands,
    FormatOption,
    OkWhenPendingOption,
    PingOption,
    SiteOption,
    StateOption,
    listed,
)
from reconciler.cli.completion_values import live
from reconciler.cli.edit_commands import CommitOption
from reconciler.cli.formats import Format
from reconciler.cli.runner import enter

drifts = Commands()


@listed(drifts)
def drift(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(metavar="ADDRESS", help="With --patch: only these addresses and blocks.", autocompletion=live),
    ] = None,
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    strict: Annotated[
        bool, typer.Option(help="Live objects that nobody declares are named, and count as drift.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show every field that differs, and name private addresses.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing at all when there is no drift; else say first where.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Also save what was found to this file, for `report`.")] = None,
    remember: Annotated[
        Path | None, typer.Option(help="Keep in this file since when something differs; the next look reads it.")
    ] = None,
    issue: Annotated[
        bool, typer.Option("--issue", help="Also bring the issue that names drift up to date (docs/forge.md).")
    ] = False,
    patch: Annotated[
        bool, typer.Option("--patch", help="Print the change of the state that makes git say what is live.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="With --patch: edit the files instead.")] = False,
    commit: CommitOption = False,
    reason: Annotated[str | None, typer.Option(help="With --commit: why, for the commit's message.")] = None,
    ok_when_pending: OkWhenPendingOption = False,
    ping: PingOption = None,
    state: StateOption = None,
) -> None:
    """Show where live systems differ from what git declares, and which side moved; for cron. Changes no live system.

    With --patch, a patch for `git apply` is printed for what was changed by hand; merged, the plan for it is empty.
    What no entry can say is named, and not in it.

    Exit status 0: no drift. 4: drift was found; with --patch: some of it cannot be declared.

    Example: reconciler drift --quiet --remember drift-seen.json
    """
    if patch or write or commit or reason or addresses:
        from reconciler.cli import drift_patch

        wanted = drift_patch.PatchOptions(addresses or (), write=write, commit=commit, reason=reason)
        shown = strict or verbose or quiet or issue or out or remember or ok_when_pending or output is not Format.TEXT
        enter(lambda: drift_patch.patch(site, state, wanted, alone=patch and not shown))
        return
    from reconciler.cli import drift as command
    from reconciler.cli.unattended import Unattended

    asked = command.DriftOptions(strict, verbose, quiet, out, remember, issue)
    around = Unattended("drift", output, quiet, ping, ok_when_pending)
    enter(lambda: command.drift(site, state, output, asked), output, around)
