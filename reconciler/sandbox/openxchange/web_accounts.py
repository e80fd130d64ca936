"""Mail accounts of one user, as the module `account` of OX's HTTP interface has them (`facts/open-xchange.md` 6, 11).

Account 0 is the user's own mailbox; the others are in the store. Called by `web.py`; `control.py` reads them too.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from reconciler.sandbox.openxchange import store
from reconciler.sandbox.openxchange.switches import Switches
from reconciler.sandbox.openxchange.users import User
from reconciler.sandbox.openxchange.web_errors import WebFailure, warning
from reconciler.sandbox.openxchange.web_trial import trial

Account = dict[str, Any]
Answer = dict[str, Any]

COLUMNS = {
    1001: "id",
    1002: "login",
    1003: "password",
    1004: "mail_url",
    1005: "transport_url",
    1006: "name",
    1007: "primary_address",
    1015: "mail_server",
    1016: "mail_port",
    1017: "mail_protocol",
    1018: "mail_secure",
    1019: "transport_server",
    1020: "transport_port",
    1021: "transport_protocol",
    1022: "transport_secure",
    1023: "transport_login",
    1024: "transport_password",
    1025: "unified_inbox_enabled",
    1037: "personal",
    1038: "reply_to",
    1039: "addresses",
    1043: "transport_auth",
    1044: "mail_starttls",
    1045: "transport_starttls",
}
_SECRET = ("password", "transport_password")
_PARTS = ("server", "port", "protocol")
_MAY = "access-multiple-mail-accounts"


class Accounts:
    """The accounts of the user who is logged in."""

    def __init__(self, connection: sqlite3.Connection, context: int, user: User, switches: Switches) -> None:
        self._connection = connection
        self._context = context
        self._user = user
        self._switches = switches

    def all(self, columns: Sequence[int]) -> Answer:
        """Every account as an array in the order of the columns; passwords are never told."""
        names = [COLUMNS.get(number, "") for number in columns or COLUMNS]
        accounts = [self._primary(), *stored(self._connection, self._context, self._user.id)]
        return {"data": [[_shown(account).get(name) for name in names] for account in accounts]}

    def get(self, number: int) -> Answer:
        """One account."""
        return {"data": _shown(self._primary() if number == 0 else self._one(number))}

    def new(self, body: Mapping[str, Any]) -> Answer:
        """Creates one. A failed trial login warns or refuses: `trial` of the switches."""
        self._may()
        account = _complete(dict(body))
        self._refuse_duplicates(account)
        failed = self._tried(account)
        if failed and self._switches.trial == "refuse":
            raise WebFailure("ACC-0020", failed)
        with store.transaction(self._connection):
            account["id"] = store.count(self._connection, f"account:{self._context}")
            self._write(account)
        return self._warned({"data": _shown(account)}, failed)

    def update(self, body: Mapping[str, Any]) -> Answer:
        """Changes what is given."""
        self._may()
        if body.get("id") == 0:
            raise WebFailure("ACC-0007", "The default account cannot be changed")
        with store.transaction(self._connection):
            account = _complete(_merged(self._one(_number(body.get("id"))), body))
            self._write(account)
        return self._warned({"data": _shown(account)}, self._tried(account))

    def validate(self, body: Mapping[str, Any]) -> Answer:
        """Tries one without creating it."""
        self._may()
        failed = self._tried(_complete(dict(body)))
        return self._warned({"data": failed is None}, failed)

    def delete(self, numbers: Sequence[object]) -> Answer:
        """Deletes several, and says which."""
        chosen = [_number(number) for number in numbers]
        if 0 in chosen:
            raise WebFailure("ACC-0006", "The default account cannot be deleted")
        with store.transaction(self._connection):
            there = [number for number in chosen if self._one(number)]
            self._connection.executemany(
                "DELETE FROM mail_account WHERE cid = ? AND user = ? AND id = ?",
                [(self._context, self._user.id, number) for number in there],
            )
        return {"data": there}

    def _may(self) -> None:
        if _MAY not in self._user.access:
            message = f"Multiple mail accounts not enabled for user {self._user.id} in context {self._context}."
            raise WebFailure("ACC-0014", message)

    def _tried(self, account: Account) -> str | None:
        return None if self._switches.trial == "off" else trial(account)

    def _warned(self, answer: Answer, failed: str | None) -> Answer:
        if failed is None:
            return answer
        warned = warning("ACC-0020", failed)
        # a lone warning may stand beside the data (facts 11)
        return answer | warned if self._switches.trial == "warn_beside" else answer | {"warnings": [warned]}

    def _refuse_duplicates(self, account: Account) -> None:
        """The same address first, then the same login on the same server (facts 11)."""
        others = [self._primary(), *stored(self._connection, self._context, self._user.id)]
        address = str(account["primary_address"]).lower()
        if any(str(other["primary_address"]).lower() == address for other in others):
            raise WebFailure("ACC-0015", f"There is already an account with the address {address}")
        place = ("mail_server", "mail_port", "login")
        if any(all(other.get(name) == account[name] for name in place) for other in others):
            raise WebFailure("ACC-0017", f"Duplicate mail account for user {self._user.id}")

    def _primary(self) -> Account:
        fields = self._user.fields
        login = fields.get("ImapLogin") or fields.get("PrimaryEmail")
        account = {"id": 0, "name": "E-Mail", "login": login, "primary_address": fields.get("PrimaryEmail")}
        url = fields.get("ImapServer") or "imap://localhost:143"
        return account | {"addresses": ",".join(sorted(self._user.aliases))} | _parts("mail", {"mail_url": url})

    def _one(self, number: int) -> Account:
        for account in stored(self._connection, self._context, self._user.id):
            if account["id"] == number:
                return account
        raise WebFailure("ACC-0002", f"Cannot find mail account {number} of user {self._user.id}")

    def _write(self, account: Account) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO mail_account (cid, user, id, fields) VALUES (?, ?, ?, ?)",
            (self._context, self._user.id, account["id"], json.dumps(account)),
        )


def stored(connection: sqlite3.Connection, context: int, user_id: int) -> list[Account]:
    """The accounts of a user that somebody attached, with their passwords."""
    rows = connection.execute(
        "SELECT fields FROM mail_account WHERE cid = ? AND user = ? ORDER BY id", (context, user_id)
    )
    return [json.loads(row["fields"]) for row in rows]


def _complete(given: Account) -> Account:
    """With both the URL and its parts. Raises WebFailure."""
    for name in ("login", "password", "primary_address"):
        if not given.get(name):
            raise WebFailure("STI-0001", f"The field {name} is missing")
    account = given | _parts("mail", given) | _parts("transport", given)
    if account.get("transport_auth", "mail") != "custom":
        account.pop("transport_login", None)
        account.pop("transport_password", None)
    if account.get("name") in (None, "", "null"):
        account["name"] = account["primary_address"]
    return account


def _merged(account: Account, changes: Mapping[str, Any]) -> Account:
    """A new URL comes with parts of its own."""
    stale = [f"{prefix}_{part}" for prefix in ("mail", "transport") if f"{prefix}_url" in changes for part in _PARTS]
    return {name: value for name, value in account.items() if name not in stale} | dict(changes)


def _parts(prefix: str, given: Mapping[str, Any]) -> Account:
    """Parts beside a URL override what is in it (facts 6)."""
    try:
        url = urlsplit(str(given.get(f"{prefix}_url") or ""))
        parts = {"server": url.hostname, "port": url.port, "protocol": url.scheme or None}
    except ValueError:
        raise WebFailure("ACC-0019", f"Bad host name in {prefix}_url") from None
    found = {f"{prefix}_{name}": given.get(f"{prefix}_{name}") or value for name, value in parts.items()}
    if prefix == "mail" and not (found["mail_server"] and found["mail_port"]):
        raise WebFailure("ACC-0019", "No mail server")
    if found[f"{prefix}_protocol"] in ("imaps", "smtps"):
        raise WebFailure("STI-0002", f"No provider for the protocol {found[f'{prefix}_protocol']}")
    return found


def _shown(account: Account) -> Account:
    return {name: None if name in _SECRET else value for name, value in account.items()}


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise WebFailure("STI-0001", "Expected an id")
    return value
