"""How an argv, variables and secrets become one command line for sshd. Called by the hosts; pure.

sshd hands its one string to the login shell of the user, so a POSIX shell is needed there, and `timeout`, `env` and
`sh` of any Debian. What runs is always of one shape:

    exec timeout -k 2 60 env LC_ALL=C sh -c '…' sh ADMIN_PASSWORD -- /opt/open-xchange/sbin/listuser …

The secrets are the first lines of standard input; the script reads as many as it was given names and leaves the rest.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import SecretStr

from reconciler.errors import Unreadable, UsageError

KILL_AFTER = 2.0
"""Seconds between the polite and the final signal to a command whose time is over."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# `read` takes single bytes from a pipe, so nothing behind the last secret is lost; the loop needs no variable of its
# own that could collide with a secret's name
_READ_SECRETS = (
    'while [ "$1" != -- ]; do IFS= read -r "$1" || { echo "a secret did not arrive" >&2; exit 125; }; '
    'export "$1"; shift; done; shift; exec "$@"'
)


class Command(NamedTuple):
    """What goes to sshd. `prefix` holds the secrets in clear and goes in front of standard input: never show it."""

    line: str
    prefix: bytes

    def __repr__(self) -> str:
        return f"Command({self.line!r})"


def check_parts(argv: Sequence[str], env: Mapping[str, str], secrets: Mapping[str, SecretStr]) -> None:
    """Refuses what no argument, variable or line of input can carry. Raises UsageError; ValueError for a bad name."""
    for name in (*env, *secrets):
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a variable")
    for text in (*argv, *env.values()):
        if "\0" in text or not _encodable(text):
            raise UsageError(
                f"{argv[0]}: {text!r} cannot be an argument of a command",
                hint="remove the control character from the declared value",
            )
    for name, secret in secrets.items():
        value = secret.get_secret_value()
        if any(c in value for c in "\0\n") or not _encodable(value):
            raise UsageError(
                f"the secret for {name} holds a line break or a character that cannot be passed on",
                hint="store it as one line of UTF-8 text",
            )


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def for_ssh(argv: Sequence[str], env: Mapping[str, str], secrets: Mapping[str, SecretStr], timeout: float) -> Command:
    """One line for sshd. The far side itself ends the command after `timeout` seconds: also when our line was cut,
    and also for root, whose sessions take no signals through sshd."""
    limit = ["timeout", "-k", f"{KILL_AFTER:g}", f"{max(timeout, 0.001):.3f}"]
    variables = [f"{name}={value}" for name, value in env.items()]
    line = shlex.join([*limit, "env", *variables, "sh", "-c", _READ_SECRETS, "sh", *secrets, "--", *argv])
    # exec: else a shell stays in between that turns a signal into a status
    return Command(f"exec {line}", b"".join(s.get_secret_value().encode("utf-8") + b"\n" for s in secrets.values()))


def was_ended(status: int) -> bool:
    """Whether `timeout` may have ended the command: 124 after SIGTERM, SIGKILL after that (its manual page)."""
    return status in (124, 137, -9)


def took_too_long(host: str, argv: Sequence[str], timeout: float) -> Unreadable:
    """The error for a command whose time is over; names the program only, its arguments may be personal."""
    return Unreadable(
        f"{host}: {argv[0]} was stopped after {timeout:g} s, and nobody knows how far it came",
        hint=f"see what keeps {argv[0]} busy there, then look with `reconciler plan` before repeating",
    )
