"""`apply --out FILE`, `resume --out FILE`: the document of the run, for reports. It is there whatever happens: from
before the first effect it says that nobody knows how the run ended, until the run says so itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from reconciler.cli.exit_status import Status, status_of
from reconciler.cli.saved_plan import write_private
from reconciler.cli.site_session import SiteSession
from reconciler.cli.streams import say
from reconciler.errors import InvalidInput, ReconcilerError, UsageError
from reconciler.planning.binding import Binding
from reconciler.planning.command_status import plan_status
from reconciler.planning.finding import Finding
from reconciler.planning.plan import Plan
from reconciler.planning.run_outcome import Run
from reconciler.report.json import run_json, written
from reconciler.report.run_without_end import run_without_end


class RunFile:
    """Writes nothing where no file was asked for. Every method raises UsageError when the file cannot be written."""

    def __init__(self, out: Path | None) -> None:
        self._out = out
        self._started = datetime.now(UTC)
        self._zone: tzinfo = UTC
        self._site = self._commit = self._plan = ""
        self._told = False
        self._without_end(
            Status.PARTLY, "the command ended before it began a run: nothing was changed", "reconciler plan"
        )

    def opened(self, site: SiteSession) -> None:
        """From now on it is known which site this is about."""
        self._site, self._commit = site.site.site, site.context.desired.commit
        self._zone = ZoneInfo(site.site.timezone)

    def begins(self, plan: Plan) -> None:
        """Before the first effect. Who cannot write the file changes nothing."""
        self._plan = plan.digest
        message, hint = "the run was begun, and did not say how it ended", "reconciler resume"
        self._without_end(Status.PARTLY, message, hint, interrupted=True)

    def ended(self, run: Run) -> None:
        """How it ended; also a run of nothing."""
        self._told = True
        if self._out is not None:
            write_private(self._out, run_json(run), "reconciler apply")

    def nothing(self, plan: Plan, binding: Binding | None = None) -> Run:
        """There was nothing to do, or nothing that may be done: a run of nothing."""
        now = datetime.now(self._zone)
        run = Run(plan, now, now, (), binding=binding)
        self.ended(run)
        return run

    def declined(self, plan: Plan) -> None:
        """Somebody was asked, and did not agree."""
        self._told, self._plan = True, plan.digest
        self._without_end(plan_status(plan), "nobody agreed to it: nothing was changed", "reconciler plan")

    def cancelled(self, message: str, hint: str) -> None:
        """Somebody ended it in the middle."""
        self._told = True
        self._without_end(Status.PARTLY, message, hint, interrupted=True)

    def failed(self, error: BaseException) -> None:
        """The command ends with this error. What a run said of itself before stays."""
        if self._told:
            return
        if isinstance(error, InvalidInput):
            self._without_end(Status.INVALID, error.message, "reconciler validate", findings=error.findings)
        elif isinstance(error, ReconcilerError):
            self._without_end(status_of(error), error.message, error.hint)
        else:
            words = f"unexpected error: {type(error).__name__}"
            self._without_end(Status.BUG, words, "reconciler history", interrupted=bool(self._plan))

    def _without_end(
        self,
        status: Status,
        message: str,
        hint: str,
        *,
        findings: tuple[object, ...] = (),
        interrupted: bool = False,
    ) -> None:
        if self._out is None:
            return
        document = run_without_end(
            self._site,
            self._commit,
            (self._started.astimezone(self._zone), datetime.now(self._zone)),
            status=status,
            error=(message, hint),
            plan=self._plan,
            findings=cast("tuple[Finding, ...]", findings),
            interrupted=interrupted,
        )
        write_private(self._out, written(document), "reconciler apply")


@contextmanager
def run_file(out: Path | None) -> Iterator[RunFile]:
    """The document of this command. An error goes on its way once it is written down."""
    file = RunFile(out)
    try:
        yield file
    except BaseException as error:
        try:
            file.failed(error)
        except UsageError as unwritten:
            say(f"error: {unwritten.message}")
        raise
