"""What the tab key offers for arguments and options: what the declared state names. Only files are read; when that
fails or takes long, nothing is offered. Imported with the command line, so as light as that."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import typer

_MOST = 5_000
"""More names than anybody looks through: then nothing is offered until another letter is typed."""
_PATIENCE = 2.0
"""Seconds until the keyboard is given back."""

Completer = Callable[[typer.Context, str], Iterable[str]]


def _declared(*sections: str) -> Completer:
    """Offers what these sections of the state name."""

    def offered(ctx: typer.Context, incomplete: str) -> Iterable[str]:  # noqa: ARG001  # typer's call
        from reconciler.declared.names import declared_names
        from reconciler.errors import ReconcilerError

        _give_up_after(_PATIENCE)
        try:
            folder = _folder()
            names = declared_names(folder, sections, incomplete) if folder else set()
        except (ReconcilerError, OSError, ValueError):  # `validate` tells it; here it would stand in the line
            return []
        return sorted(names) if len(names) <= _MOST else []

    return offered


def _folder() -> Path | None:
    """The state folder that the command would read."""
    from reconciler.declared.names import state_folder

    if state := _option("--state") or os.environ.get("RECONCILER_STATE"):
        return Path(state)
    site = _option("--site")
    return state_folder(Path(site) if site else None)


def _option(name: str) -> str | None:
    """What the line says behind this option. Typer converts no value for a shell: that would need pydantic."""
    line = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")
    try:
        words = shlex.split(line)
    except ValueError:  # a quote is still open
        words = line.split()
    joined = [word for before, word in pairwise(words) if before == name]
    joined += [word.removeprefix(f"{name}=") for word in words if word.startswith(f"{name}=")]
    return os.path.expanduser(joined[-1]) if joined else None  # noqa: PTH111  # Path's raises without a home


def _give_up_after(seconds: float) -> None:
    """Ends the process then, with nothing offered: a disk may not answer."""
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.setitimer(signal.ITIMER_REAL, seconds)


def one_of(*words: str) -> Completer:
    """Offers these."""
    return lambda ctx, incomplete: [word for word in words if word.startswith(incomplete)]  # noqa: ARG005  # typer's call


def gates(ctx: typer.Context, incomplete: str) -> list[str]:  # noqa: ARG001  # typer's call
    """The gates that a `confirm` entry can lift."""
    from reconciler.model.declared import CONFIRMABLE

    return [gate for gate in CONFIRMABLE if gate.startswith(incomplete)]


def domain_of_new(ctx: typer.Context, incomplete: str) -> list[str]:
    """For an address that is not declared yet: its domain, from the @ on."""
    local, at, _ = incomplete.partition("@")
    return [f"{local}@{domain}" for domain in domains(ctx, "")] if at else []


mailboxes = _declared("mailboxes")
aliases = _declared("aliases")
addresses = _declared("mailboxes", "aliases")
known = _declared("mailboxes", "aliases", "renames", "removals")
"""What has a history."""


def with_history(ctx: typer.Context, incomplete: str) -> list[str]:
    """What `history` takes, with the second word of `history verify`."""
    return [*one_of("verify")(ctx, incomplete), *known(ctx, incomplete)]


blocks = _declared("sender_blocks")
live = _declared("mailboxes", "aliases", "sender_blocks")
"""What may have drifted."""
senders = live
domains = _declared("domains", "domain")
of_a_part = _declared("mailboxes", "aliases", "domains", "domain")
anything = _declared("mailboxes", "aliases", "removals", "sender_blocks", "domains", "domain")
