"""What the server refuses (`facts/open-xchange.md` 4 and 11). Called by createuser and changeuser inside their
transaction, so that what was unique here still is when it is written.

Every refusal is 103: only the text tells them apart.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping

from reconciler.sandbox.openxchange import users
from reconciler.sandbox.openxchange.failures import invalid_data
from reconciler.sandbox.openxchange.switches import Switches
from reconciler.sandbox.openxchange.users import User

_MANDATORY = {
    "Name": "name",
    "Display_name": "display_name",
    "Given_name": "given_name",
    "Sur_name": "sur_name",
    "PrimaryEmail": "primaryEmail",
}
_ADDRESSES = ("PrimaryEmail", "Email1", "Email2", "Email3", "DefaultSenderAddress")
_MUST_BE_ALIASES = ("PrimaryEmail", "Email1", "DefaultSenderAddress")
_ADDRESS = re.compile(r'(?:"[^"\r\n]+"|[^\s@<>()\[\],;:"]+)@[^\s@<>()\[\],;:"]+\Z')
_ALIASES_TEXT = "primaryMail, Email1 and defaultSenderAddress must be present in set of aliases."


class Rules:
    """The rules of one context, with the switches of its server."""

    def __init__(self, connection: sqlite3.Connection, context_id: int, switches: Switches) -> None:
        self._connection = connection
        self._context_id = context_id
        self._switches = switches

    def check_create(self, fresh: User, password: str | None) -> None:
        """The data checks, then the login, then the primary mail (1.6): a repeated createuser fails with the display
        name's text, not the login's."""
        missing = [name for column, name in _MANDATORY.items() if not fresh.fields.get(column)]
        if missing:
            raise invalid_data(f"Mandatory fields not set: {', '.join(missing)}")
        self._check_display_name(fresh)
        if not password:
            raise invalid_data("Empty password is not allowed.")
        self._check_login_characters(fresh.fields["Name"])
        _check_language(fresh.fields)
        if fresh.fields.get("Email1") is None:
            raise invalid_data("email1 not sent but required!")
        if fresh.fields["Email1"] != fresh.fields["PrimaryEmail"]:
            raise invalid_data("primarymail must have the same value as email1")
        _check_syntax(fresh)
        self._check_login_free(fresh)
        self._check_mail_free(fresh)

    def check_change(self, before: User, after: User, *, sent: Mapping[str, str | None], is_admin: bool) -> None:
        """`sent` is what the call carries, also where it equals what is stored. The context admin is exempt from the
        checks of addresses (3.3)."""
        self._check_rename(before, after)
        if after.fields.get("Display_name") != before.fields.get("Display_name"):
            self._check_display_name(after)
        _check_language(after.fields)
        if sent.get("PasswordMech") is not None and "Password" not in sent:
            raise invalid_data("A change of the password mechanism needs the password")
        if not is_admin:
            self._check_addresses(before, after, sent)

    def _check_rename(self, before: User, after: User) -> None:
        if after.fields.get("Name") == before.fields.get("Name"):
            return
        if not self._switches.USERNAME_CHANGEABLE:
            raise invalid_data("Changing username is disabled!")
        self._check_login_characters(after.fields.get("Name", ""))
        self._check_login_free(after)

    def _check_addresses(self, before: User, after: User, sent: Mapping[str, str | None]) -> None:
        primary, email1 = after.fields.get("PrimaryEmail"), after.fields.get("Email1")
        if "PrimaryEmail" in sent:
            self._check_primary(before, after)
            if sent.get("Email1") is None:
                raise invalid_data("email1 not sent but required!")
        if sent.get("Email1") is not None and (email1 or "").lower() != (primary or "").lower():
            raise invalid_data("email1 not equal with primarymail!")
        _check_syntax(after)
        _check_alias_set(after)

    def _check_primary(self, before: User, after: User) -> None:
        """Whether it is changed at all is asked ignoring case."""
        new, old = after.fields.get("PrimaryEmail"), before.fields.get("PrimaryEmail")
        if (new or "").lower() == (old or "").lower():
            return
        if self._switches.PRIMARY_MAIL_UNCHANGEABLE:
            raise invalid_data("primary mail must not be changed")
        self._check_mail_free(after)

    def _check_display_name(self, user: User) -> None:
        """The switch came with 7.8; before, the rule always stood (8)."""
        name = user.fields.get("Display_name")
        enforced = self._switches.enforceUniqueDisplayName or self._switches.version == "OLD"
        if name is None or not enforced:
            return
        rows = self._connection.execute(
            "SELECT display_name FROM user WHERE cid = ? AND display_key = ? AND id <> ?",
            (self._context_id, users.display_key(name), user.id),
        )
        if any(self._switches.displayNameIgnoresCase or row["display_name"] == name for row in rows):
            raise invalid_data("The displayname is already used")

    def _check_login_characters(self, login: str) -> None:
        if not self._switches.CHECK_USER_UID_FOR_NOT_ALLOWED_CHARS:
            return
        illegal = re.sub(self._switches.CHECK_USER_UID_REGEXP, "", login)
        if illegal:
            raise invalid_data(f'Illegal chars: "{illegal}"')

    def _check_login_free(self, user: User) -> None:
        other = users.find_login(self._connection, self._context_id, user.fields["Name"])
        if other is not None and other.id != user.id:
            raise invalid_data(f"User {user.fields['Name']} already exists in this context")

    def _check_mail_free(self, user: User) -> None:
        """Against primary addresses only: nobody checks aliases (4)."""
        mail = user.fields["PrimaryEmail"]
        row = self._connection.execute(
            "SELECT id FROM user WHERE cid = ? AND mail = ? AND id <> ?", (self._context_id, mail, user.id)
        ).fetchone()
        if row is not None:
            whose = f" (Already assigned to user {row['id']})." if self._switches.version == "MID" else ""
            raise invalid_data(f'Primary mail address "{mail}" already exists in context {self._context_id}{whose}')


def _check_language(fields: Mapping[str, str]) -> None:
    if "_" not in fields.get("Language", "_"):
        raise invalid_data("Language must contain an underscore, e.g. en_US")


def _check_syntax(user: User) -> None:
    addresses = [user.fields[column] for column in _ADDRESSES if column in user.fields]
    for address in (*addresses, *sorted(user.aliases)):
        if not _ADDRESS.match(address):
            raise invalid_data("Invalid email address")


def _check_alias_set(user: User) -> None:
    """Exact text once the domain is in one form; also on a change that touches no address at all (11)."""
    known = {_same_form(alias) for alias in user.aliases}
    wanted = {_same_form(user.fields[column]) for column in _MUST_BE_ALIASES if column in user.fields}
    if not wanted <= known:
        raise invalid_data(_ALIASES_TEXT)


def _same_form(address: str) -> str:
    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}{at}{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        raise invalid_data("Invalid email address") from None
