"""What the login on the mail host may do as root: no less than `apply` needs for the sender map, and no more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from reconciler.doctor.check import Check, Verdict
from reconciler.doctor.context import DoctorContext, Role
from reconciler.errors import Unreadable, UsageError
from reconciler.remote.host import PLAIN, Completed, Host
from reconciler.settings import Postfix
from reconciler.systems.postfix.queue_tools import QueueTools
from reconciler.systems.postfix.sudoers import sudoers_lines
from reconciler.systems.postfix.tools import SUDO, Tools, sudoers_line

AREA = "sudoers"
_FILE = "/etc/sudoers.d/reconciler"
_VISUDO = "/usr/sbin/visudo"


class Rights(NamedTuple):
    """What a login may run as root without a password."""

    user: str
    commands: tuple[str, ...]
    """As sudo lists them, without sudoers' backslashes."""


async def examine(context: DoctorContext) -> Sequence[Check]:
    """Nothing where the site file has no `postfix`, or the login lists and cannot do anything else. Raises
    Unreadable."""
    section = context.settings.postfix
    if section is None or context.settings.reads_only(section.host):
        return ()
    host = context.hosts.get(section.host)
    user = await _printed(host, ("/usr/bin/id", "-un"))
    if section.privilege == "direct":
        return [await _direct(host, Tools(section), context.role)]
    if user == "root":
        saw = f"{host.name}: the login is root's, and needs no sudo"
        why = "whoever has its key can do everything there, and a mistake of reconciler's too"
        return [Check(AREA, "login", Verdict.WARNING, saw, why, (_LESS,))]
    rights = Rights(user, await _listed(host))
    return [*await _enough(host, section, rights, context.role), _not_too_much(section, rights)]


_LESS = "make a user of its own for it, whose sudoers lines docs/postfix.md has"


async def _direct(host: Host, tools: Tools, role: Role | None) -> Check:
    """`privilege: direct`: the login writes the folder itself."""
    name = "writing the map"
    if not await _says_yes(host, ("/usr/bin/test", "-w", tools.folder)):
        if role is Role.PLANNER:
            return Check(AREA, name, Verdict.OK, f"{tools.folder} cannot be written, as it should be for a planner")
        fix = ("write `privilege: sudo` in the site file, or give that folder to the user who logs in",)
        verdict = Verdict.FAILED if role is Role.APPLIER else Verdict.WARNING
        return Check(AREA, name, verdict, f"{tools.folder} cannot be written", "apply cannot change a block", fix)
    if role is Role.PLANNER:
        fix = ("let the planner log in as somebody else: docs/remote.md",)
        saw, why = f"{tools.folder} can be written", "a merge request that nobody has read can change the map"
        return Check(AREA, name, Verdict.WARNING, saw, why, fix)
    return Check(AREA, name, Verdict.OK, f"{tools.folder} can be written")


async def _listed(host: Host) -> tuple[str, ...]:
    """Empty where sudo asks for a password: it then says nothing at all."""
    # as wide as can be: sudo breaks lines, and the list could not be put together again
    done = await host.run((SUDO, "-n", "-ll"), env={**PLAIN, "COLUMNS": "9999"}, repeatable=True)
    text, said = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace").strip()
    if done.status and not re.search(r"password is required|not allowed|may not run", said + text):
        raise Unreadable(f"{host.name}: sudo does not say what it allows: {said}", hint="install sudo there")
    # a tab is before each command, and blanks before everything else
    commands = (line.strip() for line in text.splitlines() if line.startswith("\t"))
    return tuple(re.sub(r"\\(.)", r"\1", command) for command in commands)


async def _enough(host: Host, section: Postfix, rights: Rights, role: Role | None) -> list[Check]:
    name = f"what {rights.user} needs for the map"
    needed = Tools(section).privileged
    missing = [argv for argv in needed if not await _allows(host, argv)]
    if not missing:
        if role is Role.PLANNER:
            saw, why = (
                "sudo allows the commands that change the map",
                "a merge request that nobody has read can use them",
            )
            return [Check(AREA, name, Verdict.WARNING, saw, why, (f"take the lines of {rights.user} out of sudoers",))]
        return [Check(AREA, name, Verdict.OK, f"sudo allows all {len(needed)} commands")]
    if role is Role.PLANNER and len(missing) == len(needed):
        return [Check(AREA, name, Verdict.OK, "sudo allows none of the commands, as it should be for a planner")]
    short = "none of them is" if len(missing) == len(needed) else f"{len(missing)} of {len(needed)} are not"
    none_asked = role is None and len(missing) == len(needed)
    verdict = Verdict.WARNING if none_asked else Verdict.FAILED
    saw = f"{short} allowed" + ("" if len(missing) == len(needed) else f": {sudoers_line(missing[0])}")
    return [Check(AREA, name, verdict, saw, "apply cannot change a block", await _lines(host, section, rights.user))]


async def _lines(host: Host, section: Postfix, user: str) -> tuple[str, ...]:
    """The whole file, as visudo on that host takes it."""
    try:
        lines = sudoers_lines(section, user)
    except UsageError as error:
        return (error.message, error.hint)
    done = await host.run((_VISUDO, "-cf", "-"), stdin="".join(f"{line}\n" for line in lines).encode(), env=PLAIN)
    said = done.stderr.decode("utf-8", "replace").strip() or f"status {done.status}"
    checked = "visudo there takes it" if done.status == 0 else f"visudo there does not take it ({said})"
    return (f"put this into {_FILE} (owner root, mode 0440; {checked}), then run `visudo -c`:", *lines)


async def _allows(host: Host, argv: Sequence[str]) -> bool:
    return await _says_yes(host, (SUDO, "-n", "-l", *argv))


async def _says_yes(host: Host, argv: Sequence[str]) -> bool:
    """By the status: 0 is yes, 1 is no. Raises Unreadable for any other, which is no answer."""
    done = await host.run(argv, env=PLAIN, repeatable=True)
    if done.status in (0, 1):
        return done.status == 0
    raise _no_answer(host, argv, done)


def _not_too_much(section: Postfix, rights: Rights) -> Check:
    name = f"what {rights.user} may do beside that"
    known = [*Tools(section).privileged, *QueueTools(section).privileged.values()]
    ours = {" ".join(argv) for argv in known}
    others = [command for command in rights.commands if command not in ours]
    if not others:
        return Check(AREA, name, Verdict.OK, "nothing without a password")
    everything = "ALL" in others
    saw = "everything (`ALL`)" if everything else "; ".join(others)
    why = "whoever has this login's key can do that too"
    return Check(AREA, name, Verdict.WARNING, saw, why, (f"take it out of the sudoers lines of {rights.user}",))


async def _printed(host: Host, argv: Sequence[str]) -> str:
    done = await host.run(argv, env=PLAIN, repeatable=True)
    if done.status:
        raise _no_answer(host, argv, done)
    return done.stdout.decode("utf-8", "replace").strip()


def _no_answer(host: Host, argv: Sequence[str], done: Completed) -> Unreadable:
    said = done.stderr.decode("utf-8", "replace").strip() or f"status {done.status}"
    return Unreadable(f"{host.name}: {argv[0]}: {said}", hint="run it there as the user who logs in")
