"""`reconciler history`: what was done, by whom, when, and from which line of git."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from reconciler.apply.ledger import Ledger
from reconciler.cli.exit_status import Status
from reconciler.cli.formats import Format, Writers, writers
from reconciler.cli.site_ledger import opened_ledger
from reconciler.cli.streams import write
from reconciler.declared.site_file.load import load_site
from reconciler.errors import UsageError
from reconciler.model.addresses import BadAddress, parse_address, parse_domain, parse_local_part
from reconciler.report.address_history_text import past_changes
from reconciler.report.history_view import in_zone

_EXAMPLE = "example: reconciler history 42, or reconciler history anna.beispiel@mail.example"
_DIGITS = 18
"""Of a number that each database can compare with that of a run."""


async def history(asked: str | None, site: Path | None, output: Format, limit: int) -> Status:
    """Shows the runs, one run, or what happened to an address. Raises UsageError when there is no such thing."""
    settings = load_site(site)
    zone = ZoneInfo(settings.timezone)
    async with opened_ledger(settings) as ledger:
        await ledger.check()
        if asked is None:
            write(writers(output).history([in_zone(run, zone) for run in await ledger.history(limit)]))
        elif asked.isascii() and asked.isdecimal():
            write(await _run(ledger, zone, writers(output), asked))
        else:
            write(await _address(ledger, zone, writers(output), _canonical(asked), limit))
    return Status.DONE


async def _run(ledger: Ledger, zone: tzinfo, write_as: Writers, number: str) -> str:
    found = await ledger.run(int(number)) if len(number) <= _DIGITS else None
    if found is None:
        hint = "reconciler history lists them; what happened to an account: reconciler history ADDRESS"
        raise UsageError(f"there is no run {number}", hint=hint)
    return write_as.run_history(in_zone(found, zone), left=await ledger.left_open() is not None)


async def _address(ledger: Ledger, zone: tzinfo, write_as: Writers, asked: str, limit: int) -> str:
    runs = [in_zone(run, zone) for run in await ledger.of_address(asked, limit)]
    changes = past_changes(runs, {run.id: await ledger.plan_document(run.id) for run in runs})
    return write_as.address_history(asked, list(changes))


def _canonical(asked: str) -> str:
    """As the ledger has it. Raises UsageError."""
    text = asked.strip().lower()
    try:
        if text.startswith("*@"):
            return f"*@{parse_domain(text[2:])}"
        return parse_address(text) if "@" in text else parse_local_part(text)
    except BadAddress as error:
        raise UsageError(str(error), hint=_EXAMPLE) from None
