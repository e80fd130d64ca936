"""A letter: template and values to a message that is ready to go.

A template is text whose first line is `Subject: …`, then an empty line, then the letter. It may use the fields of
Content. A site's own folder goes before ours; templates come from git, so they run in Jinja's sandbox.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from reconciler.errors import PermanentFailure, UsageError
from reconciler.model.addresses import BadAddress, domain_of, parse_address
from reconciler.settings import Letters, Settings

ACCOUNT = "account"
"""A new account, with its password."""
RENAMED = "renamed"
"""The address has changed, and so has the password."""
PASSWORD = "password"  # the name of a template
"""Nothing but a new password."""
MOVED = "moved"
"""The address has changed, the password stays; the template cannot use a password."""
TEMPLATES = (ACCOUNT, RENAMED, PASSWORD, MOVED)

_OURS = Path(__file__).parent / "templates"
_SUBJECT = "Subject: "


@dataclass(frozen=True, slots=True)
class Content:
    """What a template may say. Empty text means: not known."""

    address: str
    login: str
    password: str = field(default="", repr=False)
    given_name: str = ""
    name: str = ""
    web_url: str = ""
    """Where to log in with a browser."""
    sender_name: str = ""
    """Who signs: the name in `letters.from`, else its address."""
    web_login: str = ""
    """The login in the browser, where it is another one than `login`."""
    addresses: tuple[str, ...] = ()
    """All that lead to them: the present one, former ones, the member number's."""
    old_address: str = ""
    """The one that the last rename left."""
    old_mail: str = ""
    """Where the mail of the old address is: `attached` in the web interface, `separate`, or `moved` along."""
    groupware: bool = False


class Stationery:
    """Templates and sender of one site; made once, so that a broken template is found before anything is done."""

    def __init__(self, settings: Settings, letters: Letters) -> None:
        self._letters = letters
        self._zone = ZoneInfo(settings.timezone)
        self._sender = _sender(letters.sender)
        self.sender_name = self._sender.display_name or self._sender.addr_spec
        folders = [_OURS]
        if letters.templates is not None:
            own = settings.path(letters.templates)
            if not own.is_dir():
                raise UsageError(
                    f"letters: templates: {letters.templates} is not a folder",
                    hint=f"make it, with account.{letters.language}.txt.j2 in it, or leave the line out",
                )
            folders.insert(0, own)
        self._templates = ImmutableSandboxedEnvironment(
            loader=_Inside(folders),
            undefined=StrictUndefined,
            autoescape=False,  # plain text
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        for template in TEMPLATES:
            for probe in _PROBES:
                self._text(template, probe)

    def message(self, template: str, recipient: str, content: Content) -> EmailMessage:
        """The message to `recipient` alone. Raises PermanentFailure when a value would break out of its line."""
        for name, value in asdict(content).items():
            if any(map(_breaks_out, value if isinstance(value, tuple) else (str(value),))):
                raise PermanentFailure(
                    f"the letter for {content.address} was not written: {name} holds a line break or control character",
                    hint=f"remove it, then set a new password for {content.address} and hand it over by other means",
                )
        subject, body = self._text(template, content)
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = HeaderAddress(addr_spec=recipient)
        message["Subject"] = subject
        message["Date"] = format_datetime(datetime.now(self._zone))
        message["Message-ID"] = make_msgid(domain=self._sender.domain)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers it
        message.set_content(body, charset="utf-8", cte="quoted-printable")
        return message

    def _text(self, template: str, content: Content) -> tuple[str, str]:
        """Subject and body. Raises UsageError that names the template and the line."""
        file = f"{template}.{self._letters.language}.txt.j2"
        values = asdict(content)
        if template == MOVED:
            del values["password"]
        try:
            text = self._templates.get_template(file).render(values)
        except TemplateNotFound:
            raise UsageError(f"there is no letter template {file}", hint=f"add {file} to letters: templates:") from None
        except TemplateSyntaxError as error:
            raise _broken(file, f"line {error.lineno}: {error.message}") from None
        except UnicodeDecodeError:
            raise _broken(file, "it is not UTF-8") from None
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            # a template is code: it can divide by zero
            raise _broken(file, f"{type(error).__name__}: {error}") from None
        subject, _, body = text.partition("\n")
        if not subject.startswith(_SUBJECT) or not subject.removeprefix(_SUBJECT).strip():
            raise _broken(file, f"its first line must be `{_SUBJECT}…`")
        return subject.removeprefix(_SUBJECT).strip(), body.lstrip("\n")


class _Inside(FileSystemLoader):
    """Follows no link out of the template folders: review shows only the link, and the letter would show the file."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        text, file, fresh = super().get_source(environment, template)
        if not any(Path(file).resolve().is_relative_to(Path(folder).resolve()) for folder in self.searchpath):
            raise UsageError(
                f"the letter template {template} is a link that leads out of its folder",
                hint="put the file itself there: git shows only what is inside",
            )
        return text, file, fresh


_BARE = Content("probe@mail.example", "probe", "probe", "Probe", "Probe", sender_name="Probe")
_FULL = replace(
    _BARE,
    web_url="https://mail.example/",
    web_login="probe",
    addresses=("probe@mail.example",),
    old_address="old@mail.example",
    groupware=True,
)
_PROBES = (_BARE, *(replace(_FULL, old_mail=where) for where in ("attached", "separate", "moved")))
"""Both sides of what a template may ask."""


def _breaks_out(text: str) -> bool:
    """Whether it holds a control character or any kind of line break."""
    return any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)


def _broken(file: str, reason: str) -> UsageError:
    fields = ", ".join(Content.__dataclass_fields__)
    return UsageError(f"the letter template {file} is wrong: {reason}", hint=f"it may use {fields}")


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
