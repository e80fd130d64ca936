"""`reconciler history verify`: is what the ledger says of earlier runs what they wrote?"""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

from reconciler.cli.exit_status import Status
from reconciler.cli.formats import Format
from reconciler.cli.site_ledger import opened_ledger
from reconciler.cli.streams import write
from reconciler.declared.site_file.load import load_site
from reconciler.errors import UsageError
from reconciler.planning.history_check import HistoryCheck


async def verify(site: Path | None, output: Format, noted: str | None) -> Status:
    """Checks the whole history. Raises UsageError for a head that is none."""
    noted = _canonical(noted) if noted is not None else None
    settings = load_site(site)
    async with opened_ledger(settings) as ledger:
        await ledger.check()
        checked = await ledger.verify(noted)
    write(_written(checked, ZoneInfo(settings.timezone), output))
    return Status.DONE if checked.sound else Status.UNREADABLE


def _written(checked: HistoryCheck, zone: ZoneInfo, output: Format) -> str:
    match output:
        case Format.TEXT:
            from reconciler.cli.terminal import colored, console
            from reconciler.report.history_check_text import history_check_text

            return history_check_text(checked, zone, width=console.width, color=colored())
        case Format.JSON:
            from reconciler.report.json_history_check import history_check_json

            return history_check_json(checked)
        case Format.MARKDOWN:
            from reconciler.report.history_check_text import history_check_markdown

            return history_check_markdown(checked, zone)


def _canonical(noted: str) -> str:
    """The hash alone, in small letters; `history verify` prints it behind `head` and a number."""
    text = noted.split()[-1].lower() if noted.split() else ""
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        hint = "64 characters, as `reconciler history verify` prints them"
        raise UsageError(f"{noted!r} is no hash of a head", hint=hint)
    return text
