"""What a login that only reads is asked, and how its answer is known to be whole. Called by `ssh_host`; pure.

Its key runs `reconciler_remote` on the other side, which compares what is asked with a list that root keeps there
(docs/remote.md). The request is no shell command on purpose: where the key is not bound to that program, a shell finds
no `reconciler-remote`, so a login with more rights than it is meant to have answers nothing.
"""

from __future__ import annotations

import math
import re
import secrets as random
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from pydantic import SecretStr

from reconciler.errors import Unreadable, UsageError
from reconciler.remote.command import Frame, printed
from reconciler.remote.host import Completed, Sink

VERSION = 1
"""Of the request; `reconciler_remote.VERSION` must be the same."""

INSTALL = "as root there, run what `reconciler remote install` prints"
_UNQUOTED = "/=:,+@"
_COMPLAINT = re.compile(rb"^reconciler-remote: (.*)", re.MULTILINE)
"""At the beginning of a line: a shell that finds no such program says so behind its own name."""


class Request(NamedTuple):
    """What goes to sshd, and the word that frames the answer."""

    line: str
    word: bytes
    prefix: bytes = b""
    """Nothing secret ever goes there."""

    def frame(self, sink: Sink) -> Frame:
        """Where a stream of the answer goes."""
        return Frame(sink, self.word + b"\n", self.word + b" end %d\n")

    def refused(self, host: str, argv: Sequence[str], done: Completed, *, begun: bool) -> Unreadable:
        """The error for an answer that is not whole; `done.stdout` is what came before it, `begun`: it is the end that
        is missing."""
        if begun:
            return Unreadable(
                f"{host}: the answer of {argv[0]} is not whole (status {done.status}): {printed(done.stderr)}",
                hint="run the same command again; the log of that host says what ended it (reconciler-remote)",
            )
        if found := _COMPLAINT.search(done.stderr):
            return Unreadable(f"{host}: {argv[0]} was not run: {printed(found[1])}", hint=f"if it should be: {INSTALL}")
        said = printed(b" ".join((done.stdout, done.stderr)))
        return Unreadable(
            f"{host}: reconciler-remote did not answer: the login ended with status {done.status} and said "
            + (f"“{said}”" if said else "nothing"),
            hint=f"`read_only` in the site file says that this login runs it: {INSTALL}",
        )


def request(
    host: str, argv: Sequence[str], env: Mapping[str, str], secrets: Mapping[str, SecretStr], timeout: float
) -> Request:
    """The request for this command. Raises UsageError for one with a secret: nothing that is read needs one."""
    if secrets:
        raise UsageError(
            f"{host}: {argv[0]} needs a password, and this login only reads",
            hint="`read_only` in the site file says so; use the login that applies",
        )
    halves = [random.token_hex(8), random.token_hex(8)]
    seconds = str(max(1, math.ceil(timeout)))
    line = " ".join(["reconciler-remote", str(VERSION), seconds, *halves, wire(argv, env)])
    return Request(line, "".join(halves).encode())


def wire(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """A command as requests and the list on the other side have it: words in plain ASCII without blanks."""
    words = [*(f"{name}={value}" for name, value in env.items()), *argv]
    return " ".join(quote(word, safe=_UNQUOTED) for word in words)
