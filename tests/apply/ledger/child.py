"""A process of its own that works with a ledger, to be killed or to race: `python -m tests.apply.ledger.child MODE`.

The database's URL is in the environment. It says `ready` and then waits for a line on standard input.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta

from sqlalchemy import Engine, make_url, text

from reconciler.apply.ledger import Ledger, Locked, open_engine
from reconciler.apply.ledger import prune as pruning
from tests.apply.ledger.house import ANNA, NOW, Clock, creation, opened

URL = "RECONCILER_TEST_LEDGER_URL"
EFFECT = "INSERT INTO domain (domain, description, transport) VALUES ('neu.example', '', 'virtual')"


async def race(ledger: Ledger, engine: Engine) -> None:
    """One of several that want the same lock at the same moment."""
    wait()
    try:
        lease = await ledger.acquire("technik", "mail.example", os.getpid(), ttl=timedelta(minutes=5))
    except Locked as error:
        say(f"locked by {error.by.pid}")
    else:
        say(f"fence {lease.fence}")


async def hold(ledger: Ledger, engine: Engine) -> None:
    """Begun, and not done."""
    run = await opened(ledger, creation(ANNA))
    await ledger.before(run, creation(ANNA)[:1])
    wait()


async def inside(ledger: Ledger, engine: Engine) -> None:
    """The effect and its journal row are written, and not committed."""
    run = await opened(ledger, creation(ANNA))
    await ledger.before(run, creation(ANNA)[:1])
    with engine.begin() as connection:
        connection.execute(text(EFFECT))
        ledger.done_in(connection, run, creation(ANNA)[:1])
        wait()


async def prune(ledger: Ledger, engine: Engine) -> None:
    """Everything is taken out, and not committed."""
    lease = await ledger.acquire("technik", "mail.example", os.getpid())
    pruning._compare = lambda *_: wait()
    await ledger.prune(lease, NOW + timedelta(days=100))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def wait() -> None:
    say("ready")
    sys.stdin.readline()


if __name__ == "__main__":
    engine = open_engine(make_url(os.environ[URL]))
    work = {"race": race, "hold": hold, "inside": inside, "prune": prune}[sys.argv[1]]
    asyncio.run(work(Ledger(engine, "nrw", clock=Clock()), engine))
