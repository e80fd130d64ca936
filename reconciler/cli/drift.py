"""`reconciler drift`: where the live systems differ from what git declares. Only reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.cli.exit_status import Status
from reconciler.cli.explain import Remembered, check_remembered, explained
from reconciler.cli.formats import Format, writers
from reconciler.cli.saved_plan import save
from reconciler.cli.site_session import open_site
from reconciler.cli.streams import say, write
from reconciler.cli.unattended import so_far
from reconciler.planning.command_status import plan_numbers, plan_status
from reconciler.planning.finding import Finding
from reconciler.planning.half_made import Remarks
from reconciler.planning.mail_flow_before_after import mail_flow_of
from reconciler.planning.plan import Plan
from reconciler.planning.plan_draft import Draft
from reconciler.policy.unmanaged import MOST, undeclared
from reconciler.report.json import plan_document


@dataclass(frozen=True, slots=True)
class DriftOptions:
    """What `drift` is asked for. `strict`: what nobody declares is named, too. `remember`: the file that knows since
    when. `quiet`: nothing is printed when there is nothing to say. `issue`: the forge is told."""

    strict: bool = False
    verbose: bool = False
    quiet: bool = False
    out: Path | None = None
    remember: Path | None = None
    issue: bool = False


async def drift(site: Path | None, state: Path | None, output: Format, asked: DriftOptions) -> Status:
    """Shows what has drifted, and saves it where that is asked for."""
    async with open_site(site, state) as opened:
        if asked.remember is not None:
            check_remembered(asked.remember, opened.site.site)
        drafted = await opened.draft(with_tables=True)
        remembered = Remembered(asked.remember)
        made = await explained(opened, drafted, verbose=asked.verbose, remembered=remembered)
    shown = _with_undeclared(made, drafted, None if output is Format.JSON else MOST, asked)
    so_far.counts.update(plan_numbers(shown))
    try:
        if asked.out is not None:
            save(_with_undeclared(made, drafted, None, asked), asked.out)
            if not asked.quiet:
                say(f"drift saved to {asked.out}; a page of it: reconciler report {asked.out} --html drift.html")
    finally:  # a full disk keeps nobody from seeing it
        write(writers(output).plan(shown, title="mail drift", verbose=asked.verbose))
    if asked.issue:  # what becomes of it changes neither what is shown nor what is saved
        from reconciler.cli.forge import keep_issue

        keep_issue(plan_document(_with_undeclared(made, drafted, None, asked)), quiet=asked.quiet)
    remembered.keep()
    return plan_status(shown)


def _with_undeclared(made: Plan, drafted: Draft, most: int | None, asked: DriftOptions) -> Plan:
    """With what `strict` names: at most so many of a kind, the others counted."""
    named = _undeclared(drafted, most) if asked.strict else ()
    return replace(made, purpose="drift", findings=(*made.findings, *named))


def _undeclared(drafted: Draft, most: int | None) -> tuple[Finding, ...]:
    """What git does not declare, with what is half-made of it."""
    assert drafted.tables is not None
    live = drafted.tables.live
    remarks = Remarks(live, mail_flow_of(live, drafted.context.chains, ()))
    return undeclared(drafted.unmanaged, most, remarks.named)
