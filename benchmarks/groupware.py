"""`python -m benchmarks.groupware`: new accounts in OX by its tools and over SOAP, on the stand-in.

Each call of a tool waits as long as a JVM takes to start. Of the tools a sample is made and scaled to as many accounts:
each is a process of its own, `--parallel` at once, so that the time is in proportion. What is measured is `perform`
without its two lists, which do not grow with the accounts that are made. Mailboxes, ledger and letters are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from reconciler.model.declared import DesiredState
from reconciler.model.records import OxUserRow
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Action, Change, Result, Stage, Step
from reconciler.planning.plan_context import PlanContext
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.outbox import OutboxMailer
from reconciler.sandbox.openxchange.control import set_switches
from reconciler.sandbox.openxchange.install import install
from reconciler.sandbox.openxchange.soap import PATH
from reconciler.settings import OpenXchange, Settings
from reconciler.systems.openxchange.system import build
from reconciler.systems.system_context import SystemContext

ENV = "RECONCILER_BENCH_OX_PASSWORD"


class Times(NamedTuple):
    """What was measured, in seconds."""

    accounts: int
    over_soap: float
    sample: int
    by_tools: float
    """Of the sample."""

    @property
    def ratio(self) -> float:
        """How many times as long the tools take for one account."""
        return (self.by_tools / self.sample) / (self.over_soap / self.accounts)


def measured(accounts: int, sample: int, *, start: float, parallel: int) -> Times:
    """Makes that many accounts over SOAP, and a sample by tools that take `start` seconds before they do anything."""
    by_tools = _timed(sample, start, OpenXchange(sbin="ox/sbin", admin_password_env=ENV, parallel=parallel))
    over_soap = _timed(accounts, start, OpenXchange(sbin="none", admin_password_env=ENV, soap_url="http://127.0.0.1/"))
    return Times(accounts, over_soap, sample, by_tools)


def _timed(accounts: int, start: float, section: OpenXchange) -> float:
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as name:
        folder = Path(name)
        os.environ[ENV] = secrets.token_urlsafe(12)
        install(folder / "ox", admin_password=os.environ[ENV])
        set_switches(folder / "ox", start_seconds=start)
        if section.soap_url is None:
            return asyncio.run(_made(accounts, folder, section))
        command = [sys.executable, "-m", "reconciler.sandbox.openxchange", "serve", str(folder / "ox")]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            try:
                url = f"http://127.0.0.1:{port}{PATH}"
                return asyncio.run(_made(accounts, folder, section.model_copy(update={"soap_url": url})))
            finally:
                server.terminate()


async def _made(accounts: int, folder: Path, section: OpenXchange) -> float:
    settings = Settings(site="bench", openxchange=section, folder=folder)
    system = build(SystemContext(settings, SiteHosts({}), OutboxMailer(folder), Passwords()))
    assert system is not None
    steps = [_creation(number) for number in range(accounts)]
    begun = time.monotonic()
    await system.observe()
    listed = time.monotonic()
    outcomes = await system.perform(PlanContext.of(DesiredState(date.today())), steps)
    done = time.monotonic()
    await system.observe()
    lists = listed - begun + time.monotonic() - done
    await system.close()
    assert {outcome.result for outcome in outcomes} == {Result.DONE}, outcomes[0]
    return done - listed - lists


def _creation(number: int) -> Step:
    address, name = f"neu{number}@pirat.example", f"Vorname Neu{number}"
    row = OxUserRow(
        key=address,
        account=address,
        login=f"neu{number}",
        display_name=name,
        given_name="Vorname",
        surname=f"Neu{number}",
        primary=address,
        email1=address,
        default_sender=address,
        imap_login=address,
        aliases=(address,),
    )
    change = Change("openxchange", "ox_user", Action.CREATE, row.key, None, row, row.owner)
    return Step(change, Stage.GROUPWARE)


def main(arguments: Sequence[str]) -> None:
    """Prints what was measured."""
    options = _parser().parse_args(arguments)
    times = measured(options.accounts, options.sample, start=options.start, parallel=options.parallel)
    each, other = times.by_tools / times.sample, times.over_soap / times.accounts
    sys.stdout.write(
        f"{times.accounts} accounts over SOAP: {times.over_soap:.1f} s, {1000 * other:.1f} ms each\n"
        f"{times.sample} accounts by tools, {options.parallel} at once, {options.start:g} s of start a call: "
        f"{times.by_tools:.1f} s, {1000 * each:.0f} ms each: {each * times.accounts:.0f} s for {times.accounts}\n"
        f"by tools in {times.ratio:.0f} × the time\n"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.groupware",
        description="New accounts in OX by its tools and over SOAP, on the stand-in.",
        epilog="example: python -m benchmarks.groupware --accounts 1000 --sample 80",
    )
    parser.add_argument("--accounts", type=int, default=1000, help="how many are made over SOAP")
    parser.add_argument("--sample", type=int, default=80, help="how many are made by tools")
    parser.add_argument("--start", type=float, default=1.2, help="seconds that each call of a tool takes to start")
    parser.add_argument("--parallel", type=int, default=4, help="tools at once (`openxchange.parallel`)")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
