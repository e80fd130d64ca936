"""One-shot dates: which are due, which were missed, which wait (docs/state-language.md, "What is managed").

The workflow asks `due` before it groups changes into transitions; the gate only says what is not done.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, Mailbox
from reconciler.model.records import MailboxRow, Owner, Scope
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.ledger_state import OneShot, Remembered
from reconciler.planning.plan import MISSED
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Snapshot
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import note
from reconciler.settings import Settings
from reconciler.translation import tr

PASSWORD, SUBSCRIPTIONS = "password_reset", "subscriptions_reset"


class Missed(NamedTuple):
    """An operation that will not be done any more. Without a `why` there is nothing to say: its account is only being
    made, with a new password of its own. `again` is the first date for which it would be done. One that is `late` was
    due, and nobody did it: that is drift until its entry goes. Others had no object."""

    shot: OneShot
    why: str = ""
    again: date | None = None
    late: bool = False


class OneShots(NamedTuple):
    """What today makes of the declared dates. `password` and `unsubscribe` are for `planning.new_passwords.Due`."""

    due: tuple[OneShot, ...] = ()
    missed: tuple[Missed, ...] = ()
    waiting: tuple[OneShot, ...] = ()

    @property
    def password(self) -> frozenset[Owner]:
        """The accounts that get a new password today."""
        return self._owners(PASSWORD)

    @property
    def unsubscribe(self) -> frozenset[Owner]:
        """The accounts whose OX subscriptions are removed today."""
        return self._owners(SUBSCRIPTIONS)

    def _owners(self, name: str) -> frozenset[Owner]:
        return frozenset(Owner(Scope.ACCOUNT, shot.address) for shot in self.due if shot.name == name)


def due(context: PlanContext, remembered: Remembered, site: Settings, snapshot: Snapshot) -> OneShots:
    """Every declared date that the ledger has not seen as done.

    Nothing is due nor missed while the mailboxes or the ledger are unknown, nor for an account whose rename is still to
    come.
    """
    desired, chains, made = context.desired, context.chains, remembered.made
    live = snapshot.rows(MailboxRow)
    if live is None or remembered.is_unknown:
        return OneShots()
    oldest = desired.today - timedelta(days=site.policy.one_shot_days)
    later = {rename.new for rename in chains.future}
    shots, missed, waiting = list[OneShot](), list[Missed](), list[OneShot]()
    for box, shot in _declared(desired):
        addresses = chains.addresses(box.address)
        if any(shot._replace(address=address) in remembered.one_shots for address in addresses):
            continue
        since = min((made[a] for a in addresses if a in made), default=None) if made else None
        if shot.date > desired.today or box.address in later:
            waiting.append(shot)
        elif not any(address in live for address in addresses):
            missed.append(Missed(shot))
        elif why := _why_void(box, shot, since, before=shot in remembered.missed):
            missed.append(Missed(shot, why, _again(box, shot, desired.today, since)))
        elif why := _why_late(shot, oldest, before=shot in remembered.missed):
            missed.append(Missed(shot, why, _again(box, shot, desired.today, since), late=True))
        else:
            shots.append(shot)
    return OneShots(tuple(shots), tuple(missed), tuple(waiting))


def one_shots(context: GateContext) -> Iterator[Finding]:
    """Dates that were missed, and dates that are still to come."""
    shots, boxes = due(context.plan, context.remembered, context.site, context.snapshot), context.desired.mailboxes
    for shot, why, again, late in shots.missed:
        if why:
            hint = _remedy(shot, again, context.desired.today)
            message = tr(
                "{operation} of {address} on {date} is not done: {why}",
                operation=shot.name,
                address=shot.address,
                date=shot.date,
                why=why,
            )
            found = note(context, MISSED, shot.address, message, hint, boxes[Address(shot.address)].origin)
            yield found._replace(severity=Severity.WARNING) if late else found
    for shot in shots.waiting:
        message = tr(
            "{operation} of {address} waits for {date}", operation=shot.name, address=shot.address, date=shot.date
        )
        yield note(context, "one-shot", shot.address, message, "", boxes[Address(shot.address)].origin)


def _declared(desired: DesiredState) -> Iterator[tuple[Mailbox, OneShot]]:
    boxes = desired.mailboxes.values()
    for box in [box for box in boxes if box.password_reset is not None or box.subscriptions_reset is not None]:
        for name, day in ((PASSWORD, box.password_reset), (SUBSCRIPTIONS, box.subscriptions_reset)):
            if day is not None:
                yield box, OneShot(box.address, name, day)


def _why_void(box: Mailbox, shot: OneShot, since: date | None, *, before: bool) -> str:
    """Why the operation has no object; empty when it has one. `before`: it was missed before."""
    if _is_void(box, shot):
        return tr("the account has no groupware")
    # on the very day it may be meant, unless it was declared together with the account
    if since is not None and (shot.date < since or (before and shot.date == since)):
        return tr("the account was made on {since}", since=since)
    return ""


def _why_late(shot: OneShot, oldest: date, *, before: bool) -> str:
    """Why the operation is too late; empty when it is to be done."""
    if shot.date < oldest:
        return tr(
            "the date was over before any apply saw it, and dates before {oldest} are not made up for", oldest=oldest
        )
    return tr("it was missed before") if before else ""


def _again(box: Mailbox, shot: OneShot, today: date, since: date | None) -> date | None:
    """The first date that is neither missed already nor too early for the account; None when none would do."""
    if _is_void(box, shot):
        return None
    return max(today, max(shot.date, since or shot.date) + timedelta(days=1))


def _remedy(shot: OneShot, again: date | None, today: date) -> str:
    """What to write to have it done after all."""
    if again is None:
        return tr("remove it")
    if again == today:
        return tr("write `{entry}` to have it done now, or remove it", entry=f"{shot.name}: {again}")
    return tr("write `{entry}` to have it done then, or remove it", entry=f"{shot.name}: {again}")


def _is_void(box: Mailbox, shot: OneShot) -> bool:
    return shot.name == SUBSCRIPTIONS and not box.groupware
