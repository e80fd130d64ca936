"""All checks of the sender map, those that need nothing but the settings first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from reconciler.doctor.check import Check, Verdict, unknown
from reconciler.doctor.context import DoctorContext
from reconciler.doctor.main_cf import read_main_cf
from reconciler.doctor.postfix.files import check_files
from reconciler.doctor.postfix.lines import check_lines
from reconciler.doctor.postfix.use import AREA, check_use
from reconciler.errors import Unreadable
from reconciler.remote.host import Host
from reconciler.settings import Postfix, Settings
from reconciler.systems.postfix.read_map import Reader
from reconciler.systems.postfix.tools import Tools

_TYPE = "type of the map"


async def examine_postfix(context: DoctorContext, section: Postfix) -> Sequence[Check]:
    """Raises Unreadable when Postfix' settings cannot be read."""
    host, tools = context.hosts.get(section.host), Tools(section)
    main_cf = await read_main_cf(host, section)
    checks = list(check_use(main_cf, section.sender_access))
    try:
        checks += await check_files(host, tools)
    except Unreadable as error:
        checks.append(unknown(AREA, "files of the map", error))
    return [*checks, *await _about_content(context.settings, host, tools)]


async def _about_content(settings: Settings, host: Host, tools: Tools) -> list[Check]:
    reader = Reader(host, tools, settings.site)
    try:
        rules = await reader.rules()
    except Unreadable as error:  # the settings were read a moment ago, so this is what they say
        why = "a map that Postfix reads otherwise is not managed"
        return [Check(AREA, _TYPE, Verdict.FAILED, error.message, why, (error.hint,))]
    checks = [Check(AREA, _TYPE, Verdict.OK, f"this Postfix has {tools.type} maps")]
    try:
        records = (await reader.view()).records()
    except Unreadable as error:
        return [*checks, unknown(AREA, "lines of the map", error)]
    today = datetime.now(ZoneInfo(settings.timezone)).date()
    return [*checks, *check_lines(records, rules, tools, today)]
