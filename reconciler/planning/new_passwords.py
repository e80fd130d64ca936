"""When an account gets a new password: one rule for all systems (docs/decisions/0004-one-password.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState
from reconciler.model.record_kinds import name_of
from reconciler.model.records import GivenPasswordRow, Owner, PasswordRow, Scope
from reconciler.planning.changes import Action, Change
from reconciler.translation import marked, tr


class CredentialEvents(NamedTuple):
    """What is new for an account in this plan, beside its changes: every system says what follows there."""

    renew: bool = False
    """A new password, set wherever the account lives, and a letter that tells it."""
    moved: bool = False
    """Its address changes and the password stays, and a letter says so."""
    unsubscribe: bool = False
    """Its OX subscriptions are removed."""
    welcome: bool = False
    """A run died before the first mail to its mailbox, which makes the maildir."""
    given: bool = False
    """With `renew`: somebody types the password, and passes it on. No letter tells it."""


class Due(NamedTuple):
    """What accounts are due whatever changes in this plan.

    `password`: a run died before it told them theirs, or git declares a reset. `letter`: they were moved, and a run
    died before it told them. `keeping`: their last rename keeps the password (`old_mailbox: move`). `unsubscribe`:
    git declares that their OX subscriptions are removed today. `welcome`: a run died before their welcome mail.
    `given`: somebody at the keyboard gives them a password.
    """

    password: frozenset[Owner] = frozenset()
    letter: frozenset[Owner] = frozenset()
    keeping: frozenset[Owner] = frozenset()
    unsubscribe: frozenset[Owner] = frozenset()
    welcome: frozenset[Owner] = frozenset()
    given: frozenset[Owner] = frozenset()

    @property
    def owners(self) -> frozenset[Owner]:
        return self.password | self.letter | self.unsubscribe | self.welcome | self.given


def credential_events(owner: Owner, changes: Sequence[Change], due: Due) -> CredentialEvents:
    """What is new for this owner, given its changes in all systems. A login that is made renews the password;
    so does a renamed OX user (its old mailbox is attached with it), unless the mailbox moved with its password."""
    renamed = {change.kind for change in changes if change.action is Action.RENAME}
    if owner in due.given:
        return CredentialEvents(renew=True, given=True)
    keeps, is_account = owner in due.keeping, owner.scope is Scope.ACCOUNT
    renews = owner in due.password or any(c.makes_credential for c in changes) or (not keeps and "ox_user" in renamed)
    moved = owner in due.letter or (keeps and bool(renamed))
    return CredentialEvents(is_account and renews, moved, owner in due.unsubscribe, owner in due.welcome)


def password_change(system: str, owner: Owner, key: str, events: CredentialEvents, target: str = "") -> Change:
    """The step that gives one login of `system` the account's new password."""
    row = (GivenPasswordRow if events.given else PasswordRow)(key, owner.subject, target)
    return Change(system, name_of(type(row)), Action.UPDATE, key, row, row, owner)


_ASK = marked(
    "ask the person whether it came; if not, write `{entry}` at {account}, for a new password everywhere and a new "
    "letter"
)


def ask_whether_it_came(desired: DesiredState, account: str, say: Callable[..., str] = tr) -> str:
    """What to do about a letter with a password that may not have arrived: a reset on the first open date. `say` is
    `english` for what the ledger keeps."""
    box = desired.mailboxes.get(Address(account))
    last = box.password_reset if box is not None else None
    day = desired.today if last is None or last < desired.today else last + timedelta(days=1)
    return say(_ASK, entry=f"password_reset: {day}", account=account)
