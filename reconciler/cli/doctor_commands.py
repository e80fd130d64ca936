"""`reconciler doctor` on the command line. Light, as `commands` is."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from reconciler.cli.command_options import Commands, FormatOption, SiteOption, listed
from reconciler.cli.formats import Format
from reconciler.cli.runner import enter

doctors = Commands()


class DoctorRole(StrEnum):
    """Whose the credentials are meant to be, as `doctor.context.Role` has them; that is not imported here."""

    PLANNER = "planner"
    APPLIER = "applier"


@listed(doctors)
def doctor(
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    moving_to: Annotated[
        list[str] | None,
        typer.Option("--moving-to", metavar="IP", help="An address that mail is going to be sent from; repeatable."),
    ] = None,
    account: Annotated[
        DoctorRole | None,
        typer.Option("--account", help="What the credentials are meant for; default: whichever they fit."),
    ] = None,
    grants: Annotated[
        DoctorRole | None,
        typer.Option("--grants", help="Print the GRANTs that this account needs, and examine nothing."),
    ] = None,
) -> None:
    """Examine the site before something goes wrong: each check says what it saw, why it matters, and what to do.
    Changes nothing, and needs no declared state.

    Exit status 0: all is well. 4: there are warnings. 9: something fails, or could not be looked at.

    Example: reconciler doctor --account planner
    """
    from reconciler.cli import doctor as command

    if grants is not None:
        enter(lambda: command.print_grants(site, grants.value))
    enter(lambda: command.doctor(site, output, moving_to or (), account.value if account else None), output)
