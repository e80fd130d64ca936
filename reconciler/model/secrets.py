"""Passwords that this run makes, or is given. They exist in memory only, one for each account, and end with the run."""

from __future__ import annotations

import secrets
import string
from threading import Lock

from pydantic import SecretStr

# letters and digits that nobody confuses when typing them from paper
_LETTERS = "".join(c for c in string.ascii_letters if c not in "IlOo")
_DIGITS = "23456789"
_GROUPS, _GROUP = 4, 5


class Passwords:
    """Hands out one password an account, the same one to every system and every thread that asks during this run."""

    def __init__(self) -> None:
        self._made: dict[str, SecretStr] = {}
        self._lock = Lock()

    def give(self, account: str, password: SecretStr) -> None:
        """Hands out this one for the account, which somebody typed, instead of one that is made here."""
        with self._lock:
            self._made[account] = password

    def of(self, account: str) -> SecretStr:
        """The password of this account in this run; made at the first call."""
        with self._lock:
            if account not in self._made:
                self._made[account] = SecretStr(make_password())
            return self._made[account]


def make_password() -> str:
    """Four groups of five letters and digits, 115 bits; satisfies PostfixAdmin's rule (facts/postfixadmin.md 9)."""
    while True:
        text = "-".join("".join(secrets.choice(_LETTERS + _DIGITS) for _ in range(_GROUP)) for _ in range(_GROUPS))
        if sum(c.isdigit() for c in text) >= 2 and sum(c.isalpha() for c in text) >= 3:
            return text
