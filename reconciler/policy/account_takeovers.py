"""Gates about whose an account is: a person keeps theirs, whatever the spelling of addresses in git becomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.model.addresses import Address, local_part, without_extension
from reconciler.model.records import AliasRow, MailboxRow, Owner, Scope
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.transitions import Transition
from reconciler.policy.counting import renames
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import about, refusal


def member_changed(context: GateContext) -> Iterator[Finding]:
    """An address that had one person's account goes to another one only when somebody has looked at it."""
    for owner, (before, another) in context.identity.changed.items():
        if context.stopped.get(owner) is Severity.LATER:
            continue
        box = context.desired.mailboxes[Address(owner.subject)]
        who = f"member {box.member}" if box.member else "nobody's member number"
        over = " and mailbox, mail and OX account would pass over, with a new password" if another else ""
        message = f"{box.address} was {before}, and is declared with {who}:{over or ' is that the same person?'}"
        hint = (
            "correct the number; or confirm that it is the same person, or that this one may have what the other left"
        )
        place = context.locate(box.origin)
        yield Finding(Severity.REFUSAL, "member-changed", box.address, message, hint, place, owner)


def foreign_mailbox(context: GateContext) -> Iterator[Finding]:
    """A rename gives one person's password to all mailboxes of its chain: each of them must be that person's, or a bare
    one that may be the first step of this rename, done by hand."""
    live = context.snapshot.rows(MailboxRow) or {}
    for transition in context.transitions:
        account = Address(transition.owner.subject)
        chain, box = context.chains.former.get(account), context.desired.mailboxes.get(account)
        if chain is None or box is None or not renames(transition, context):
            continue
        first = chain[-1].old
        taken = [a for a in context.chains.addresses(account) if a != first and a in live and live[a].key == a]
        for address in taken if any(rename.old in live for rename in chain) else ():
            why = context.identity.somebody_elses(box, address)
            name = f" ({live[address].name})" if live[address].name else ""
            if why:
                message = f"{address}{name} is a mailbox already, and not that of {first}: {why}"
                hint = "choose another address; or confirm, when both are the same person's"
                yield refusal(transition, "foreign", message, hint)
            elif not context.identity.is_known(box, address):
                message = f"{address}{name} is a mailbox already: it is taken for the first step of this rename"
                hint = f"nothing shows whose it is; if it is not that of {first}, choose another address"
                yield about(transition, Severity.NOTE, "rename-by-hand", message, hint)


def foreign_number(context: GateContext) -> Iterator[Finding]:
    """The alias of a member number that somebody else made, and that leads elsewhere, is not overwritten."""
    for transition, before, after in _numbers(context):
        if before is None or before.goto == after.goto or is_ours(context, after.key):
            continue
        others = set(before.goto).difference(context.chains.addresses(Address(transition.owner.subject)))
        # a number of a mailbox that nobody names is a matter of `suspected-rename`
        if others and not left_behind(context, others):
            message = f"the alias {after.key} leads to {', '.join(before.goto)}, and reconciler did not make it"
            hint = f"is {local_part(after.key)} the right number? Delete that alias in PostfixAdmin, or confirm"
            yield refusal(transition, "foreign", message, hint)


def waiting_alias(context: GateContext) -> Iterator[Finding]:
    """Until a rename is carried out, its target may be somebody else's, and so may an account that is to go to another
    person, and an alias on the address of a mailbox that is to be made: no alias leads there before."""
    for transition in context.transitions:
        if transition.owner.scope is not Scope.ALIAS:
            continue
        for change in transition.changes:
            if isinstance(change.after, AliasRow):
                before = change.before.goto if isinstance(change.before, AliasRow) else ()
                yield from _waiting(context, transition, sorted(set(change.after.goto) - set(before)))


def moved_numbers(context: GateContext) -> Iterator[tuple[Transition, AliasRow | None, AliasRow]]:
    """Member numbers that do not lead to their account yet, before and after."""
    for transition, before, after in _numbers(context):
        addresses = context.chains.addresses(Address(transition.owner.subject))
        if before is None or (before.goto and set(before.goto).isdisjoint(addresses)):
            yield transition, before, after


def _numbers(context: GateContext) -> Iterator[tuple[Transition, AliasRow | None, AliasRow]]:
    """The aliases of declared member numbers that change."""
    for transition in context.transitions:
        box = context.desired.mailboxes.get(Address(transition.owner.subject))
        if transition.owner.scope is not Scope.ACCOUNT or box is None:
            continue
        for change in transition.changes:
            before, after = change.before, change.after
            if isinstance(after, AliasRow) and local_part(change.key) == box.member:
                yield transition, before if isinstance(before, AliasRow) else None, after


def _waiting(context: GateContext, transition: Transition, targets: list[str]) -> Iterator[Finding]:
    delimiter = context.snapshot.delimiter
    for target in dict.fromkeys(without_extension(target, delimiter)[0] for target in targets):
        owner = Owner(Scope.ACCOUNT, target)
        severity = context.stopped.get(owner)
        if severity is not None and _is_anothers(context, owner):
            message = f"{transition.owner.subject} leads to {target}, which is not yet the account that is declared"
            hint = f"fix {target} first; the alias is then applied too"
            yield about(transition, severity, "waits-for-account", message, hint)
            return


def _is_anothers(context: GateContext, owner: Owner) -> bool:
    """Whether what is live at the address of this stopped account may be somebody else's: so is an alias that is there
    instead of its mailbox."""
    if owner.subject in context.chains.former or owner in context.identity.changed:
        return True
    boxes, aliases = context.snapshot.rows(MailboxRow) or {}, context.snapshot.rows(AliasRow) or {}
    return owner.subject in aliases and owner.subject not in boxes


def left_behind(context: GateContext, addresses: Iterable[str]) -> list[str]:
    """Those of the addresses that are live mailboxes which nothing in git names."""
    live, desired = context.snapshot.rows(MailboxRow) or {}, context.desired
    named = {rename.old for rename in desired.renames} | {removal.mailbox for removal in desired.removals}
    return [a for a in addresses if a in live and a not in desired.mailboxes and a not in named]


def is_ours(context: GateContext, key: str) -> bool:
    """Whether the inventory has this alias."""
    managed = any(kind == "alias" and key in keys for (_, kind), keys in context.remembered.known.items())
    return managed or any((kind, k) == ("alias", key) for _, kind, k in context.remembered.inventory)
