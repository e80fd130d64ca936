"""How an argv, variables and secrets become one command line for sshd, and where its output begins. Called by the
hosts; pure.

sshd hands its one string to the login shell of the user, and the files that this shell reads when it starts may print
anything. What runs is always of one shape, which docs/ssh.md describes for forced commands:

    exec timeout -k 2 60.000 env -u BASH_ENV -u SHELLOPTS sh -c '…' sh LC_ALL=C ADMIN_PASSWORD : HALF HALF -- PROGRAM …

The script sets the variables, reads the secrets from the first lines of standard input and leaves the rest, prints the
marker (both halves as one word, new for each call) on both streams, and becomes the program: what stood before the
marker is no part of the answer. The halves make one word only when they are printed, so a shell that repeats its
command line (`set -x`) prints no marker.

The line is made of words that every shell takes for the same ones (bash, dash, zsh, fish, csh): plain ones, and quoted
ones without quote, backslash, exclamation mark or line break. Programs: `timeout`, `env` and `sh` of any Debian.
"""

from __future__ import annotations

import re
import secrets as random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import SecretStr

from reconciler.errors import Unreadable, UsageError
from reconciler.remote.host import Completed, Sink

KILL_AFTER = 2.0
"""Seconds between SIGTERM and SIGKILL for a command that exceeds its timeout."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# `read` takes single bytes from a pipe, so nothing behind the last secret is lost; the loop needs no variable of its
# own that could collide with a secret's name
_START = (
    'until [ "$1" = : ]; do case $1 in *=*) ;; *) IFS= read -r "$1" || { echo "a secret did not arrive" >&2; exit 125; '
    '} ;; esac; export "$1"; shift; done; echo "$2$3"; echo "$2$3" >&2; shift 4; exec "$@"'
)
# the x keeps a line break at the end, which $(…) would drop
_DECODE = 'for x; do shift; x=$(printf %bx "$x"); set -- "$@" "${x%x}"; done; unset x; '

# a leading `=` means a program's path to zsh
_PLAIN_WORD = re.compile(r"[A-Za-z0-9@%+:,./_-][A-Za-z0-9@%+=:,./_-]*")
_ODD_BYTE = re.compile(rb"[^ -~]|['\\!]")


class Frame:
    """What the program printed, out of all that comes on its stream: what is behind `begin`, and before `end` (with the
    status for %d) if there is one."""

    def __init__(self, sink: Sink, begin: bytes, end: bytes = b"") -> None:
        self._sink = sink
        self._begin = begin
        self._end = end
        self._held = b""
        self._most = len(end) + 10 if end else 0  # what may be the end is held back, with a status of several digits
        self.begun = False
        self.before = b""
        """What came before, or its end when it is long; for messages."""

    def write(self, piece: bytes) -> None:
        """Takes the next piece of the stream."""
        self._held += piece
        if not self.begun:
            before, begin, behind = self._held.partition(self._begin)
            if not begin:
                self._held = self._held[-_BEFORE:]
                return
            self.begun, self.before, self._held = True, before, behind
        ready = len(self._held) - self._most
        if ready > 0:
            self._sink.write(self._held[:ready])
            self._held = self._held[ready:]

    def close(self, status: int) -> bool:
        """Whether all of it was there; the sink has got it then."""
        end = self._end % status if self._end else b""
        if not self.begun:
            self.before = self._held
        whole = self.begun and self._held.endswith(end)
        if whole and len(self._held) > len(end):
            self._sink.write(self._held[: len(self._held) - len(end)])
        return whole


_BEFORE = 2**16


class Command(NamedTuple):
    """What goes to sshd. `prefix` holds the secrets in clear and goes in front of standard input: never show it."""

    line: str
    prefix: bytes
    marker: bytes
    """The line that both streams of the answer begin with."""

    def __repr__(self) -> str:
        return f"Command({self.line!r})"

    def frame(self, sink: Sink) -> Frame:
        """Where a stream of the answer goes."""
        return Frame(sink, self.marker)

    def refused(self, host: str, argv: Sequence[str], done: Completed, *, begun: bool) -> Unreadable:  # noqa: ARG002  # as Request
        """The error for streams without markers, with what the login printed: a shell that lets nobody in, a forced
        command, start files that end the shell or redirect its output. `done.stdout` is what came before a marker.
        Nothing of what the program itself printed."""
        before = b" ".join((done.stdout, done.stderr.partition(self.marker)[0]))
        for secret in filter(None, self.prefix.split(b"\n")):  # a forced command may repeat its input
            before = before.replace(secret, b"***")
        words = printed(before)
        return Unreadable(
            f"{host}: {argv[0]} gave no answer: the login ended with status {done.status} and said "
            + (f"“{words}”" if words else "nothing"),
            hint="give the user who logs in there a shell such as /bin/sh and start files that neither end it nor"
            " redirect its output; docs/ssh.md says what a forced command has to do",
        )


def check_parts(argv: Sequence[str], env: Mapping[str, str], secrets: Mapping[str, SecretStr]) -> None:
    """Raises UsageError for what no argument, variable or line of input can carry; ValueError for a bad name."""
    for name in (*env, *secrets):
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a variable")
    for text in (*argv, *env.values()):
        if _UNSENDABLE.search(text):
            raise UsageError(
                f"{argv[0]}: {text!r} cannot be an argument of a command",
                hint="remove the control character from the declared value",
            )
    for name, secret in secrets.items():
        value = secret.get_secret_value()
        if "\n" in value or _UNSENDABLE.search(value):
            raise UsageError(
                f"the secret for {name} holds a line break or a character that cannot be passed on",
                hint="store it as one line of UTF-8 text",
            )


_UNSENDABLE = re.compile(r"[\0\ud800-\udfff]")
"""NUL, and surrogates: UTF-8 has none."""


def for_ssh(argv: Sequence[str], env: Mapping[str, str], secrets: Mapping[str, SecretStr], timeout: float) -> Command:
    """One line for sshd. The far side itself ends the command after `timeout` seconds, also when the connection broke,
    and for root, whose sessions take no signals through sshd."""
    limit = ["timeout", "-k", f"{KILL_AFTER:g}", f"{max(timeout, 0.001):.3f}"]
    halves = [random.token_hex(8), random.token_hex(8)]
    words = [*(f"{name}={value}" for name, value in env.items()), *secrets, ":", *halves, "--", *argv]
    coded = [_coded(word) for word in words]
    script = _START if coded == words else _DECODE + _START
    # a file that BASH_ENV names could print into the answer of every program that is a script; exec: else a shell
    # stays in between that turns a signal into a status
    line = ["exec", *limit, "env", "-u", "BASH_ENV", "-u", "SHELLOPTS", "sh", "-c", script, "sh", *coded]
    prefix = b"".join(s.get_secret_value().encode("utf-8") + b"\n" for s in secrets.values())
    return Command(" ".join(_quoted(word) for word in line), prefix, "".join([*halves, "\n"]).encode("ascii"))


def _coded(word: str) -> str:
    """The word with octal escapes (printf's %b) for what shells quote differently."""
    return _ODD_BYTE.sub(lambda odd: b"\\0%03o" % odd[0][0], word.encode("utf-8")).decode("ascii")


def _quoted(word: str) -> str:
    return word if _PLAIN_WORD.fullmatch(word) else f"'{word}'"


def printed(stream: bytes) -> str:
    """What a login printed, on one line without control characters; only its end when it is long."""
    text = stream.decode("utf-8", "replace")
    line = " ".join("".join(c if c.isprintable() else " " for c in text[-_MOST * 10 :]).split())
    return line if len(line) <= _MOST else f"…{line[-_MOST:]}"


_MOST = 300


def was_ended(status: int) -> bool:
    """Whether `timeout` may have ended the command: 124 after SIGTERM, SIGKILL after that (its manual page)."""
    return status in (124, 137, -9)


def took_too_long(host: str, argv: Sequence[str], timeout: float) -> Unreadable:
    """The error for a command that exceeded its timeout. Names the program only: its arguments may be personal."""
    return Unreadable(
        f"{host}: {argv[0]} was stopped after {timeout:g} s; it is not known how far it got",
        hint=f"see what keeps {argv[0]} busy there, then look with `reconciler plan` before repeating",
    )
