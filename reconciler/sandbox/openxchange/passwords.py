"""Passwords at rest: salted hashes. Used by the tools for administrators and users, and by `control.check_password`."""

from __future__ import annotations

import hashlib
import hmac
import os

MECHANISM = "{STANDIN}"
_ROUNDS = 1000
"""Few: this is a toy, every call of a tool verifies the administrator's password, and start-up must stay fast."""


def hashed(password: str) -> str:
    """`{STANDIN}salt$digest`: a hash-looking text for the CSV's Password column (`facts/open-xchange.md` 2.3)."""
    salt = os.urandom(8)
    return f"{MECHANISM}{salt.hex()}${_digest(password, salt)}"


def matches(password: str, stored: str | None) -> bool:
    """Whether `stored` was made of `password`; false when nothing is stored."""
    if stored is None:
        return False
    salt, _, digest = stored.removeprefix(MECHANISM).partition("$")
    return hmac.compare_digest(_digest(password, bytes.fromhex(salt)), digest)


def _digest(password: str, salt: bytes) -> str:
    return hashlib.pbkdf2_hmac("sha256", password.encode("utf-8", errors="surrogatepass"), salt, _ROUNDS).hex()
