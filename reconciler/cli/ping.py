"""`--ping URL`: tells a watchdog like Healthchecks that a job began and how it ended.

The address of a check is a secret of a kind: who knows it can make a dead job look alive. Only its host is printed. A
ping that fails changes no exit status, and two of them together keep a command waiting for ten seconds at most.
"""

from __future__ import annotations

import threading
import uuid
from urllib.parse import urlsplit

from reconciler.cli.exit_status import Status
from reconciler.cli.streams import say
from reconciler.forge.ping import send_ping

SECONDS = 5.0
"""For one ping, with everything that belongs to it."""

_SUCCESSES = (Status.DONE, Status.PENDING)
"""That there is something to apply is no failure of the job that found it."""


class Ping:
    """The pings of one command to one check; a complaint comes once."""

    def __init__(self, url: str, *, quiet: bool) -> None:
        self._url, self._complains = url, not quiet
        self._run = str(uuid.uuid4())

    def start(self) -> None:
        """The command begins."""
        self._send("start", "")

    def end(self, status: Status, summary: str) -> None:
        """It ended so. Pending changes and drift count as success; the summary says their status."""
        code = Status.DONE if status in _SUCCESSES else status
        self._send(str(int(code)), summary)

    def _send(self, what: str, body: str) -> None:
        failed = ["no answer in time"]

        def ask() -> None:
            failed[0] = send_ping(self._url, what, body, run=self._run, seconds=SECONDS)

        # a thread, since no timeout of ours ends the search for a name; as a daemon it keeps nobody from leaving
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(SECONDS)
        if failed[0] and self._complains:
            self._complains = False
            say(f"the ping to {self._host()} failed: {failed[0]}; that changes no exit status")

    def _host(self) -> str:
        try:
            return urlsplit(self._url).hostname or "its check"
        except ValueError:
            return "its check"
