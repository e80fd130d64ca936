"""What hundreds of accounts need."""

from __future__ import annotations

import pytest
from passlib.hash import sha512_crypt  # type: ignore[import-untyped]  # libpass has no stubs

from reconciler.systems.postfixadmin import password_hashes


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth of the usual rounds; what hashes cost, and who accepts them, is asked in test_values."""
    monkeypatch.setattr(password_hashes, "_SHA512", sha512_crypt.using(rounds=1000))
