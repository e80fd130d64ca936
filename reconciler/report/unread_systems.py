"""What could not be read, and how to mend it: a block of its own above all remarks, and the next thing to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reconciler.planning.plan import Read

TITLE = "could not be read, so nothing is planned there:"


def unread_lines(reads: Iterable[Read]) -> Iterator[tuple[str, str]]:
    """`postfix: no answer from mail.example`, and what to do about it: one line a system."""
    for read in reads:
        yield f"{read.system}: {read.unknown}", read.hint


def mend(reads: Sequence[Read], then: str) -> str:
    """`next: start the server, then reconciler plan`: the act that each system's own hint names."""
    acts = dict.fromkeys(read.hint or f"see why {read.system} cannot be read" for read in reads)
    return f"next: {'; and '.join(acts)}; then {then}"
