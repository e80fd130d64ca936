"""`reconciler ledger …` and `reconciler unlock`: the tables of the ledger, and a lock that a dead run left."""

from __future__ import annotations

import sys
from pathlib import Path

from reconciler.apply import session as apply_session
from reconciler.apply.ledger import Holder
from reconciler.cli.exit_status import Status
from reconciler.cli.invoker import operator
from reconciler.cli.site_ledger import opened_ledger
from reconciler.cli.streams import say
from reconciler.cli.terminal import confirmed
from reconciler.declared.site_file.load import load_site
from reconciler.errors import UsageError


async def init(site: Path | None) -> Status:
    """Makes the tables."""
    async with opened_ledger(load_site(site), create=True) as ledger:
        await ledger.init()
    say("the ledger is ready\nnext: reconciler plan")
    return Status.DONE


async def upgrade(site: Path | None) -> Status:
    """Brings the tables of an older release up to date."""
    async with opened_ledger(load_site(site)) as ledger:
        changed = await apply_session.upgrade(ledger, operator())
    say("the ledger is up to date" + ("\nnext: reconciler plan" if changed else " already"))
    return Status.DONE


async def check(site: Path | None) -> Status:
    """Checks the tables."""
    async with opened_ledger(load_site(site)) as ledger:
        await ledger.check()
    say("the ledger is as it should be")
    return Status.DONE


async def unlock(site: Path | None, *, yes: bool) -> Status:
    """Takes the lock away, after asking."""
    async with opened_ledger(load_site(site)) as ledger:
        holder = await ledger.holder()
        if holder is None:
            say("nobody holds the lock")
            return Status.DONE
        say(_described(holder))
        if not yes and not sys.stdin.isatty():
            hint = "make sure that this run is dead, then: reconciler unlock --yes"
            raise UsageError("confirmation needs a terminal", hint=hint)
        question = "Is that run dead, and shall the lock be taken away?"
        if holder.alive:
            question = "That run is alive: it ends before its next effect. Shall the lock be taken away?"
        if not yes and not await confirmed(question):
            say("the lock was left")
            return Status.LOCKED
        if await ledger.break_lock(holder):
            say("unlocked\nnext: reconciler resume")
            return Status.DONE
        say("somebody else holds it by now; run this again to see who")
        return Status.LOCKED


def _described(holder: Holder) -> str:
    run = f", run {holder.run}" if holder.run is not None else ""
    since, until = (f"{moment:%Y-%m-%d %H:%M:%S} UTC" for moment in (holder.since, holder.expires))
    sign = "expired at" if holder.expired else "expires without a new heartbeat at"
    alive = {True: "; its process is alive", False: "; its process is dead", None: ""}[holder.alive]
    return (
        f"locked by {holder.holder} on {holder.host} (process {holder.pid}{run}) since {since}; {sign} {until}{alive}"
    )
