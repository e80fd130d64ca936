"""The part of docs/benchmarks.md that compares with the floor. Used by `page`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from benchmarks.cases import CACHED, CASES, QUIET
from benchmarks.floor import Floor
from benchmarks.measure import Measurement
from benchmarks.tables import table


class Result(NamedTuple):
    """What one site took."""

    cases: Mapping[str, Measurement]
    """By name."""
    floor: Floor | None
    """None: it was not measured."""


Results = Mapping[int, Result]
"""By the number of mailboxes."""

_TEXT = """\
The **floor** is what the same work costs at least, measured in the same run: the sum of these parts, each alone,
one after the other, in a process of its own with its start, and nothing made of what comes out.

- **YAML**: libyaml's events of all state files, as Python gets them, counted.
- **rows**: what the server's own client (`mariadb --quick --batch`) needs to print the columns that a plan reads: of
  PostfixAdmin `mailbox`, `alias`, `domain`, `alias_domain` and `vacation`, of the ledger the keys of its inventory and
  the person behind each address.
- **listuser**: that tool of the stand-in.
- **files**: the bytes of the member register and of the sender map.

{parts}
A ratio by **wall** compares what somebody waits for; a plan does with two processors what stands here one after the
other. One by **CPU** compares the processor time of everything: command, helpers, tools and the database server.

{ratios}"""

_AIMS = """
The aims: a plan of 100,000 mailboxes in 2.5 × the floor and 300 MB, one of 1,000,000 in 2.5 × and 3,000 MB, and 1.5 ×
when the state has not changed since the last one and is cached. Here a plan of {size:,} with nothing to do takes
{quiet}{cached}.
"""


def section(results: Results) -> str:
    """With the floor of each size; empty when it was not measured."""
    floors = {size: result.floor for size, result in results.items() if result.floor}
    if not floors:
        return ""
    parts = table(
        ("mailboxes", "YAML", "events", "rows", "listuser", "files", "floor", "CPU of all"),
        (_parts(size, floor) for size, floor in floors.items()),
    )
    ratios = [row for size, floor in floors.items() for row in _ratios(size, results[size].cases, floor)]
    head = ("mailboxes", "what", "wall", "÷", "by wall", "by CPU", "peak memory")
    return _TEXT.format(parts=parts, ratios=table(head, ratios)) + _aims(results)


def _aims(results: Results) -> str:
    size = max(results)
    cases, floor = results[size]
    if floor is None or QUIET not in cases:
        return ""
    cached = f", cached {_times(cases[CACHED], floor)}" if CACHED in cases else ""
    return _AIMS.format(size=size, quiet=_times(cases[QUIET], floor), cached=cached)


def _times(plan: Measurement, floor: Floor) -> str:
    times = f"{plan.wall / floor.wall:.1f} × by wall, {plan.all_cpu / floor.cpu:.1f} × by CPU"
    return f"{times} and {plan.peak:.0f} MB"


def _parts(size: int, floor: Floor) -> tuple[str, ...]:
    walls = [f"{part.wall:.2f} s" for part in floor.parts()]
    return (f"{size:,}", walls[0], f"{floor.events:,}", *walls[1:], f"{floor.wall:.2f} s", f"{floor.cpu:.2f} s")


def _ratios(size: int, cases: Mapping[str, Measurement], floor: Floor) -> Iterator[tuple[str, ...]]:
    for case in CASES:
        if case.against and case.name in cases:
            it = cases[case.name]
            wall, cpu = (floor.yaml.wall, floor.yaml.cpu) if case.against == "YAML" else (floor.wall, floor.cpu)
            ratios = (f"{it.wall / wall:.2f} ×", f"{it.all_cpu / cpu:.2f} ×")
            yield f"{size:,}", case.name, f"{it.wall:.1f} s", case.against, *ratios, f"{it.peak:.0f} MB"
