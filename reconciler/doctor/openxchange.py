"""Open-Xchange: its tools or its SOAP service, its administrator, its rules, and tools that somebody left at work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from urllib.parse import urlsplit

from reconciler.doctor.check import Check, Verdict, unknown
from reconciler.doctor.context import DoctorContext
from reconciler.doctor.openxchange_rules import rules_checks, rules_unseen
from reconciler.errors import Unreadable
from reconciler.model.secrets import Passwords
from reconciler.remote.host import Completed, Host
from reconciler.setting_values import LOOPBACK
from reconciler.settings import OpenXchange
from reconciler.systems.openxchange.listuser_csv import Listed
from reconciler.systems.openxchange.provisioning import One, Provisioning
from reconciler.systems.openxchange.system import provisioning, sbin
from reconciler.systems.openxchange.tools import LOCALE, Tools
from reconciler.systems.system_context import SystemContext

AREA = "openxchange"
WRITING = ("createuser", "changeuser", "deleteuser")
# prints the names of the tools that are there and may be run
_EXECUTABLE = 'for tool; do [ -x "$tool" ] && [ -f "$tool" ] && echo "$tool"; done; true'


async def examine(context: DoctorContext) -> Sequence[Check]:
    """Raises Unreadable when its host cannot be reached, or the administrator's password is not to be found."""
    settings, section = context.settings, context.settings.openxchange
    if section is None:
        return ()
    made = SystemContext(settings=settings, hosts=context.hosts, mailer=context.mailer, passwords=Passwords())
    ox = provisioning(made, section)
    try:
        if settings.reads_only(section.host):
            return [await _credentials(ox, whole=True)]  # that login is answered one list, and nothing else
        return [check async for check in _checks(context.hosts.get(section.host), ox, section, sbin(settings, section))]
    finally:
        await ox.close()


async def _checks(host: Host, ox: Provisioning, section: OpenXchange, sbin: str) -> AsyncIterator[Check]:
    if isinstance(ox, Tools):
        present = await _tools(host, sbin)
        yield present
        if present.verdict is Verdict.OK:
            for check in (await _credentials(ox, whole=False), await _version(host, sbin), await _left_over(ox)):
                yield check
    else:
        yield await _credentials(ox, whole=False)
    elsewhere = section.soap_url is not None and urlsplit(section.soap_url).hostname not in LOOPBACK
    if section.host is None and elsewhere:
        yield rules_unseen(section)
        return
    for check in await rules_checks(host, sbin, section):
        yield check


async def _tools(host: Host, sbin: str) -> Check:
    names = [f"{sbin}/{tool}" for tool in ("listuser", *WRITING)]
    done = await host.run(["sh", "-c", _EXECUTABLE, "sh", *names], env=LOCALE, repeatable=True)
    if done.status:
        return unknown(AREA, "tools", _ended(host, "sh", done))
    there = done.stdout.decode("utf-8", "replace").splitlines()
    missing = [name for name in names if name not in there]
    if not missing:
        return Check(AREA, "tools", Verdict.OK, f"{sbin} has them, and the login may run them")
    saw = f"not there, or not to be run by this login: {', '.join(missing)}"
    fix = ("correct `openxchange.sbin` in the site file, or let the login run them (ls -l shows who may)",)
    return Check(AREA, "tools", Verdict.FAILED, saw, "no OX account can be read or changed without them", fix)


async def _credentials(ox: Provisioning, *, whole: bool) -> Check:
    """Lists the administrator, or the `whole` context; both need the right password and the right context."""
    name = f"administrator of {ox.words.where}"
    try:
        logins = await ox.read(_logins, One() if whole else One(ox.admin))
    except Unreadable as error:
        return Check(AREA, name, Verdict.FAILED, error.message, "no OX account can be read or changed", (error.hint,))
    if ox.admin in logins:
        return Check(AREA, name, Verdict.OK, f"{ox.admin} may log in, and is in the context")
    why = "OX shows no user of that login, and reconciler leaves the administrator alone by its login"
    fix = ("write the context administrator's login in `openxchange.admin`",)
    return Check(AREA, name, Verdict.WARNING, f"the password is right, but {ox.admin} is no user there", why, fix)


def _logins(users: Iterator[Listed]) -> list[str]:
    return [user.login for user in users]


# the option of a tool, and the release that brought it (facts/open-xchange.md 2.1, 3.1, 8)
_GENERATIONS = (
    ("changeuser", "--convert-drive-user-folders", "7.10.4 or later"),
    ("listuser", "--includeguests", "7.8 to 7.10"),
)


async def _version(host: Host, sbin: str) -> Check:
    """By the options that `--help` shows: no tool prints a version."""
    for tool, option, release in _GENERATIONS:
        done = await host.run([f"{sbin}/{tool}", "--help"], env=LOCALE, repeatable=True)
        if done.status:
            return unknown(AREA, "version", _ended(host, f"{tool} --help", done))
        extended = await host.run([f"{sbin}/{tool}", "--extendedoptions"], env=LOCALE, repeatable=True)
        if option.encode() in done.stdout + extended.stdout:
            return Check(AREA, "version", Verdict.OK, f"{release}, by the options of its tools")
    why = "the facts that reconciler rests on were read in 7.8 and later; what differs before it was not tried"
    fix = ("try a plan, and one apply on a test account",)
    return Check(AREA, "version", Verdict.WARNING, "older than 7.8, by the options of its tools", why, fix)


def _ended(host: Host, command: str, done: Completed) -> Unreadable:
    """About a command whose answer says nothing, since it ended badly."""
    said = done.stderr.decode("utf-8", "replace").strip()[:400] or "it gave no reason"
    hint = "run it there as the user who logs in"
    return Unreadable(f"{host.name}: {command} ended with status {done.status}: {said}", hint=hint)


async def _left_over(tools: Tools) -> Check:
    name = "tools at work"
    try:
        found = await tools.at_work()
    except Unreadable as error:
        return unknown(AREA, name, error)
    if not found:
        return Check(AREA, name, Verdict.OK, "none writes into this context now")
    saw = f"a tool writes into this context now: process {', '.join(found)}"
    why = "where no apply is running, one that died left it, and may yet bring back an old password; apply waits for it"
    fix = ("wait until it has ended, or look what it is, and end it there:", f"ps -fp {','.join(found)}")
    return Check(AREA, name, Verdict.WARNING, saw, why, fix)
