"""`reconciler letters …`: a letter before it is sent, and what the ledger knows of those that were to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from reconciler.cli.declared_mailbox import declared_mailbox
from reconciler.cli.exit_status import Status
from reconciler.cli.formats import Format
from reconciler.cli.read_site import read_site
from reconciler.cli.runner import write_findings
from reconciler.cli.site_ledger import opened_ledger
from reconciler.cli.streams import say, write
from reconciler.errors import UsageError
from reconciler.planning.plan_context import PlanContext
from reconciler.policy.untold_passwords import letters_left
from reconciler.report.sanitize import visible
from reconciler.systems.letters.letter import Stationery
from reconciler.systems.letters.letter_for_account import content
from reconciler.systems.letters.letter_templates import MOVED, RENAMED


def preview(asked: str, kind: str, language: str, site: Path | None, state: Path | None) -> Status:
    """Shows a letter, in the site's language unless another is given. Raises UsageError."""
    settings, declaration = read_site(site, state)
    if settings.letters is None:
        raise UsageError("the site file has no `letters`, so none is sent", hint="write `letters:` (docs/letters.md)")
    context = PlanContext.of(declaration.state)
    box = declared_mailbox(context, asked, "reconciler letters preview")
    if kind in (RENAMED, MOVED):
        context = _once_renamed(context, box.address)
    recipient = f"(the registered address of member {box.member})"
    if box.member is None:
        recipient = "(nobody)"
        say(f"{box.address} has no `member`, so no letter goes out: its password is set with `reconciler password`")
    letter = Stationery(settings, settings.letters).preview(
        kind, content(context, box.address, box.member, settings), recipient, language
    )
    write("\n".join(map(visible, letter.split("\n"))))
    return Status.DONE


def _once_renamed(context: PlanContext, address: str) -> PlanContext:
    """As of the day of the rename, when that is still to come."""
    coming = [rename.date for rename in context.chains.future if rename.new == address]
    if coming:
        return PlanContext.of(replace(context.desired, today=max(coming)))
    if not any(account == address for account in context.chains.former):
        say(f"no rename to {address} is declared, so the letter names no former address")
    return context


async def show_list(site: Path | None, state: Path | None, output: Format) -> Status:
    """Lists what is open. Raises UsageError, LedgerUnusable."""
    settings, declaration = read_site(site, state)
    async with opened_ledger(settings) as ledger:
        await ledger.check()
        open_letters = await ledger.open_letters()
    found = tuple(letters_left(open_letters, PlanContext.of(declaration.state), ZoneInfo(settings.timezone)))
    if not found and output is not Format.JSON:
        (say if output is Format.TEXT else write)("no letter is owed, and none is uncertain")
        return Status.DONE
    write_findings(found, output)
    return Status.PENDING if found else Status.DONE
