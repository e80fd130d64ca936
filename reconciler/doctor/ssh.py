"""The hosts that are reached over SSH: the login, what it prints, how many commands may run at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from reconciler.doctor.check import Check, Verdict, unknown
from reconciler.doctor.context import DoctorContext
from reconciler.doctor.site_hosts import host_names
from reconciler.errors import ReconcilerError
from reconciler.settings import Settings

AREA = "ssh"
_BESIDE = 2
"""Commands beside OX' tools: what reads the sender map."""


async def examine(context: DoctorContext) -> Sequence[Check]:
    """All hosts at once; one that does not answer holds no other up."""
    found = await asyncio.gather(*(_host(context, name) for name in host_names(context.settings)))
    return [check for checks in found for check in checks]


async def _host(context: DoctorContext, name: str) -> list[Check]:
    # only when it is needed: asyncssh takes a quarter of a second
    from reconciler.remote.ssh_host import SESSIONS
    from reconciler.remote.ssh_sessions import look_at_login, look_at_sessions

    login, wanted = context.hosts.login(name), min(sessions_wanted(context.settings, name), SESSIONS)
    works = Check(AREA, f"login on {name}", Verdict.OK, "the host key is the one in known_hosts, and the key logs in")
    try:
        if context.settings.reads_only(name):  # it runs a fixed list of commands, which the other areas ask for
            await look_at_login(name, login)
            return [works]
        seen = await look_at_sessions(name, login, wanted)
    except ReconcilerError as error:
        return [unknown(AREA, works.name, error)]
    return [works, noise_check(name, seen.noise), sessions_check(name, seen.opened, wanted)]


def sessions_wanted(settings: Settings, name: str) -> int:
    """Commands that run on the host at the same time at most."""
    section = settings.openxchange
    if section is None or section.host != name or section.soap_url is not None:
        return _BESIDE
    return _BESIDE + section.parallel


def noise_check(name: str, noise: int) -> Check:
    """`noise`: bytes that the login prints before each command."""
    check = f"login shell on {name}"
    if not noise:
        return Check(AREA, check, Verdict.OK, "prints nothing of its own")
    why = "reconciler tells it from answers; scp, rsync and other people's scripts do not"
    fix = (
        "print only in interactive shells: put what prints in ~/.bashrc, /etc/bash.bashrc and the like behind",
        _GUARD,
    )
    return Check(AREA, check, Verdict.WARNING, f"prints {noise} bytes before each command", why, fix)


_GUARD = "case $- in *i*) ;; *) return;; esac"


def sessions_check(name: str, opened: int, wanted: int) -> Check:
    """How many sessions one connection gets, of those that would be used."""
    check = f"sessions on {name}"
    if opened >= wanted:
        return Check(AREA, check, Verdict.OK, f"{wanted} commands may run at the same time, as many as are used")
    why = "commands wait for each other, and many accounts take long; without any session nothing can be done"
    fix = (
        f"write in /etc/ssh/sshd_config there (or lower openxchange.parallel to {max(opened - _BESIDE, 1)}):",
        f"MaxSessions {max(10, wanted)}",
    )
    verdict = Verdict.WARNING if opened else Verdict.FAILED
    return Check(AREA, check, verdict, f"sshd gives {opened} sessions on one connection, {wanted} are used", why, fix)
