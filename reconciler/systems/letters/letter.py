"""A letter: template and values to a message that is ready to go."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict, replace
from datetime import datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr
from zoneinfo import ZoneInfo

from reconciler.errors import PermanentFailure, UsageError
from reconciler.model.addresses import BadAddress, domain_of, parse_address
from reconciler.settings import Letters, Settings
from reconciler.systems.letters.letter_templates import Content, Templates

NO_PASSWORD = "XXXXX-XXXXX-XXXXX-XXXXX"
"""Where a letter that is only looked at would have the password: as long as one."""


class Stationery:
    """Templates and sender of one site; made once, so that a broken template is found before anything is done."""

    def __init__(self, settings: Settings, letters: Letters) -> None:
        self._zone = ZoneInfo(settings.timezone)
        self.language = letters.language
        self._sender = _sender(letters.sender)
        self.sender_name = self._sender.display_name or self._sender.addr_spec
        self._templates = Templates(settings, letters)
        for broken in self._templates.broken():
            raise broken

    def preview(self, template: str, content: Content, recipient: str, language: str = "") -> str:
        """The letter as text, with its headers that a reader sees; `recipient` is a description."""
        subject, body = self._templates.text(
            template, replace(content, password=NO_PASSWORD, sender_name=self.sender_name), language
        )
        return f"From: {self._sender}\nTo: {recipient}\nSubject: {subject}\n\n{body}"

    def message(self, template: str, recipient: str, content: Content, language: str = "") -> EmailMessage:
        """The message to `recipient` alone, in the site's language unless another is given. Raises PermanentFailure
        when a value would break out of its line."""
        for name, value in asdict(content).items():
            if any(map(_breaks_out, value if isinstance(value, tuple) else (str(value),))):
                raise PermanentFailure(
                    f"the letter for {content.address} was not written: {name} holds a line break or control character",
                    hint=f"remove it, then set a new password for {content.address} and hand it over by other means",
                )
        subject, body = self._templates.text(template, content, language)
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = HeaderAddress(addr_spec=recipient)
        message["Subject"] = subject
        message["Date"] = format_datetime(datetime.now(self._zone))
        message["Message-ID"] = make_msgid(domain=self._sender.domain)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers it
        message.set_content(body, charset="utf-8", cte="quoted-printable")
        return message


def _breaks_out(text: str) -> bool:
    """Whether it holds a control character or any kind of line break."""
    return any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)


def _sender(text: str) -> HeaderAddress:
    name, address = parseaddr(text)
    try:
        if _breaks_out(text):
            raise BadAddress(f"{text!r} holds a line break or control character")
        canonical = parse_address(address)
    except BadAddress as error:
        raise UsageError(
            f"letters: from: {error}", hint='write it like `from: "AG Technik <technik@mail.example>"`'
        ) from None
    return HeaderAddress(name, canonical.rpartition("@")[0], domain_of(canonical))
