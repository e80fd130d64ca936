"""The gate `mail-flow`: nobody loses their mail by a plan unless git says so. Pure.

Judged over the tables as the open transitions would leave them, whatever kind of row changes. What git says on purpose
is no loss: the addresses of a removed or switched-off account, an alias whose entry was removed or is switched off.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.addresses import Address, domain_of, local_part
from reconciler.model.derived_rows import otherwise
from reconciler.model.records import AliasRow, MailboxRow, Owner, Scope
from reconciler.planning.changes import Action
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.forwards import counted, declared_targets
from reconciler.planning.mail_flow_before_after import MailFlow, mail_flow_of
from reconciler.planning.mail_resolution import Delivery
from reconciler.planning.transitions import Transition, switches_off
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import about
from reconciler.translation import marked, tr

RULE = "mail-flow"


def mail_flow(context: GateContext) -> Iterator[Finding]:
    """An address that had a destination and would have none, or a declared active mailbox that would get no mail."""
    stopped, reported = set(context.stopped), set[tuple[str, Owner]]()
    while True:  # what this stops keeps its rows, which may be another's loss
        left = [t for t in context.transitions if t.owner not in stopped]
        flow = mail_flow_of(context.snapshot, context.chains, left)
        if flow is None:
            return
        affected = flow.affected()
        found = [f for address in affected for f in _lost(context, flow, left, address) if _key(f) not in reported]
        if not found:
            break
        yield from found
        reported |= {_key(f) for f in found}
        stopped |= {f.owner for f in found if f.owner and context.confirmation(RULE, f.subject) is None}
    yield from _without_mail(context, flow, frozenset(affected))


def forward_only(context: GateContext) -> Iterator[Finding]:
    """A user's choice to keep nothing survives a rename, and is said; so is its end."""
    for transition, before, after in context.changes(AliasRow, Scope.ACCOUNT):
        account = transition.owner.subject
        if after is None or after.key != account:
            continue
        names = ", ".join(counted([target for target in after.goto if target != account], transition.private))
        # where it leads to another address of the account, that one's row says what the user chose
        own = context.chains.addresses(Address(account))
        had = before is not None and before.goto and not set(own) & set(before.goto)
        if account not in after.goto:
            message = tr(
                "mail to {account} goes to {targets} only, as its user chose; the mailbox gets none",
                account=account,
                targets=names,
            )
        elif had and names:
            message = tr(
                "mail to {account} reaches its mailbox as well from now on, besides {targets}",
                account=account,
                targets=names,
            )
        else:
            continue
        yield about(transition, Severity.NOTE, "forward-only", message, tr("users change that in PostfixAdmin"))


def _key(finding: Finding) -> tuple[str, Owner]:
    assert finding.owner is not None
    return finding.subject, finding.owner


def _lost(context: GateContext, flow: MailFlow, left: list[Transition], address: str) -> Iterator[Finding]:
    after = flow.after.deliver(address)
    if after.arrives or _on_purpose(context, left, flow, address):
        return
    before = flow.before.deliver(address)
    if not before.arrives and not _made(context, flow, address):
        return
    places = {t.owner: t.place for t in left}
    public = declared_targets(change for t in left for change in t.changes)
    for owner in flow.causes(address):
        if before.arrives:
            sentence = marked("mail to {address} reaches {targets} now and would reach nobody: {fate}")
        else:
            sentence = marked("{address} is made and would reach nobody: {fate}")
        message = tr(sentence, address=address, targets=_who(flow.people(before), public), fate=_fate(after, flow))
        hint = tr(
            "let {address} lead to somebody first, in git or in PostfixAdmin, or confirm that its mail may come back",
            address=address,
        )
        yield Finding(Severity.REFUSAL, RULE, address, message, hint, places.get(owner), owner)


def _made(context: GateContext, flow: MailFlow, address: str) -> bool:
    """Whether an active mailbox that git declares is made here."""
    box, row = context.desired.mailboxes.get(Address(address)), flow.after.mailbox(address)
    return box is not None and box.active and row is not None and row.active and flow.before.mailbox(address) is None


def _on_purpose(context: GateContext, left: list[Transition], flow: MailFlow, address: str) -> bool:
    """Whether the row of the address itself is to go or to be switched off, or its account is."""
    alias = context.desired.aliases.get(Address(address))
    if alias is not None and not alias.active:
        return True
    row = flow.before.alias(address)
    leads_to = {address} if row is None else {address, *row.goto} if local_part(address).isdecimal() else {address}
    accounts = {context.chains.of(target) for target in leads_to}
    for transition in left:
        for change in transition.changes:
            if change.action is Action.DELETE or switches_off(change):
                own = change.kind in ("alias", "mailbox") and change.key == address
                if own or (change.kind == "mailbox" and transition.owner.subject in accounts):
                    return True
    return False


def _without_mail(context: GateContext, flow: MailFlow, affected: frozenset[str]) -> Iterator[Finding]:
    """Declared active mailboxes that get no mail as it is, for which this plan does nothing: said, not refused."""
    aliases, mailboxes, declared = context.live(AliasRow), context.live(MailboxRow), context.desired.aliases
    boxes = context.desired.mailboxes
    keys = frozenset(boxes)
    # of all others the mailbox is on, and its own alias leads to it
    asked = otherwise(aliases, keys) | otherwise(mailboxes, keys) | keys.intersection(declared)
    for address, box in [(address, box) for address, box in boxes.items() if address in asked]:
        # `domains` reports a domain that is switched off
        if not box.active or address in affected or flow.after.is_off(domain_of(address)):
            continue
        alias, mailbox = flow.after.alias(address), flow.after.mailbox(address)
        if mailbox is None or not mailbox.active or (alias and alias.active and address in alias.goto):
            continue
        delivery = flow.after.deliver(address)
        if not delivery.arrives:
            message = tr("{address} gets no mail as it is: {fate}", address=address, fate=_fate(delivery, flow))
            hint = tr("correct the targets of the alias {address} in PostfixAdmin", address=address)
            owner = Owner(Scope.ACCOUNT, address)
            yield Finding(Severity.WARNING, RULE, address, message, hint, context.locate(box.origin), owner)


def _who(delivery: Delivery, public: frozenset[str]) -> str:
    names = counted(sorted(delivery.mailboxes | delivery.external), delivery.external - public)
    shown, more = ", ".join(names[:5]), len(names) - 5
    return tr("{names} and {number} more", names=shown, number=more) if more > 0 else shown


def _fate(delivery: Delivery, flow: MailFlow) -> str:
    if delivery.loops:
        return tr("it would go round in a loop at {addresses}", addresses=", ".join(sorted(delivery.loops)))
    if delivery.bounces:
        off = sorted({domain for end in delivery.bounces if flow.after.is_off(domain := domain_of(end))})
        ends = ", ".join(sorted(delivery.bounces)[:5])
        if not off:
            return tr("it would come back from {addresses}", addresses=ends)
        return tr(
            "it would come back from {addresses}, as the domain {domain} is switched off",
            addresses=ends,
            domain=", ".join(off[:5]),
        )
    return tr("only automatic answers are left")
