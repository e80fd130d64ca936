"""What PostfixAdmin should hold: pure, from what git declares. The counterpart of `observe`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from reconciler.model.addresses import Address, domain_of
from reconciler.model.declared import Mailbox
from reconciler.model.name_folding import folded
from reconciler.model.records import AliasRole, AliasRow, MailboxRow, Records, Row
from reconciler.planning.plan_context import PlanContext
from reconciler.setting_values import parse_quota
from reconciler.settings import Settings
from reconciler.systems.postfixadmin.due_entries import Chain, chain_of


def expect(context: PlanContext, settings: Settings) -> Records:
    """Mailboxes with their own and member aliases, what they were under former addresses, and the declared aliases.

    Rows carry a creation's values; what renames and removals mean for what is there is a matter of `match`.
    """
    desired, quota = context.desired, parse_quota(settings.policy.default_quota)
    aliases: dict[str, Row] = {}
    mailboxes: dict[str, Row] = {}
    for mailbox in desired.mailboxes.values():
        mailboxes[mailbox.address] = _mailbox(mailbox, quota)
        for alias in _own_aliases(mailbox):
            aliases[alias.key] = alias
        chain = chain_of(mailbox, context.chains)
        if chain is not None:
            aliases |= {alias.key: alias for alias in _former_aliases(chain)}
            mailboxes |= {row.key: row for row in _former_mailboxes(chain)}
    for address, declared in desired.aliases.items():
        goto = tuple(sorted(declared.goto))
        aliases[address] = AliasRow(address, address, goto, declared.active, AliasRole.DECLARED)
    # aliases first: PostfixAdmin's own order, and steps of one account keep it (facts/postfixadmin.md 5.2)
    return {"alias": aliases, "mailbox": mailboxes}


def member_address(mailbox: Mailbox) -> Address | None:
    """`10042@` the domain of the mailbox; None without a member number."""
    return Address(sys.intern(f"{mailbox.member}@{domain_of(mailbox.address)}")) if mailbox.member else None


def _mailbox(mailbox: Mailbox, default_quota: int) -> MailboxRow:
    return MailboxRow(
        mailbox.address,
        mailbox.address,
        folded(mailbox.name) if mailbox.name is not None else "",
        default_quota if mailbox.quota is None else mailbox.quota,
        mailbox.active,
        mailbox.name is not None,
        mailbox.quota is not None,
    )


def _own_aliases(mailbox: Mailbox) -> Iterator[AliasRow]:
    address, active = mailbox.address, mailbox.active
    goto = (address,)
    yield AliasRow(address, address, goto, active, AliasRole.OWN)
    member = member_address(mailbox)
    if member is not None:
        # a disabled mailbox keeps its member alias as it is found (docs/state-language.md)
        yield AliasRow(member, address, goto, True, AliasRole.MEMBER, active)


def _former_aliases(chain: Chain) -> Iterator[AliasRow]:
    account, active = chain.key, chain.active
    for former in chain.former:
        yield AliasRow(former.address, account, (account,), True, AliasRole.FORMER, active)
    for member in chain.members:
        # as long as it is there: nobody needs it in a domain that its person left
        yield AliasRow(member, account, (account,), True, AliasRole.MEMBER, active_managed=False)


def _former_mailboxes(chain: Chain) -> Iterator[MailboxRow]:
    """Old mailboxes that stay: their name is made of the new one's, which `match` knows; their quota is their own."""
    for former in chain.former:
        if not former.move:
            yield MailboxRow(former.address, chain.key, "", 0, chain.active, name_managed=True)
