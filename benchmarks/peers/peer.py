"""What a peer is, and how it is measured. Used by each of them and by `run`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from benchmarks.measure import Failed
from benchmarks.people import Part, Person
from benchmarks.spent import Spent, spent

Compare = Callable[[], int]
"""Compares what is declared with what is there, and says how many differ. Raises Failed when it did not look at all."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another program that compares what is declared with what is there."""

    name: str
    aim: int
    """So many times as long as a plan of ours it is to take."""
    looks_at: str
    """What is counted: mailboxes, records."""
    count: int
    """How many of them the site has."""
    most: int | None
    """So many are looked at; the others are reckoned. Each is a process, so one run is a mean already. None: all."""
    ready: Callable[[int, int], Compare]
    """Given how many are looked at, and how many of them differ: writes the files that it needs, which is not timed."""


class Taken(NamedTuple):
    """What a peer took."""

    peer: Peer
    asked: int
    """How many were looked at."""
    wall: float
    """Seconds for the whole site: its start, and the rest times as many as the site has."""
    cpu: float


def measure_peer(peer: Peer, server: Connection, repeat: int) -> Taken:
    """The fastest of `repeat` runs counts. Raises Failed when it overlooks a difference, or finds one that is none."""
    if (found := peer.ready(2, 1)()) != 1:
        raise Failed(f"{peer.name} finds {found} of 1 difference: no comparison")
    if peer.most is None or peer.most >= peer.count:
        all_ = _fastest(peer, peer.count, server, 1 if peer.most else repeat)
        return Taken(peer, peer.count, all_.wall, all_.cpu)
    start, some = (_fastest(peer, number, server, 1) for number in (0, peer.most))
    all_ = reckoned(start, some, peer.count / peer.most)
    return Taken(peer, peer.most, all_.wall, all_.cpu)


def reckoned(start: Spent, some: Spent, times: float) -> Spent:
    """What all would take: the start, and so many times what `some` took beside it."""
    return Spent(
        wall=start.wall + (some.wall - start.wall) * times,
        cpu=start.cpu + (some.cpu - start.cpu) * times,
    )


def _fastest(peer: Peer, asked: int, server: Connection, repeat: int) -> Spent:
    compare = peer.ready(asked, 0)
    return min((_once(peer, compare, server) for _ in range(repeat)), key=lambda spent: spent.wall)


def _once(peer: Peer, compare: Compare, server: Connection) -> Spent:
    with spent(server) as found:
        different = compare()
    if different:
        raise Failed(f"{peer.name} finds {different} differences where there are none")
    return found


def spread(parts: Sequence[Part], count: int) -> list[Person]:
    """So many people of all files."""
    everybody = [person for part in parts for person in part.people]
    return everybody[:: max(1, len(everybody) // count)][:count] if count else []


def said(argv: Sequence[str], folder: Path, environment: Mapping[str, str], *, expected: Sequence[int] = (0,)) -> str:
    """What a program wrote, both streams. Raises Failed when its exit status is another one."""
    done = subprocess.run(
        argv, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode not in expected:
        raise Failed(f"{Path(argv[0]).name}: status {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout
