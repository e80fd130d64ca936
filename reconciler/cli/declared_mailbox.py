"""Which declared mailbox an address on the command line means, for commands about one account."""

from __future__ import annotations

from difflib import get_close_matches

from reconciler.errors import UsageError
from reconciler.model.addresses import BadAddress, domain_of, local_part, parse_address
from reconciler.model.declared import Mailbox
from reconciler.planning.plan_context import PlanContext


def declared_mailbox(context: PlanContext, asked: str, command: str) -> Mailbox:
    """The mailbox, also by a local part that only one has. `command`: what to type for another address. Raises
    UsageError that says what the address is instead."""
    desired = context.desired
    names = [address for address in desired.mailboxes if local_part(address) == asked.lower()]
    if len(names) > 1:
        raise UsageError(f"{asked} may be {' or '.join(names)}", hint="write the whole address")
    domains = {domain_of(address) for address in desired.mailboxes}
    if not names and "@" not in asked and len(domains) != 1:
        hint = f"the whole address, with one of {', '.join(sorted(domains)[:5])}" if domains else "the whole address"
        raise UsageError(f"{asked!r} has no domain", hint=f"write {hint}: {command} anna.beispiel@mail.example")
    try:
        address = names[0] if names else parse_address(asked, domains.pop() if len(domains) == 1 else None)
    except BadAddress as error:
        raise UsageError(str(error), hint=f"example: {command} anna.beispiel@mail.example") from None
    box, now = desired.mailboxes.get(address), context.chains.of(address)
    if now != address:
        message = f"{address} is a former address of {now}, and they have one password"
        raise UsageError(message, hint=f"name the present one: {command} {now}")
    if address in desired.aliases:
        goto = ", ".join(desired.aliases[address].goto)
        raise UsageError(f"{address} is an alias to {goto}: nobody logs in with it", hint="name the mailbox")
    if address in context.removed:
        message = f"the removal of {address} is declared: it has no password any more, and gets no letter"
        raise UsageError(message, hint="take the entry under `removals:` out, declare the mailbox, and apply first")
    if box is None:
        near = get_close_matches(address, desired.mailboxes, n=1, cutoff=0.85)
        hint = f"did you mean {near[0]}?" if near else "declare it first: reconciler add mailbox, or reconciler import"
        raise UsageError(f"{address} is not declared as a mailbox", hint=hint)
    return box
