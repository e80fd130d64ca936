"""Mailboxes among each other and under the policy: member numbers, naming."""

from __future__ import annotations

import re

from reconciler.declared.check.merge import Tables
from reconciler.declared.problems import Problems, Spot
from reconciler.model.addresses import local_part


def check_mailboxes(tables: Tables, problems: Problems) -> None:
    """A member has one account; a name outside the pattern is a warning here and a gate (`naming`) in the plan."""
    pattern = re.compile(tables.site.policy.local_part)
    for address, mailbox in tables.mailboxes.items():
        if not pattern.fullmatch(local_part(address)):
            message = f"{address} does not follow the naming pattern {pattern.pattern}"
            hint = "rename it before it is created; a mailbox that is live already is left alone"
            problems.warn("naming", address, message, hint, mailbox.origin)
        if mailbox.member is None:
            if mailbox.password_reset is not None:
                message = f"{address} has no `member`, so no letter can tell the new password"
                hint = "write their member number, or remove `password_reset` and set the password by hand"
                problems.warn("password-reset", address, message, hint, Spot(mailbox.origin, ("password_reset",)))
            continue
        first = tables.members[mailbox.member]
        if first is not mailbox:
            message = f"member {mailbox.member} has two accounts, {first.address} and {address}"
            hint = "leave `member` in one of them; a second address of a person is an alias"
            spot = Spot(mailbox.origin, ("member",))
            problems.error("member", address, message, hint, spot, other=first.origin)
