"""What a command does that nobody sits in front of: `--quiet`, `--ping`, `--ok-when-pending` (docs/monitoring.md).

The commands note here whom they are about and what they counted; the frame around them (`runner`) asks when they end.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from reconciler.cli.exit_status import Status
from reconciler.cli.formats import Format
from reconciler.cli.streams import drop_held, hold_back, release, say, write
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.cli.ping import Ping

_WORDS: Mapping[Status, str] = {
    Status.DONE: "done",
    Status.BUG: "unexpected error, a bug in reconciler",
    Status.USAGE: "wrong usage, or a file that cannot be read or written",
    Status.INVALID: "the declared state is invalid",
    Status.PENDING: "changes are pending",
    Status.REFUSED: "a gate refuses something",
    Status.STALE: "the plan is stale",
    Status.LOCKED: "locked by another run",
    Status.PARTLY: "partly applied",
    Status.UNREADABLE: "a system could not be read",
}


@dataclass(slots=True)
class SoFar:
    """What is known of the command by now. `counts` has no names; `changed`: it began to carry out something."""

    site: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    changed: bool = False


so_far = SoFar()
"""Of the command of this process."""


def begin_anew() -> None:
    """Forgets what an earlier command of this process noted; only tests run several."""
    so_far.site, so_far.changed = "", False
    so_far.counts.clear()


@dataclass(frozen=True)
class Unattended:
    """What was asked for. `name` is the command, `asks` whether it may have a question."""

    name: str
    output: Format = Format.TEXT
    quiet: bool = False
    ping: str | None = None
    ok_when_pending: bool = False
    asks: bool = False

    def begins(self) -> None:
        """Before the command does anything. Raises UsageError."""
        begin_anew()
        if self.quiet and self.asks:
            raise UsageError("--quiet prints no question", hint="add --yes")
        if self.quiet:
            hold_back()
        if self._ping:
            self._ping.start()

    def ended(self, status: Status) -> Status:
        """The exit status that the process has. Whatever was held back is printed, unless there is nothing to say."""
        if self._ping:
            self._ping.end(status, self._summary(status))
        if self.quiet:
            self._let_out(status)
        return Status.DONE if self.ok_when_pending and status is Status.PENDING else status

    @cached_property
    def _ping(self) -> Ping | None:
        if not self.ping:
            return None
        from reconciler.cli.ping import Ping  # HTTP takes a while to import

        return Ping(self.ping, quiet=self.quiet)

    def _let_out(self, status: Status) -> None:
        if status is Status.DONE and not so_far.changed:
            drop_held()
            return
        head = f"{socket.gethostname()}: {self._headline(status)}"
        release((say if self.output is Format.JSON else write, head))

    def _headline(self, status: Status) -> str:
        """`reconciler drift, site nrw: drift was found (exit status 4)`."""
        of = f", site {so_far.site}" if so_far.site else ""
        words = "drift was found" if self.name == "drift" and status is Status.PENDING else _WORDS[status]
        return f"reconciler {self.name}{of}: {words} (exit status {int(status)})"

    def _summary(self, status: Status) -> str:
        """For a ping: how it ended, and numbers."""
        counted = "".join(f"{name}: {number}\n" for name, number in so_far.counts.items())
        return f"{self._headline(status)}\n{counted}"
