"""Gates about OX accounts that are to be deleted."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.records import OxUserRow
from reconciler.planning.finding import Finding
from reconciler.planning.transitions import Transition
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import refusal
from reconciler.translation import marked, tr


def groupware_delete(context: GateContext) -> Iterator[Finding]:
    """Deleting an OX account is irreversible: contacts, calendar, tasks and files go with it."""
    for transition, user in _deleted(context):
        if transition.owner.subject in context.plan.removed:
            message = tr("{user} would be deleted with contacts, calendar, tasks and files", user=described(user))
            hint = tr("hand their data over first, or write `groupware_account: keep`")
            yield refusal(transition, "groupware-delete", message, hint)


def second_account(context: GateContext) -> Iterator[Finding]:
    """Any other OX account is deleted only when a person has looked at it: it may hold somebody's data, and nothing in
    the ledger proves the contrary, since we never make a second one (docs/rename.md)."""
    users = context.live(OxUserRow)
    for transition, user in _deleted(context):
        account = transition.owner.subject
        if account not in context.plan.removed:
            if account in users:
                other = described(users[account])
                sentence = marked("{account} has a second OX account: {user} would be deleted, {other} stays")
            else:
                other = ""
                sentence = marked(
                    "{account} has a second OX account: {user} would be deleted, no other one of theirs was found"
                )
            message = tr(sentence, account=account, user=described(user), other=other)
            hint = tr("look into user {id}: does it hold anything of theirs or of others?", id=user.id)
            finding = refusal(transition, "second-account", message, hint)
            # the name by which a confirmation allows exactly this user
            yield finding._replace(subject=f"openxchange/{user.id}")


def _deleted(context: GateContext) -> Iterator[tuple[Transition, OxUserRow]]:
    for transition, before, after in context.changes(OxUserRow):
        if before is not None and after is None:
            yield transition, before


def described(user: OxUserRow) -> str:
    """Id, names and addresses: what a person needs to recognise whose it is."""
    addresses = ", ".join(dict.fromkeys((user.primary, *user.aliases))).strip(", ") or tr("without an address")
    names = f"{user.display_name} ({user.given_name} {user.surname})"
    return tr(
        "OX user {id} {login!r}, {names}, {addresses}", id=user.id, login=user.login, names=names, addresses=addresses
    )
