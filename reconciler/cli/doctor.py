"""`reconciler doctor`: examines the site. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from reconciler.cli.exit_status import Status, worst
from reconciler.cli.formats import Format
from reconciler.cli.site_session import mailer_of, site_hosts
from reconciler.cli.streams import write
from reconciler.cli.terminal import errors
from reconciler.declared.site_file.load import load_site
from reconciler.doctor.check import Verdict
from reconciler.doctor.context import DoctorContext, IpAddress, Role
from reconciler.doctor.examine import Progress, examine
from reconciler.doctor.report import Examination
from reconciler.doctor.wanted_rights import grant_lines
from reconciler.errors import UsageError

_STATUSES = {
    Verdict.FAILED: Status.UNREADABLE,
    Verdict.UNKNOWN: Status.UNREADABLE,
    Verdict.WARNING: Status.PENDING,
    Verdict.OK: Status.DONE,
}


async def doctor(site: Path | None, output: Format, moving_to: Sequence[str], account: str | None) -> Status:
    """Examines all areas, and writes what was found."""
    addresses = [_address(text) for text in moving_to]
    settings = load_site(site)
    hosts, mailer = site_hosts(settings), mailer_of(settings)
    context = DoctorContext(
        settings=settings,
        hosts=hosts,
        mailer=mailer,
        role=Role(account) if account else Role.PLANNER if settings.as_planner else None,
        moving_to=addresses,
    )
    try:
        with _progress() as progress:
            found = Examination(settings.site, await examine(context, progress))
    finally:
        await hosts.close()
        await mailer.close()
    write(_writer(output)(found))
    return worst(*(_STATUSES[check.verdict] for check in found.checks))


def print_grants(site: Path | None, account: str) -> Status:
    """Writes what the administrators of the databases run for this account. Raises UsageError where there is none."""
    settings = load_site(site)
    lines = list(grant_lines(settings, Role(account)))
    if not lines:
        hint = "SQLite has no rights but those of the file: chmod"
        raise UsageError("the site file names no database server", hint=hint)
    write("\n".join(lines))
    return Status.DONE


def _address(text: str) -> IpAddress:
    """Raises UsageError."""
    try:
        return ip_address(text)
    except ValueError:
        hint = "write the address itself, like 192.0.2.25 or 2001:db8::25"
        raise UsageError(f"--moving-to takes an IP address, not {text!r}", hint=hint) from None


def _writer(output: Format) -> Callable[[Examination], str]:
    match output:
        case Format.TEXT:
            from reconciler.cli.terminal import colored, console
            from reconciler.doctor.text import examination_text

            return partial(examination_text, width=console.width, color=colored())
        case Format.JSON:
            from reconciler.doctor.json_report import examination_json

            return examination_json
        case Format.MARKDOWN:
            from reconciler.doctor.markdown import examination_markdown

            return examination_markdown


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """What is being looked at, on a terminal; nothing elsewhere."""
    if not errors.is_terminal:
        yield lambda _: None
        return
    with errors.status("") as status:
        yield lambda now: status.update(f"looking at {', '.join(now.running) or 'the last things'} …")
