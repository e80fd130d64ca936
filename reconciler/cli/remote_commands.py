"""`reconciler remote …` on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli.command_options import Commands, SiteOption, listed
from reconciler.cli.runner import enter

remote = Commands("remote", "The planner's way into a mail host, which only reads.")

HostArgument = Annotated[
    str | None, typer.Argument(metavar="HOST", help="The host; only where the site file names several.")
]
UserOption = Annotated[
    str | None,
    typer.Option("--user", help="Who logs in there; default is the planner of the site file, else reconciler-plan."),
]


@listed(remote)
def install(
    host: HostArgument = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE.pub", help="The planner's public key; default is that of the site file."),
    ] = None,
    user: UserOption = None,
    site: SiteOption = None,
) -> None:
    """Print what root is to run on a mail host, so that the planner's key lists there and does nothing else. Connects
    to no host; what it prints asks for OX' password there.

    Example: reconciler remote install --key plan-key.pub > install.sh
    """
    from reconciler.cli import remote as command

    enter(lambda: command.install(host, key, user, site))


@listed(remote)
def uninstall(host: HostArgument = None, user: UserOption = None, site: SiteOption = None) -> None:
    """Print what root is to run on a mail host to take that away again, with OX' password there.

    Example: reconciler remote uninstall > uninstall.sh
    """
    from reconciler.cli import remote as command

    enter(lambda: command.uninstall(host, user, site))
