"""`reconciler apply` and `reconciler resume` on the command line. Light, as `commands` is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli.command_options import (
    Commands,
    FormatOption,
    OkWhenPendingOption,
    OnlyOption,
    PingOption,
    RunFileOption,
    SiteOption,
    StateOption,
    YesOption,
    listed,
)
from reconciler.cli.formats import Format
from reconciler.cli.runner import enter

carrying = Commands()


@listed(carrying)
def apply(
    saved: Annotated[Path | None, typer.Argument(metavar="PLAN", help="A plan saved by `plan --out`.")] = None,
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    yes: YesOption = False,
    reviewed: Annotated[
        bool, typer.Option("--reviewed", help="In the job after the merge: what the merge request's comment showed.")
    ] = False,
    due: Annotated[
        bool, typer.Option("--due", help="At night: what dates have brought since the last merge, and what runs left.")
    ] = False,
    out: RunFileOption = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing at all when nothing is to do; else say first where.")
    ] = False,
    ok_when_pending: OkWhenPendingOption = False,
    ping: PingOption = None,
    state: StateOption = None,
    only: OnlyOption = None,
) -> None:
    """Carry the plan out, after showing it and asking. With a saved plan: what was reviewed and nothing
    else; nothing when any of it changed since. A step that fails meanwhile leaves the run partly applied.

    Exit status 0: done. 5: a gate refused something, the rest is done. 6: the saved plan is stale, or something is
    not as it was reviewed. 8: partly applied.

    Example: reconciler apply plan.json --yes
    """
    from reconciler.cli.unattended import Unattended

    around = Unattended("apply", output, quiet, ping, ok_when_pending, asks=not yes)
    if due:
        from reconciler.cli.due_apply import apply_due

        mixed = saved is not None or reviewed or bool(only)
        enter(lambda: apply_due(site, state, output, mixed=mixed, yes=yes, out=out), output, around)
    if reviewed:
        from reconciler.cli.reviewed_apply import apply_reviewed

        enter(
            lambda: apply_reviewed(site, state, output, saved=saved, yes=yes, out=out, only=only or ()), output, around
        )
    from reconciler.cli import apply as command

    enter(lambda: command.apply(site, state, output, saved=saved, yes=yes, out=out, only=only or ()), output, around)


@listed(carrying)
def resume(
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    yes: YesOption = False,
    out: RunFileOption = None,
    state: StateOption = None,
) -> None:
    """Finish what the last run left undone, with the passwords and letters that earlier ones owe, and nothing else. A
    plain `apply` does the same and more.

    Example: reconciler resume --yes
    """
    from reconciler.cli import apply as command

    enter(lambda: command.resume(site, state, output, yes=yes, out=out), output)
