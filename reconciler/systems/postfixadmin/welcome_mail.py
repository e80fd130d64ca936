"""The first mail to a new mailbox: Dovecot makes the maildir when it arrives (facts/postfixadmin.md 5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from reconciler.errors import Halted
from reconciler.model.addresses import domain_of
from reconciler.planning.changes import Outcome, Result, Step
from reconciler.remote.mailer import Mailer, is_uncertain
from reconciler.settings import Letters
from reconciler.systems.system_context import Fence

_TEXTS = {
    "de": ("Willkommen", "Hallo,\n\ndieses Postfach ist eingerichtet: {address}\n"),
    "en": ("Welcome", "Hello,\n\nthis mailbox is ready: {address}\n"),
}
_HINT = "send any mail to this mailbox, so that its maildir is made; and check letters.smtp"


async def send_welcome(mailer: Mailer, letters: Letters | None, steps: Sequence[Step], fence: Fence) -> list[Outcome]:
    """Sends one message a step. Raises Unreadable when the mail server cannot be reached."""
    outcomes = []
    for step in steps:
        try:
            async with fence.effect(step.change.owner):
                (answer,) = await mailer.send([_message(step.change.key, letters)])
        except Halted as error:
            outcomes.append(Outcome.of(error))
        else:
            outcomes.append(_outcome(step.change.key, answer))
    return outcomes


def _outcome(address: str, answer: str | None) -> Outcome:
    if answer is None:
        return Outcome(Result.DONE)
    if is_uncertain(answer):
        message = f"the welcome mail to {address} may or may not have arrived: {answer}"
        return Outcome(Result.UNCERTAIN, message, "ask the person whether it is there; if not, send them any mail")
    return Outcome(Result.FAILED, f"the welcome mail to {address} was not accepted: {answer}", _HINT)


def _message(address: str, letters: Letters | None) -> EmailMessage:
    subject, text = _TEXTS[letters.language if letters else "de"]
    domain = domain_of(address)
    message = EmailMessage()
    message["From"] = letters.sender if letters else f"postmaster@{domain}"
    message["To"] = address
    message["Subject"] = subject
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=domain)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation answers to it
    message.set_content(text.format(address=address))
    return message
