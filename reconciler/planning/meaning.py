"""What a line means for mail: how much is in a mailbox, its last login, what leads here, what is forwarded.

Counts; the addresses themselves only for who asks for them, since they may be private. Pure: over what was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from reconciler.model.addresses import Address
from reconciler.model.records import AliasRow, MailboxRow, Scope
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Closer
from reconciler.planning.snapshot import Snapshot
from reconciler.planning.transitions import Transition
from reconciler.translation import marked, tr, tr_number

_NAMED = 8
"""Addresses that are named; the others are counted."""


def mailboxes_of(transitions: Iterable[Transition], live: Snapshot) -> frozenset[str]:
    """The live mailboxes that lines are about, under their present and former addresses."""
    there = live.rows(MailboxRow) or {}
    changed = {c.before.key for t in transitions for c in t.changes if isinstance(c.before, MailboxRow)}
    owners = {t.owner.subject for t in transitions if t.owner.scope is Scope.ACCOUNT}
    return frozenset(changed | {row.key for owner in owners if (row := there.get(owner)) is not None})


class Meaning:
    """Says it of one transition after another; looks once through all aliases."""

    def __init__(self, live: Snapshot, context: PlanContext, closer: Sequence[Closer], *, verbose: bool) -> None:
        self._boxes = live.rows(MailboxRow) or {}
        self._aliases = live.rows(AliasRow)
        self._context = context
        self._sizes: dict[str, int] = {key: size for each in closer for key, size in each.sizes.items()}
        self._logins: dict[str, datetime] = {key: when for each in closer for key, when in each.logins.items()}
        self._verbose = verbose
        self._leading: Mapping[str, Sequence[str]] | None = None

    def of(self, transition: Transition) -> tuple[str, ...]:
        """In words; empty for what no mail comes to."""
        owner = transition.owner
        if owner.scope is Scope.ALIAS:
            return tuple(self._led_here([owner.subject]))
        if owner.scope is not Scope.ACCOUNT:
            return ()
        own = self._context.chains.addresses(Address(owner.subject))
        addresses = [str(address) for address in dict.fromkeys((owner.subject, *own))]
        return *self._held(addresses), *self._led_here(addresses), *self._forwarded(addresses)

    def _held(self, addresses: Sequence[str]) -> Iterator[str]:
        for address in addresses:
            row = self._boxes.get(address)
            stored = row.key if row is not None else address
            if stored in self._sizes:
                sentence = marked("{size} of mail") if len(addresses) == 1 else marked("{size} of mail in {mailbox}")
                yield tr(sentence, size=size_text(self._sizes[stored]), mailbox=stored)
            if stored in self._logins:
                yield tr("last login {day}", day=f"{self._logins[stored]:%Y-%m-%d}")

    def _led_here(self, addresses: Sequence[str]) -> Iterator[str]:
        if self._aliases is None:
            return
        if self._leading is None:
            self._leading = _leading(self._aliases)
        here = sorted({alias for address in addresses for alias in self._leading.get(address, ())} - set(addresses))
        if here:
            yield tr_number("{number} alias leads here", "{number} aliases lead here", len(here)) + self._named(here)

    def _forwarded(self, addresses: Sequence[str]) -> Iterator[str]:
        rows = [row for address in addresses if (row := (self._aliases or {}).get(address)) is not None]
        # `anna#mail.example@…` is a vacation's token (facts/postfixadmin.md 7)
        others = sorted({t for row in rows for t in row.goto if "#" not in t} - set(addresses))
        if others:
            forwarded = tr_number(
                "forwarded to {number} other address", "forwarded to {number} other addresses", len(others)
            )
            yield forwarded + self._named(others)

    def _named(self, addresses: Sequence[str]) -> str:
        if not self._verbose:
            return ""
        shown, more = ", ".join(addresses[:_NAMED]), len(addresses) - _NAMED
        if more > 0:
            shown = tr("{names} and {number} more", names=shown, number=more)
        return f" ({shown})"


def _leading(aliases: Mapping[str, AliasRow]) -> dict[str, list[str]]:
    """Target → the active aliases that name it."""
    found: dict[str, list[str]] = {}
    for key, row in aliases.items():
        if row.active and row.goto != (key,):
            for target in row.goto:
                found.setdefault(target, []).append(key)
    return found


def size_text(size: int) -> str:
    """`3.2 GB`; bytes, in steps of 1000."""
    amount, unit = float(size), "bytes"
    for bigger in ("KB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, bigger
    return f"{int(amount)} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"
