"""`--quiet`, `--ping`, `--ok-when-pending`: a command that nobody sits in front of (docs/monitoring.md)."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from reconciler.cli import drift as drift_module
from reconciler.cli import ping
from tests.cli.conftest import Command
from tests.cli.running import COMMAND
from tests.cli.site import ANNA, ANNA_DECLARED, BERND_DECLARED, DOMAIN, OX_ENV, OX_PASSWORD, StandInSite

HOST = socket.gethostname()
REFUSED = "carla.neu: {given_name: Carla, surname: Neu, member: 99999}"


DRIPS = 0
"""An answer that never comes to its end, byte by byte."""


class Pinged(NamedTuple):
    """One request: what stands behind the check's address, and its body."""

    what: str
    run: str
    body: str


class Watchdog:
    """A server that answers as Healthchecks does; `answer` is its HTTP status, None for no answer at all."""

    def __init__(self) -> None:
        self.answer: int | None = 200
        self.pinged: list[Pinged] = []
        self.leave = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = urlsplit(self.path)
                assert asked.path.startswith("/5f1e-secret/")
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.pinged.append(Pinged(asked.path.split("/", 2)[2], parse_qs(asked.query)["rid"][0], body))
                if outer.answer is None:
                    outer.leave.wait(20)
                elif outer.answer == DRIPS:
                    with suppress(OSError):
                        while not outer.leave.wait(0.05):
                            self.wfile.write(b"x")  # no timeout of one read ends that
                else:
                    self.send_response(outer.answer)
                    self.end_headers()

            def log_message(self, *said: Any) -> None:
                """Not on the terminal."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/5f1e-secret"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def taken(self) -> list[str]:
        """What was pinged since the last call; a start and its end have one run."""
        pinged, self.pinged = self.pinged, []
        assert len({each.run for each in pinged}) == (1 if pinged else 0)
        self.bodies = "".join(each.body for each in pinged)
        return [each.what for each in pinged]


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    dog = Watchdog()
    yield dog
    dog.leave.set()
    dog.server.shutdown()
    dog.server.server_close()


def test_a_night_with_nothing_to_say_and_one_with(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    done = command("apply", "--quiet", "--yes", "--out", "run.json")
    assert done.status == 0
    assert done.out.splitlines()[0] == f"{HOST}: reconciler apply, site nrw: done (exit status 0)"
    assert ANNA in done.out
    for arguments in (("apply", "--quiet", "--yes", "--out", "run.json"), ("drift", "--quiet", "--out", "drift.json")):
        assert command(*arguments)[:3] == (0, "", "")
        assert (site.folder / arguments[-1]).exists()
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    found = command("drift", "--quiet", "--out", "drift.json")
    assert found.status == 4
    assert found.out.splitlines()[0] == f"{HOST}: reconciler drift, site nrw: drift was found (exit status 4)"
    assert found.err == ""
    document = command("drift", "--quiet", "--format", "json")
    assert document.json["status"] == 4  # the report stays one document
    assert document.err.startswith(f"{HOST}: reconciler drift, site nrw: drift was found")
    assert command("drift", "--quiet", "--ok-when-pending").out.splitlines()[0].endswith("(exit status 4)")
    asked = command("apply", "--quiet")
    assert (asked.status, asked.out) == (2, "")
    assert "add --yes" in asked.err


def test_an_error_says_first_where_it_happened(site: StandInSite, command: Command) -> None:
    site.declare("anna: [")
    invalid = command("drift", "--quiet")
    assert invalid.status == 3
    assert invalid.out.splitlines()[0] == f"{HOST}: reconciler drift: the declared state is invalid (exit status 3)"
    site.declare(ANNA_DECLARED, REFUSED)
    refused = command("apply", "--quiet", "--yes")
    assert refused.status == 5
    assert (
        refused.out.splitlines()[0] == f"{HOST}: reconciler apply, site nrw: a gate refuses something (exit status 5)"
    )


def test_as_cron_starts_it(site: StandInSite, command: Command) -> None:
    """A short PATH, no HOME, another locale: one stream, UTF-8, the head first; not a byte when there is no drift."""
    site.declare(ANNA_DECLARED)
    status, mail = _by_cron(site, "drift", "--quiet")
    assert status == 4
    assert mail.splitlines()[0] == f"{HOST}: reconciler drift, site nrw: drift was found (exit status 4)"
    assert "postfix ✓" in mail
    assert command("apply", "--yes").status == 0
    assert _by_cron(site, "drift", "--quiet") == (0, "")


def _by_cron(site: StandInSite, *arguments: str) -> tuple[int, str]:
    """Exit status and the mail that cron would send."""
    env = {"PATH": "/usr/bin:/bin", "LANG": "C", OX_ENV: OX_PASSWORD}
    into, nothing = subprocess.PIPE, subprocess.DEVNULL
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=site.folder, env=env, stdin=nothing, stdout=into, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.decode("utf-8")


def test_pending_is_no_failure_where_that_is_said_and_nothing_else_is(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    for arguments in (("plan",), ("drift",), ("plan", "--out", "plan.json")):
        assert command(*arguments).status == 4
        shown = command(*arguments, "--ok-when-pending", "--format", "json")
        assert shown.status == 0
        assert '"status": 4' in shown.out
    site.declare(ANNA_DECLARED, REFUSED)
    for name in ("plan", "drift"):
        assert command(name, "--ok-when-pending").status == 5
    assert command("apply", "--yes", "--ok-when-pending").status == 5
    site.declare("anna: [")
    for words in ("plan", "drift", "apply --yes"):
        assert command(*words.split(), "--ok-when-pending").status == 3
    site.declare(ANNA_DECLARED)
    site.sql("DROP TABLE vacation")
    assert command("plan", "--ok-when-pending").status == 9


def test_a_watchdog_hears_of_start_and_end_and_of_no_name(
    site: StandInSite, command: Command, watchdog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.declare(ANNA_DECLARED, aliases=["vorstand: [anna.beispiel]"])
    assert command("drift", "--ping", watchdog.url).status == 4
    assert watchdog.taken() == ["start", "0"]  # that there is drift is no failure of the job
    assert "drift was found (exit status 4)\ncreate: 2\n" in watchdog.bodies
    monkeypatch.setenv("RECONCILER_PING_URL", f"{watchdog.url}/?create=1")
    assert command("apply", "--yes").status == 0
    assert watchdog.taken() == ["start", "0"]
    assert "done: 2\n" in watchdog.bodies
    assert "@" not in watchdog.bodies
    assert DOMAIN not in watchdog.bodies
    site.declare(ANNA_DECLARED, REFUSED)
    assert command("apply", "--yes").status == 5
    assert watchdog.taken() == ["start", "5"]
    site.declare("anna: [")
    assert command("drift").status == 3
    assert watchdog.taken() == ["start", "3"]
    monkeypatch.setattr(drift_module, "open_site", lambda *a: 1 / 0)
    assert command("drift", "--quiet").status == 1
    assert watchdog.taken() == ["start", "1"]
    assert command("plan").status == 3
    assert watchdog.taken() == []


@pytest.mark.parametrize("trouble", ["silent", "drips", "refused", "gone", "no address", "no name", "socks"])
def test_a_ping_that_fails_changes_nothing_and_keeps_nobody_waiting(
    site: StandInSite, command: Command, watchdog: Watchdog, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(ping, "SECONDS", 0.3)
    url = watchdog.url
    watchdog.answer = {"silent": None, "drips": DRIPS, "refused": 404}.get(trouble, 200)
    if trouble == "gone":
        watchdog.server.shutdown()
        watchdog.server.server_close()
    elif trouble == "no address":
        url = "file:///5f1e-secret"
    elif trouble == "no name":
        url = "http://[5f1e-secret"
    elif trouble == "socks":
        url = "https://hc.invalid/5f1e-secret"
        monkeypatch.setenv("ALL_PROXY", "socks5://localhost:1")
        monkeypatch.setattr(ping, "SECONDS", 5)  # it is refused before anything is asked
    site.declare()
    begun = time.monotonic()
    answer = command("drift", "--ping", url)
    assert (answer.status, time.monotonic() - begun < 5) == (0, True)
    assert "5f1e-secret" not in answer.out + answer.err
    assert answer.err.count("the ping to ") == 1
    assert "that changes no exit status" in answer.words
    assert trouble != "socks" or "a proxy of the environment cannot be used" in answer.words
    assert command("drift", "--quiet", "--ping", url)[:3] == (0, "", "")
