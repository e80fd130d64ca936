"""When an account gets a new password: one rule for all systems (docs/decisions/0004-one-password.md)."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.records import CREDENTIAL_KINDS, Owner, Scope
from reconciler.planning.changes import Action, Change


def makes_credential(changes: Sequence[Change]) -> bool:
    """Whether any of these makes a login: then the account's password is new everywhere, and one letter tells it."""
    return any(change.action is Action.CREATE and change.kind in CREDENTIAL_KINDS for change in changes)


def renews(owner: Owner, changes: Sequence[Change], due: frozenset[Owner]) -> bool:
    """Whether this account gets a new password in this plan. `due` are those who need one whatever changes: a run
    died before it told them, or git declares a reset."""
    return owner.scope is Scope.ACCOUNT and (owner in due or makes_credential(changes))
