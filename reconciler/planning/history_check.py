"""What checking the ledger's history found, as plain values. `apply.ledger.verify` makes them, `report` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


class Fault(NamedTuple):
    """Something that is not as it was written. `run` and `step` (its number in the run) say where; `record` is the one
    of the chain that says so, where it is the chain itself that is wrong."""

    what: str
    run: int | None = None
    step: int | None = None
    record: int | None = None


class Head(NamedTuple):
    """The last record of the chain. Whoever noted its hash elsewhere can tell later whether history was rewritten."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class HistoryCheck:
    """The history of one site, checked. `head` is None where nothing is in the chain yet."""

    site: str
    head: Head | None = None
    since: datetime | None = None
    """When the chain began, in UTC."""
    runs: int = 0
    """Runs that were checked."""
    steps: int = 0
    before: int = 0
    """Runs from before the chain, of which it says nothing."""
    open_runs: tuple[int, ...] = ()
    """Runs that did not end: how far their steps came is not sealed yet."""
    pruned: Mapping[int, int] = field(default_factory=dict)
    """Run → steps that were pruned."""
    noted: int | None = None
    """The record whose hash was asked for."""
    faults: tuple[Fault, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether everything is as it was written."""
        return not self.faults
