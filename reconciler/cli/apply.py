"""`reconciler apply`: shows the plan, asks, carries it out, reads back."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from reconciler.apply.session import Session
from reconciler.cli.chosen_part import part_of
from reconciler.cli.exit_status import Status
from reconciler.cli.formats import Format, writers
from reconciler.cli.run_file import RunFile, run_file
from reconciler.cli.saved_plan import read_saved, refuse_used, reviewed, the_reviewed
from reconciler.cli.site_session import SiteSession, open_site
from reconciler.cli.streams import say, write, write_beside
from reconciler.cli.terminal import confirmed, errors
from reconciler.cli.unattended import so_far
from reconciler.errors import UsageError
from reconciler.model.records import Owner
from reconciler.planning.binding import Binding, BoundTo
from reconciler.planning.command_status import plan_numbers, plan_status, run_numbers, run_status
from reconciler.planning.ledger_state import FINISHED
from reconciler.planning.plan import Plan
from reconciler.planning.plan_draft import Draft, Selection
from reconciler.planning.run_outcome import Progress as OnProgress
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.text import plan_question
from reconciler.workflow import apply as carry_out


async def apply(
    site: Path | None,
    state: Path | None,
    output: Format,
    *,
    saved: Path | None,
    yes: bool,
    out: Path | None = None,
    only: Sequence[str] = (),
) -> Status:
    """Carries out the plan, or the part that is asked for, or what was saved of one."""
    if saved is not None and only:
        hint = "save that part alone: reconciler plan --only … --out FILE"
        raise UsageError("a saved plan is carried out as a whole", hint=hint)
    selection = part_of(only)
    document = read_saved(saved) if saved is not None else None
    with run_file(out) as file:
        async with open_site(site, state) as opened, opened.session() as session:
            file.opened(opened)
            say_taken_over(session)
            if document is None:
                drafted = await opened.draft(selection, writing=True)
            else:
                await refuse_used(document, session.ledger)
                drafted = the_reviewed(document, await opened.draft(Selection(reviewed(document)), writing=True))
                _say_what_differs(document, drafted)
            return await carry_through(opened, session, drafted, output, partial(agreed, yes=yes), file=file)


async def resume(
    site: Path | None, state: Path | None, output: Format, *, yes: bool, out: Path | None = None
) -> Status:
    """Carries out what earlier runs left."""
    with run_file(out) as file:
        async with open_site(site, state) as opened, opened.session() as session:
            file.opened(opened)
            say_taken_over(session)
            left = await left_undone(opened, session)
            if not left.anything:
                say("no run was left unfinished\nnext: reconciler plan")
                empty = (await opened.draft(Selection(owners=frozenset()))).only(())
                file.nothing(empty.plan)
                if output is Format.JSON:
                    write(writers(output).plan(empty.plan, title="mail plan"))
                return Status.DONE
            drafted = (await opened.draft(Selection(owners=left.owners), writing=True)).only(left.owners, left.noted)
            return await carry_through(opened, session, drafted, output, partial(agreed, yes=yes), file=file)


class LeftUndone(NamedTuple):
    """Whom earlier runs left with something to do; `noted` are all whom the last of these was about: a run that died
    after its last effect has not noted whose accounts they are."""

    owners: frozenset[Owner]
    noted: frozenset[Owner]
    anything: bool


async def left_undone(opened: SiteSession, session: Session) -> LeftUndone:
    """By the ledger; and says of which runs."""
    left = await session.ledger.left_open()
    owners = frozenset(step.owner for step in left.steps if step.state not in FINISHED) if left else frozenset()
    chains, mailboxes = opened.context.chains, opened.context.desired.mailboxes
    half_way = await session.ledger.half_way()
    # those whose account git declares, under whatever address it has by now
    earlier = frozenset(owner for owner in half_way - owners if chains.of(owner.subject) in mailboxes)
    if left is not None:
        who = f"{left.who} on {left.host}"
        say(f"run {left.id} of {left.started:%Y-%m-%d %H:%M} UTC by {who} was left unfinished")
    if earlier:
        names = ", ".join(sorted(owner.subject for owner in earlier)[:5])
        others = " and others" if len(earlier) > 5 else ""
        say(f"earlier runs left half-way, with passwords or letters: {names}{others}")
    noted = frozenset(step.owner for step in left.steps) if left else frozenset()
    return LeftUndone(owners | earlier, noted, left is not None or bool(earlier))


async def carry_through(
    opened: SiteSession,
    session: Session,
    drafted: Draft,
    output: Format,
    agreed: Callable[[Plan], Awaitable[bool]],
    *,
    file: RunFile | None = None,
    binding: Binding | None = None,
) -> Status:
    """Shows the plan, asks whether somebody `agreed`, carries it out and reports. What was reviewed is noted as a run
    also when there is nothing to do: from then on its commit counts as reviewed (`due_apply`)."""
    left = len(binding.left) + len(binding.differing) if binding else 0
    made, file = replace(drafted.plan, left=left), file or RunFile(None)
    noted = binding is not None and binding.to is BoundTo.REVIEW and not binding.differing
    so_far.counts.update(plan_numbers(made))
    beside = Format.TEXT if output is Format.JSON else output
    (write_beside if output is Format.JSON else write)(writers(beside).plan(made, title="mail apply"))
    if made.open_transitions and not await agreed(made):
        say("nothing was changed")
        file.declined(made)
        return plan_status(made)
    if not made.open_transitions and (made.stopped or not (drafted.adopted or drafted.people or noted)):
        nothing = file.nothing(made, binding)
        if output is Format.JSON:
            write(writers(output).plan(made, title="mail plan"))
        return run_status(nothing)
    file.begins(made)
    so_far.changed = True
    with _progress() as progress, _stoppable() as stopping:
        try:
            run = await carry_out(
                drafted, opened.systems, session, clock=opened.clock, progress=progress, stop=stopping.stop
            )
        except asyncio.CancelledError:
            if not stopping.twice:
                raise
            stopping.task.uncancel()
            words = "cancelled: it is not known whether the steps under way took effect"
            say(f"{words}\nnext: reconciler resume")
            file.cancelled(words, "reconciler resume")
            return Status.PARTLY
    run = replace(run, binding=binding)
    file.ended(run)
    so_far.counts.update(run_numbers(run))
    so_far.changed = bool(run.transitions)
    if run.transitions or output is not Format.TEXT:
        write(writers(output).run(run))
    return run_status(run)


def say_taken_over(session: Session) -> None:
    """Whose lock this command has taken over, if anybody's."""
    dead = session.lease.after
    if dead is not None:
        run = f" in run {dead.run}" if dead.run is not None else ""
        since = f"{dead.since:%Y-%m-%d %H:%M:%S} UTC"
        say(
            f"the lock that {dead.holder} on {dead.host} took{run} at {since} is taken over: "
            f"its process {dead.pid} on this host is dead"
        )


def _say_what_differs(document: PlanDocument, drafted: Draft) -> None:
    """What is in place already is skipped, what nobody reviewed is left."""
    done = sum(len(t.steps) for t in document.transitions) - sum(len(t.steps) for t in drafted.plan.transitions)
    if done:
        say(f"{done} of the steps that were reviewed {'is' if done == 1 else 'are'} in place already")
    if document.commit != drafted.plan.commit:
        was, now = (commit[:12] or "no commit" for commit in (document.commit, drafted.plan.commit))
        say(f"the plan was made from {was}, the declared state is of {now}; what it touches is as it was reviewed")
    if drafted.apart:
        named = ", ".join(f"{owner.scope} {owner.subject}" for owner in drafted.apart[:5])
        more = f" and {len(drafted.apart) - 5} more" if len(drafted.apart) > 5 else ""
        one = len(drafted.apart) == 1
        say(
            f"{len(drafted.apart)} {'change is' if one else 'changes are'} pending that this plan does not hold: "
            f"{named}{more}; {'it is' if one else 'they are'} left, next: reconciler plan"
        )


async def agreed(made: Plan, *, yes: bool) -> bool:
    """Whether the plan is to be carried out: said beforehand, or on the terminal. Raises UsageError."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("confirmation needs a terminal", hint="look at the plan, then run: reconciler apply --yes")
    return await confirmed(plan_question(made))


@contextmanager
def _progress() -> Iterator[OnProgress]:
    """A bar on a terminal; nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)


class _StopRequests:
    """The signals that this run received."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task = task
        self.stop = asyncio.Event()
        self.twice = False

    def again(self) -> None:
        """The first ends the run before its next effect; the second cancels what is under way."""
        if not self.stop.is_set():
            say("stopping after the steps that are under way … (once more cancels them)")
            self.stop.set()
        elif not self.twice:
            say("cancelling what is under way …")
            self.twice = True
            self.task.cancel()


@contextmanager
def _stoppable() -> Iterator[_StopRequests]:
    """Handles SIGINT and SIGTERM while the block runs."""
    task = asyncio.current_task()
    assert task is not None
    stopping = _StopRequests(task)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.again)
    try:
        yield stopping
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
