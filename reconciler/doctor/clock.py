"""Whether this machine, the hosts and the database have the same time, and the database the site's time zone."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import text

from reconciler.doctor.check import Check, Verdict, unknown
from reconciler.doctor.context import DoctorContext
from reconciler.doctor.site_hosts import host_names
from reconciler.errors import ReconcilerError, Unreadable
from reconciler.remote.host import PLAIN, Completed
from reconciler.systems.postfixadmin.connect import Database

AREA = "clock"
MOST = 5.0
"""Seconds that two clocks may differ; with NTP it is a hundredth of one."""
_TIME = re.compile(rb"[0-9]+\.[0-9]+")
_WHY = "what happened first, and on which day, cannot be told from ledger and logs that different clocks write"
_FIX = ("have each machine take its time from NTP:", "timedatectl set-ntp true")


class ClockReading(NamedTuple):
    """Another clock, in seconds since 1970, and ours right before and after it was asked."""

    theirs: float
    before: float
    after: float

    @property
    def ahead(self) -> float:
        """Seconds that the other clock is certainly ahead, or behind (negative); 0 when the way there may be why."""
        if self.theirs > self.after:
            return self.theirs - self.after
        return min(0.0, self.theirs - self.before)


async def examine(context: DoctorContext) -> Sequence[Check]:
    """Each clock by itself."""
    settings = context.settings
    found = await asyncio.gather(*(_host(context, name) for name in host_names(settings)))
    section = settings.postfixadmin
    if section is None or section.url.startswith("sqlite"):
        return found
    try:
        return [*found, *await asyncio.to_thread(_database, context)]
    except ReconcilerError as error:
        return [*found, unknown(AREA, "clock of the database", error)]


async def _host(context: DoctorContext, name: str) -> Check:
    check = f"clock of {name}"
    try:
        host = context.hosts.get(name)
        await host.run(["true"], repeatable=True)  # the login takes longer than the question
        before = time.time()
        answer = await host.run(["date", "-u", "+%s.%N"], env=PLAIN, repeatable=True)
        after = time.time()
        theirs = _time_of(answer, name)
    except ReconcilerError as error:
        return unknown(AREA, check, error)
    return clock_check(check, ClockReading(theirs, before, after))


def _time_of(answer: Completed, name: str) -> float:
    """Raises Unreadable: a `date` that was killed may have printed a part of the time."""
    shown = answer.stdout.strip()
    if answer.status or not _TIME.fullmatch(shown):
        raise Unreadable(f"{name}: `date` shows no time", hint="run `date -u +%s.%N` there")
    return float(shown)


def clock_check(name: str, reading: ClockReading) -> Check:
    """Compares two clocks."""
    if abs(reading.ahead) <= MOST:
        return Check(AREA, name, Verdict.OK, f"within {MOST:g} s of this machine's")
    way = "ahead of" if reading.ahead > 0 else "behind"
    return Check(AREA, name, Verdict.WARNING, f"{abs(reading.ahead):.0f} s {way} this machine's", _WHY, _FIX)


_CLOCKS = {
    "mysql": "SELECT CAST(UNIX_TIMESTAMP(CURRENT_TIMESTAMP(6)) AS CHAR), "
    "TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), CURRENT_TIMESTAMP())",
    "postgresql": "SELECT CAST(extract(epoch FROM clock_timestamp()) AS text), extract(timezone FROM now())",
}
"""The time in seconds since 1970, and the seconds that the session's zone is east of UTC."""


def _database(context: DoctorContext) -> list[Check]:
    section = context.settings.postfixadmin
    assert section is not None
    database = Database(section, context.settings)
    try:
        with database.look() as connection:
            connection.execute(text("SELECT 1"))
            before = time.time()
            theirs, offset = connection.execute(text(_CLOCKS[connection.dialect.name])).one()
            after = time.time()
    finally:
        database.close()
    clock = clock_check("clock of the database", ClockReading(float(theirs), before, after))
    return [clock, zone_check(int(offset), context.settings.timezone, after)]


def zone_check(offset: int, zone: str, now: float) -> Check:
    """`offset`: seconds that the database's session is east of UTC."""
    name = "time zone of the database"
    here = datetime.fromtimestamp(now, ZoneInfo(zone)).utcoffset()
    assert here is not None
    difference = offset - int(here.total_seconds())
    if not difference:
        return Check(AREA, name, Verdict.OK, f"as {zone}")
    saw = f"{abs(difference) / 3600:g} h {'east' if difference > 0 else 'west'} of {zone}, the site's"
    why = "dates of PostfixAdmin (created, modified, when a password expires) are in the database's zone"
    fix = (f"set the server's zone to {zone} (default_time_zone, timezone), or correct `timezone` in the site file",)
    return Check(AREA, name, Verdict.WARNING, saw, why, fix)
