"""What a plan leaves alone, and somebody may think otherwise: mailboxes whose entry went, removals that name none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches

from reconciler.model.addresses import domain_of, local_part
from reconciler.model.declared import GroupwareAccount, Removal
from reconciler.model.derived_rows import others as not_as_wanted
from reconciler.model.record_kinds import in_order, noun
from reconciler.model.records import MailboxRow, OxUserRow
from reconciler.planning.command_status import UNDECLARED
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.half_made import Remarks
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import note
from reconciler.translation import marked, tr

_ALIKE = 0.8
"""How much of a name, and of its domain, must be the same for it to be a typo of the other: a letter of five."""


def unmanaged(context: GateContext) -> Iterator[Finding]:
    """A mailbox that was ours and that nothing declares any more; the ledger remembers it as long as it is there."""
    live, changed = context.live(MailboxRow), {transition.owner.subject for transition in context.transitions}
    for address in sorted(context.unnamed(live.keys() & context.managed("mailbox") - changed)):
        if live[address].active:
            sentence = marked("{address} is not declared any more: it is left alone, nothing of it is deleted")
        else:
            sentence = marked(
                "{address} is not declared any more: it is left alone and stays switched off, nothing of it is deleted"
            )
        message = tr(sentence, address=address)
        hint = tr("to remove it, name it under `removals`; to manage it again, declare it under `mailboxes`")
        yield note(context, "unmanaged", address, message, hint)


_AGAIN = marked(
    "declare the mailbox, and the user is taken up with its data; to delete it, declare the removal again, with "
    "`groupware_account: delete`"
)
_FOR_THE_FIRST_TIME = marked(
    "declare the mailbox, and the user is taken up with its data; to delete it, declare its removal, with "
    "`groupware_account: delete`"
)


def kept_groupware(context: GateContext) -> Iterator[Finding]:
    """An OX account without a mailbox that nothing in git names: the entry of its removal is gone, or somebody deleted
    the mailbox by hand. While a removal names it, OX' own review reports the account."""
    live, kept = context.snapshot.rows(MailboxRow), context.managed("ox_user") - context.plan.removed
    if live is None:
        return
    remarks = Remarks(context.snapshot)
    named = context.desired.mailboxes.keys() | context.chains.current.keys()  # or about to follow a rename
    for user in not_as_wanted(context.live(OxUserRow)).values():  # all others are declared
        ours = user.primary in kept and user.primary not in live
        if (ours or remarks.is_left(user)) and user.primary not in named and user.primary not in context.plan.removed:
            message = tr(
                "OX user {id} ({login}) of {address} is still there, without a mailbox",
                id=user.id,
                login=user.login,
                address=user.primary,
            )
            hint = tr(_AGAIN if ours else _FOR_THE_FIRST_TIME)
            yield note(context, "kept-groupware", user.primary, message, hint)


def unknown_removal(context: GateContext) -> Iterator[Finding]:
    """A removal that names no live mailbox and has nothing else to do: a typo, or one that is long carried out."""
    live = context.snapshot.rows(MailboxRow)
    if live is None:
        return
    changed = {transition.owner.subject for transition in context.transitions}
    for removal in context.desired.removals:
        known = any(address in live for address in context.chains.addresses(removal.mailbox))
        if not known and removal.mailbox not in changed:
            yield _unknown(context, removal, _like(removal.mailbox, context.unnamed(live)))


def _unknown(context: GateContext, removal: Removal, near: str) -> Finding:
    message = tr("the removal of {mailbox} removes nothing: there is no such mailbox", mailbox=removal.mailbox)
    # its OX account is deleted after the retention, and an entry that is gone deletes nothing
    deletes = removal.groupware_account is GroupwareAccount.DELETE
    over = tr("remove the entry when its OX account is gone, too") if deletes else tr("remove the entry")
    if near:
        severity, hint = Severity.WARNING, tr("did you mean `{near}`? If not, {over}", near=near, over=over)
    else:
        severity, hint = Severity.NOTE, tr("it was removed already, or the name is wrong; {over}", over=over)
    return Finding(severity, "removal-unknown", removal.mailbox, message, hint, context.locate(removal.origin))


def _like(address: str, others: Collection[str]) -> str:
    """The one that was probably meant; empty when none is similar. Names are compared apart from domains: two names in
    one long domain are always similar."""
    domain = domain_of(address)
    domains = get_close_matches(domain, {domain_of(other) for other in others}, cutoff=_ALIKE)
    # of the same name in two domains the one in the very domain is meant: it comes last, and stays
    near = sorted((domain_of(other) == domain, other) for other in others if domain_of(other) in domains)
    by_name = {local_part(other): other for _, other in near}
    close = get_close_matches(local_part(address), by_name, cutoff=_ALIKE)
    return by_name[close[0]] if close else ""


MOST = 20
"""How many undeclared objects of one kind a report for people names; JSON has them all."""


Remark = Callable[[str, str], str]
"""What is remarkable about a live record, by kind and key; empty for nothing (`planning.half_made.Remarks`)."""


def undeclared(
    unmanaged: Mapping[str, Sequence[str]], most: int | None, remark: Remark | None = None
) -> tuple[Finding, ...]:
    """What `drift --strict` counts as drift: a warning for each live key (by kind) that git does not declare, of each
    kind at most `most` and how many more there are. Those that something is remarkable about come first."""
    return tuple(f for kind in in_order(unmanaged) for f in _of_kind(kind, unmanaged[kind], most, remark))


def _of_kind(kind: str, keys: Sequence[str], most: int | None, remark: Remark | None) -> Iterator[Finding]:
    remarks = {key: remark(kind, key) if remark is not None else "" for key in keys}
    # the key of a line of a map is its number
    ordered = sorted(keys, key=lambda key: (not remarks[key], int(key) if key.isdecimal() else 0, key))
    for key in ordered[:most]:
        said = f" ({remarks[key]})" if remarks[key] else ""
        yield Finding(Severity.WARNING, UNDECLARED, key, f"{noun(kind)} {key}{said}")
    if more := len(ordered[most:]) if most is not None else 0:
        message = tr("and {number} more {objects}", number=more, objects=noun(kind, more))
        yield Finding(Severity.WARNING, UNDECLARED, kind, message)
