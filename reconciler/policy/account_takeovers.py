"""Gates about whose an account is: a person keeps theirs, whatever the spelling of addresses in git becomes."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.addresses import Address, domain_of, local_part, without_extension
from reconciler.model.records import AliasRow, MailboxRow, Owner, Scope
from reconciler.planning.changes import Action, Change
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.transitions import Transition, rewritten
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import about, refusal
from reconciler.translation import tr


def member_changed(context: GateContext) -> Iterator[Finding]:
    """An address that had one person's account goes to another one only when somebody has looked at it."""
    for owner, (before, another) in context.identity.changed.items():
        if context.stopped.get(owner) is Severity.LATER:
            continue
        box = context.desired.mailboxes[Address(owner.subject)]
        who = tr("member {number}", number=box.member) if box.member else tr("nobody's member number")
        message = tr("{address} was {before}, and is declared with {who}", address=box.address, before=before, who=who)
        if another:
            message = tr(
                "{message}: and mailbox, mail and OX account would pass over, with a new password", message=message
            )
        else:
            message = tr("{message}: is that the same person?", message=message)
        hint = tr(
            "correct the number; or confirm that it is the same person, or that this one may have what the other left"
        )
        place = context.locate(box.origin)
        yield Finding(Severity.REFUSAL, "member-changed", box.address, message, hint, place, owner)


def foreign_mailbox(context: GateContext) -> Iterator[Finding]:
    """A rename gives one person's password to all mailboxes of its chain: each of them must be that person's, or a bare
    one that may be the first step of this rename, done by hand."""
    live = context.live(MailboxRow)
    for transition in context.transitions:
        account = Address(transition.owner.subject)
        chain, box = context.chains.former.get(account), context.declared(transition)
        if chain is None or box is None or not renames(transition, context) or not any(r.old in live for r in chain):
            continue
        first = chain[-1].old
        for address in context.chains.addresses(account):
            row = live.get(address)
            if row is None or row.key != address or address == first:
                continue
            named = f"{address} ({row.name})" if row.name else address
            message = tr("{address} is a mailbox already", address=named)
            if why := context.identity.somebody_elses(box, address):
                hint = tr("choose another address; or confirm, when both are the same person's")
                message = tr("{message}, and not that of {first}: {why}", message=message, first=first, why=why)
                yield refusal(transition, "foreign", message, hint)
            elif not context.identity.is_known(box, address):
                hint = tr(
                    "nothing shows whose it is; if it is not that of {first}, choose another address", first=first
                )
                message = tr("{message}: it is taken for the first step of this rename", message=message)
                yield about(transition, Severity.NOTE, "rename-by-hand", message, hint)


def renames(transition: Transition, context: GateContext) -> bool:
    """Whether the account's address changes in this transition, in any system; drift after a rename is none."""
    renamed = Address(transition.owner.subject) in context.chains.former
    return renamed and any(_moves(change, transition.owner) for change in transition.changes)


def _moves(change: Change, owner: Owner) -> bool:
    if change.action is Action.RENAME or change.makes_credential:
        return True
    # the old address becomes an alias of the new one
    return isinstance(change.after, AliasRow) and change.key != owner.subject and change.after.goto == (owner.subject,)


def foreign_number(context: GateContext) -> Iterator[Finding]:
    """The alias of a member number that somebody else made, and that leads elsewhere, is not overwritten."""
    live = context.live(MailboxRow)
    for transition, before, after in _numbers(context):
        if before is None or before.goto == after.goto or is_ours(context, after.key):
            continue
        others = set(before.goto).difference(context.chains.addresses(Address(transition.owner.subject)))
        # a number of a mailbox that nobody names is a matter of `suspected-rename`
        if others and not context.unnamed(others & live.keys()):
            message = tr(
                "the alias {address} leads to {targets}, and reconciler did not make it",
                address=after.key,
                targets=", ".join(before.goto),
            )
            hint = tr(
                "is {number} the right number? Delete that alias in PostfixAdmin, or confirm",
                number=local_part(after.key),
            )
            yield refusal(transition, "foreign", message, hint)


def foreign_alias(context: GateContext) -> Iterator[Finding]:
    """An alias that somebody else made is at the address of a mailbox that is to be made, or at a former address; or a
    declared alias is at the address of a live mailbox that git does not name."""
    live = context.live(MailboxRow)
    for transition, before, after in context.changes(AliasRow):
        if after is None:
            continue
        at = live.get(after.key)
        is_live = at is not None and at.key == after.key
        if transition.owner.scope is Scope.ALIAS and is_live:
            yield from _takes_a_mailbox(context, transition, after)
        elif transition.owner.scope is Scope.ACCOUNT and not is_live and before is not None:
            yield from _takes_an_alias(context, transition, before)


def _takes_a_mailbox(context: GateContext, transition: Transition, alias: AliasRow) -> Iterator[Finding]:
    key, today = alias.key, context.desired.today
    leaves = any(removal.mailbox == key and removal.date <= today for removal in context.desired.removals)
    if not leaves and key not in context.remembered.aliases and key not in alias.goto:
        message = tr(
            "{address} is a live mailbox that git does not declare: this alias would take its mail", address=key
        )
        hint = tr(
            "declare {address} under `mailboxes:` or `removals:`, or choose another address; or confirm", address=key
        )
        yield refusal(transition, "foreign", message, hint)


def _takes_an_alias(context: GateContext, transition: Transition, alias: AliasRow) -> Iterator[Finding]:
    account, box = transition.owner.subject, context.declared(transition)
    addresses = set(context.chains.addresses(Address(account)))
    if alias.key not in addresses or not alias.goto:
        return
    own = addresses | ({f"{box.member}@{domain_of(a)}" for a in addresses} if box and box.member else set())
    # one that leads to this person already may have other targets, which stay; so may the own alias of a former mailbox
    others = own - {account} if alias.key == account else own
    theirs = set(alias.goto) <= own or not others.isdisjoint(alias.goto)
    if not theirs and not is_ours(context, alias.key):
        message = tr(
            "the alias {address} leads to {targets}, and reconciler did not make it",
            address=alias.key,
            targets=", ".join(alias.goto),
        )
        hint = tr(
            "delete that alias in PostfixAdmin, or choose another address; or confirm: it then leads to {account} "
            "alone",
            account=account,
        )
        yield refusal(transition, "foreign", message, hint)


def waiting_alias(context: GateContext) -> Iterator[Finding]:
    """No alias leads to an address before its account is carried out: until a rename is, its target may be somebody
    else's; so may an account that is to go to another person, and an alias at the address of a mailbox to be made."""
    for transition, before, after in context.changes(AliasRow, Scope.ALIAS):
        if after is not None:
            yield from _waiting(context, transition, sorted(set(after.goto) - set(before.goto if before else ())))
    for transition, change in ((t, change) for t in context.transitions for change in t.changes):
        for target in sorted(rewritten(context.plan, change)):
            severity = context.stopped.get(Owner(Scope.ACCOUNT, target))
            if severity is not None:
                yield _rewritten_too_early(transition, change.key, target, severity)


def moved_numbers(context: GateContext) -> Iterator[tuple[Transition, AliasRow | None, AliasRow]]:
    """Member numbers that do not lead to their account yet, before and after."""
    for transition, before, after in _numbers(context):
        addresses = context.chains.addresses(Address(transition.owner.subject))
        if before is None or (before.goto and set(before.goto).isdisjoint(addresses)):
            yield transition, before, after


def _numbers(context: GateContext) -> Iterator[tuple[Transition, AliasRow | None, AliasRow]]:
    """The aliases of declared member numbers that change."""
    for transition, before, after in context.changes(AliasRow, Scope.ACCOUNT):
        box = context.declared(transition)
        if box is not None and after is not None and local_part(after.key) == box.member:
            yield transition, before, after


def _waiting(context: GateContext, transition: Transition, targets: list[str]) -> Iterator[Finding]:
    delimiter = context.snapshot.delimiter
    for target in dict.fromkeys(without_extension(target, delimiter)[0] for target in targets):
        owner = Owner(Scope.ACCOUNT, target)
        severity = context.stopped.get(owner)
        if severity is not None and _is_anothers(context, owner):
            message = tr(
                "{address} leads to {target}, which is not yet the account that is declared",
                address=transition.owner.subject,
                target=target,
            )
            hint = tr("fix {target} first; the alias is then applied too", target=target)
            yield about(transition, severity, "waits-for-account", message, hint)
            return


def _rewritten_too_early(transition: Transition, alias: str, target: str, severity: Severity) -> Finding:
    message = tr(
        "{alias} is to lead to {target} as well, which is not yet the account that is declared",
        alias=alias,
        target=target,
    )
    hint = tr("fix {target} first; this rename is then applied too", target=target)
    return about(transition, severity, "waits-for-account", message, hint)


def _is_anothers(context: GateContext, owner: Owner) -> bool:
    """Whether what is live at the address of this stopped account may be somebody else's; an alias there without a
    mailbox may be, too."""
    if owner.subject in context.chains.former or owner in context.identity.changed:
        return True
    return owner.subject in context.live(AliasRow) and owner.subject not in context.live(MailboxRow)


def is_ours(context: GateContext, key: str) -> bool:
    """Whether the inventory has this alias."""
    known = any(kind == "alias" and key in keys for (_, kind), keys in context.remembered.known.items())
    return known or key in context.managed("alias")
