"""`reconciler ledger …` on the command line, and what shows the runs that it remembers: `history`, `unlock`."""

from __future__ import annotations

from typing import Annotated

import typer

from reconciler.cli.command_options import Commands, FormatOption, SiteOption, YesOption, listed
from reconciler.cli.completion_values import with_history
from reconciler.cli.formats import Format
from reconciler.cli.runner import enter

ledger = Commands("ledger", "The tables that remember what was done.")
runs = Commands()
"""Commands of the first level, which `commands` takes over."""


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


@listed(runs)
def history(
    asked: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN|ADDRESS",
            help="A run's number: each of its steps. An address or a local part: who changed it, when and why.",
            autocompletion=with_history,
        ),
    ] = None,
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    limit: Annotated[int, typer.Option(help="How many runs to list, newest first.", min=1, max=10_000)] = 20,
) -> None:
    """List the runs; for one run, show each step with times, old and new values, and where it was declared; for an
    address, who changed it, when and why. Times are in the site's time zone.

    Example: reconciler history anna.beispiel@mail.example
    """
    from reconciler.cli import history as command

    enter(lambda: command.history(asked, site, output, limit), output)


@listed(runs, "history verify")
def history_verify(
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="HASH", help="A head that was noted elsewhere: is it still in the chain?"),
    ] = None,
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Check that the ledger's history is as it was written: no run or step changed, missing or put in. Changes nothing.
    Prints the head of the chain, to be noted elsewhere.

    Exit status 0: it is. 9: it is not; each fault is named.

    Example: reconciler history verify
    """
    from reconciler.cli import history_verify as command

    enter(lambda: command.verify(site, output, head), output)


@listed(runs)
def unlock(site: SiteOption = None, yes: YesOption = False) -> None:
    """Show who holds the lock, and take it away after asking. A run that lost its lock writes nothing more.

    Example: reconciler unlock
    """
    from reconciler.cli import ledger as command

    enter(lambda: command.unlock(site, yes=yes))
