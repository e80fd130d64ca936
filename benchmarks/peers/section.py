"""The part of docs/benchmarks.md that compares with others. Used by `run`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.cases import QUIET
from benchmarks.measure import Measurement
from benchmarks.page import Machine, describe
from benchmarks.peers.peer import Taken
from benchmarks.tables import table


class Compared(NamedTuple):
    """Of one site."""

    ours: Measurement
    """A plan with nothing to do."""
    peers: Sequence[Taken]


_HEAD = ("mailboxes", "what", "looked at", "wall", "CPU of all", "by wall", "by CPU", "aim")
_TEXT = """\
Written by `make bench-peers` (`python -m benchmarks.peers.run`).

{machine}

What others need to find out that nothing is to be done, in the same run as a plan of ours of a site of that size, and
how many times as much that is. [Why these, and how](decisions/0023-peers.md). None of them does all that a plan does:

- **Ansible** and **PostfixAdmin’s command line** look at each mailbox of PostfixAdmin by itself, and at nothing else:
  no aliases, no OX, no register, no sender map, no ledger. One mailbox takes as long as the next one, so where fewer
  were looked at than there are, the rest is reckoned; the start counts once.
- **octoDNS** has no mail accounts: it compares DNS records, YAML files with YAML files, without a server. Once as many
  as the site has mailboxes, and once as many as it has entries: mailboxes, declared aliases and blocks.

{table}
**By CPU** has everything in it that works for the one or the other, the database server too.
"""


def section(results: Mapping[int, Compared], machine: Machine) -> str:
    """By the number of mailboxes."""
    rows = [row for size, compared in results.items() for row in _rows(size, compared)]
    return _TEXT.format(machine=describe(machine), table=table(_HEAD, rows))


def _rows(size: int, compared: Compared) -> Iterator[tuple[str, ...]]:
    ours = compared.ours
    yield f"{size:,}", QUIET, "everything", f"{ours.wall:.1f} s", f"{ours.all_cpu:.1f} s", "1", "1", "–"
    for it in compared.peers:
        peer = it.peer
        looked = (
            f"{peer.count:,} {peer.looks_at}"
            if it.asked == peer.count
            else f"{it.asked:,} of {peer.count:,} {peer.looks_at}"
        )
        times = (f"{it.wall / ours.wall:,.1f} ×", f"{it.cpu / ours.all_cpu:,.1f} ×")
        yield (
            f"{size:,}",
            peer.name,
            looked,
            f"{it.wall:,.1f} s",
            f"{it.cpu:,.1f} s",
            *times,
            f"≥ {peer.aim} ×",
        )
