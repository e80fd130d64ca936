"""Which letter an account gets, and what it says of their addresses. For `side_effects` and `perform`; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from reconciler.model.addresses import Address, domain_of, local_part
from reconciler.model.declared import Mailbox, OldMailbox, Rename
from reconciler.planning.changes import Action, Change
from reconciler.planning.plan_context import PlanContext
from reconciler.settings import Settings
from reconciler.systems.letters.letter import ACCOUNT, MOVED, PASSWORD, RENAMED, Content

_RECENT = timedelta(days=60)
"""How long after a rename a new password still comes with the letter that explains it: the run that should have told
them may have died, and by then nothing that can be read shows it."""


def occasion(
    context: PlanContext, account: Address, changes: Sequence[Change], *, renew: bool, welcome: bool = False
) -> str:
    """The template of the letter, when there is one to write. Without `renew` the password stays. `welcome`: the run
    that made the mailbox died before it told them anything, so this is their first letter."""
    if not renew:
        return MOVED
    made = any(c.kind == "mailbox" and c.action is Action.CREATE and c.key == account for c in changes)
    renames = context.chains.former.get(account, ())
    if renames and (made or _follows(changes) or context.today - renames[0].date <= _RECENT):
        return RENAMED
    return ACCOUNT if made or welcome else PASSWORD


def _follows(changes: Sequence[Change]) -> bool:
    return any(c.kind in ("mailbox", "ox_user") and c.action is Action.RENAME for c in changes)


def content(context: PlanContext, account: Address, member: str, settings: Settings) -> Content:
    """What a letter says of the account, but for password, web page and sender."""
    box, former = context.desired.mailboxes.get(account), context.chains.addresses(account)[1:]
    renames = context.chains.former.get(account, ())
    return Content(
        address=account,
        login=account,
        given_name=(box and box.given_name) or "",
        name=(box and box.name) or "",
        web_login=_web_login(box, settings),
        addresses=(account, *former, f"{member}@{domain_of(account)}"),
        old_address=former[0] if former else "",
        old_mail=_old_mail(box, renames, settings),
        groupware=bool(box and box.groupware),
    )


def _old_mail(box: Mailbox | None, renames: Sequence[Rename], settings: Settings) -> str:
    """See Content. Attaching needs a site file that says where OX' web interface and its mail servers are."""
    if not renames:
        return ""
    if renames[0].old_mailbox is OldMailbox.MOVE:
        return "moved"
    section = settings.openxchange
    reachable = section is not None and None not in (section.web_url, section.imap, section.smtp)
    return "attached" if box is not None and box.groupware and reachable else "separate"


def _web_login(box: Mailbox | None, settings: Settings) -> str:
    """The declared login of the groupware, where it is neither the address nor what the site makes of it anyway."""
    groupware = settings.openxchange
    if box is None or not box.groupware or groupware is None:
        return ""
    usual = box.address if groupware.username == "address" else local_part(box.address)
    return "" if box.username in (None, box.address, usual) else str(box.username)
