"""The dated list of a move. Pure.

The rule of thumb behind it: PTR of the new address a day before, A and AAAA after the move, and nothing before what
others remember of the old state has run out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from reconciler.doctor.check import Check, Verdict
from reconciler.doctor.context import IpAddress
from reconciler.doctor.dns.authority import Ttl
from reconciler.doctor.dns.names import ptr_line
from reconciler.doctor.moving.records import AddressRecord, Spf

AREA = "moving"
LOW = 300
"""Seconds: the TTL for the days of the move."""
PTR_AHEAD = timedelta(hours=24)
_REFUSED = "many servers refuse mail from an address without a name that leads back to it"


class Move(NamedTuple):
    """What was found, for one new address."""

    new: IpAddress
    old: tuple[IpAddress, ...]
    helos: tuple[str, ...]
    ptr: tuple[str, ...]
    """What the new address is called now."""
    ptr_ttl: Ttl
    records: Sequence[AddressRecord]
    spf: Sequence[Spf]
    settings: Sequence[str]
    """Parameters of Postfix that hold the old address."""

    @property
    def named(self) -> bool:
        """Whether the new address has one name, and it is what Postfix calls itself."""
        return len(self.ptr) == 1 and self.ptr[0] in self.helos


def in_order(checks: Sequence[Check]) -> list[Check]:
    """The steps of several moves by their moment, then what has none."""
    return sorted(checks, key=lambda check: check.name[:16] if check.name[:1].isdigit() else "~")


def earliest(move: Move, now: datetime) -> datetime:
    """The first moment at which the move breaks nothing that others remember."""
    waits = [timedelta(seconds=record.ttl.seconds) for record in move.records if record.ttl.seconds > LOW]
    waits += [timedelta(seconds=spf.ttl.seconds) for spf in move.spf]
    waits += [] if move.named else [_ptr_ahead(move)]
    return now + max(waits, default=timedelta())


def _ptr_ahead(move: Move) -> timedelta:
    """How long before the move the PTR is set: a day, and until nobody remembers the one before it."""
    return max(PTR_AHEAD, timedelta(seconds=move.ptr_ttl.seconds))


def schedule(move: Move, now: datetime) -> Iterator[Check]:
    """Step after step, each with its moment in the time zone of `now`."""
    at, end = earliest(move, now), earliest(move, now) + timedelta(seconds=_longest(move))
    yield from _ptr(move, now, at)
    yield from _ttls(move, now)
    yield from _spf(move, now)
    if move.records:
        yield from _changes(move, at)
        yield from _after(move, at, end)
    else:
        saw = f"no record that was looked at leads to {_shown(move.old)}"
        yield Check(AREA, f"records that name {_shown(move.old)}", Verdict.OK, saw)


def _ptr(move: Move, now: datetime, at: datetime) -> Iterator[Check]:
    name = f"PTR of {move.new}"
    if move.named:
        saw = f"{move.ptr[0]}, as Postfix calls itself; it has to stand there for a day before the move"
        yield Check(AREA, name, Verdict.OK, saw)
        return
    helo = move.helos[0] if move.helos else "NAME"
    saw = f"it is {' and '.join(move.ptr)} now" if move.ptr else "there is none now"
    fix = (f"by {_moment(at - _ptr_ahead(move))} at the latest:", *ptr_line(move.new, helo))
    remembered = f"{saw}, which others remember for {_time(move.ptr_ttl)}"
    yield Check(AREA, f"{_moment(now)}: {name}", Verdict.WARNING, remembered, _REFUSED, fix)


def _ttls(move: Move, now: datetime) -> Iterator[Check]:
    high = [record for record in move.records if record.ttl.seconds > LOW]
    for record in high:
        until = now + timedelta(seconds=record.ttl.seconds)
        saw = f"{_time(record.ttl)}; lowered now, nobody remembers the old one after {_moment(until)}"
        why = "for so long others go on to the old address after it was changed"
        fix = (f"{record.name}. {LOW} {record.kind} {record.old}",)
        name = f"{_moment(now)}: lower the TTL of {record.kind} of {record.name}"
        yield Check(AREA, name, Verdict.WARNING, saw, why, fix)


def _spf(move: Move, now: datetime) -> Iterator[Check]:
    for spf in move.spf:
        others = f" and {len(spf.domains) - 1} more" if len(spf.domains) > 1 else ""
        saw = f"{', '.join(spf.domains[:10])}: others remember the record for {_time(spf.ttl)}"
        why = "until the last server has moved, and the last answer is forgotten, both addresses must pass"
        fix = (f"write into the record, before its `all`: {' '.join(spf.terms)}",)
        yield Check(
            AREA, f"{_moment(now)}: SPF of {spf.domains[0]}{others} for {move.new}", Verdict.WARNING, saw, why, fix
        )


def _changes(move: Move, at: datetime) -> Iterator[Check]:
    saw = f"{', '.join(dict.fromkeys(r.name for r in move.records))} leads to {_shown(move.old)}; MX that name it stay"
    settings = [f"in main.cf or master.cf, change {setting}" for setting in move.settings]
    fix = (*settings, "when the new address answers:", *(record.line for record in move.records))
    name = f"{_moment(at)} at the earliest: move, then change {' and '.join(sorted({r.kind for r in move.records}))}"
    yield Check(AREA, name, Verdict.WARNING, saw, "changed before, mail goes where nobody takes it", fix)


def _after(move: Move, at: datetime, end: datetime) -> Iterator[Check]:
    confirm = at + timedelta(seconds=LOW)
    saw = f"{move.new} and its name lead to each other for everybody from then on"
    yield Check(
        AREA, f"{_moment(confirm)}: look again at {move.new}", Verdict.WARNING, saw, _REFUSED, ("reconciler doctor",)
    )
    saw = f"some go on to {_shown(move.old)} until then: resolvers that keep answers longer than they should"
    old = " ".join(f"ip{each.version}:{each}" for each in move.old)
    fix = (f"take {old} out of SPF where it stands", "raise the TTLs again", f"give up {_shown(move.old)} and its PTR")
    yield Check(
        AREA,
        f"{_moment(end)}: give up {_shown(move.old)}",
        Verdict.WARNING,
        saw,
        "mail is lost that still goes there",
        fix,
    )


def _longest(move: Move) -> int:
    """Seconds for which the old addresses go on to be asked: a resolver may have missed that the TTL was lowered."""
    return max((record.ttl.seconds for record in move.records), default=0)


def _time(ttl: Ttl) -> str:
    return f"{ttl.seconds} s" + ("" if ttl.exact else " (reckoned: no server of the zone said how long)")


def _shown(addresses: Sequence[IpAddress]) -> str:
    return " and ".join(map(str, addresses))


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
