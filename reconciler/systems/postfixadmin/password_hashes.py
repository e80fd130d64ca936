"""Password hashes with `{SCHEME}` before them: Dovecot accepts those under any default (facts/postfixadmin.md 10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Literal

import bcrypt
from argon2 import PasswordHasher
from passlib.hash import sha512_crypt  # type: ignore[import-untyped]  # libpass has no stubs
from pydantic import SecretStr

Scheme = Literal["SHA512-CRYPT", "BLF-CRYPT", "ARGON2ID"]

# the usual costs: glibc's default, PHP's default, Dovecot's (time 3, 64 MiB, one lane)
_SHA512 = sha512_crypt.using(rounds=5000)
_BCRYPT_COST = 10
_ARGON2 = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)
_THREADS = 4
"""bcrypt and Argon2 let other threads run; Argon2 takes 64 MiB in each."""
_SHA512_LOCK = Lock()
"""libpass builds its base64 tables at the first use, and two threads that do so at once break it. It is pure Python, so
that threads would win nothing."""


def hash_password(scheme: Scheme, password: SecretStr) -> str:
    """`{SCHEME}hash`, with a salt of its own."""
    return f"{{{scheme}}}{_HASH[scheme](password.get_secret_value())}"


def hash_all(scheme: Scheme, passwords: Mapping[str, SecretStr], halt: Callable[[], None]) -> dict[str, str]:
    """The hashes by the same keys. Takes milliseconds each (2 to 90), so never inside a transaction. Raises what `halt`
    does, which is asked before each."""

    def made(password: SecretStr) -> str:
        halt()
        return hash_password(scheme, password)

    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(passwords, pool.map(made, passwords.values()), strict=True))


def _bcrypt(password: str) -> str:
    # PHP and Dovecot write 2y for what Python calls 2b: the same algorithm
    made = bcrypt.hashpw(password.encode(), bcrypt.gensalt(_BCRYPT_COST)).decode("ascii")
    return made.replace("$2b$", "$2y$", 1)


def _sha512(password: str) -> str:
    with _SHA512_LOCK:
        return str(_SHA512.hash(password))


_HASH: Mapping[Scheme, Callable[[str], str]] = {"SHA512-CRYPT": _sha512, "BLF-CRYPT": _bcrypt, "ARGON2ID": _ARGON2.hash}
