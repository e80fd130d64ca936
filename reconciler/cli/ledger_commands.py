"""`reconciler ledger …` on the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from reconciler.cli.command_options import Commands, SiteOption, YesOption, listed
from reconciler.cli.runner import enter

ledger = Commands("ledger", "The tables that remember what was done.")


@listed(ledger)
def init(site: SiteOption = None) -> None:
    """Make the ledger's tables, the first time. Tables of others are never touched.

    Example: reconciler ledger init
    """
    from reconciler.cli import ledger as command

    enter(lambda: command.init(site))


@listed(ledger)
def upgrade(site: SiteOption = None) -> None:
    """Bring the ledger's tables of an older release up to date, with all their rows. Where it died, run it again.

    Example: reconciler ledger upgrade
    """
    from reconciler.cli import ledger as command

    enter(lambda: command.upgrade(site))


@listed(ledger)
def check(site: SiteOption = None) -> None:
    """Check that the ledger's tables are there and as this version needs them.

    Example: reconciler ledger check
    """
    from reconciler.cli import ledger as command

    enter(lambda: command.check(site))


@listed(ledger)
def prune(
    before: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="A day like 2025-01-01; default: `ledger.history_days` of the site file."),
    ] = None,
    site: SiteOption = None,
    yes: YesOption = False,
) -> None:
    """Make the ledger forget what runs did before a day, after showing how much and asking. What plans still need
    stays; the runs themselves stay; history can be verified as before.

    Example: reconciler ledger prune --before 2025-01-01
    """
    from reconciler.cli import ledger_prune as command

    enter(lambda: command.prune(site, before, yes=yes))
