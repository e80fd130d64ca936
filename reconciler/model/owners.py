"""Whose a record is, and what planning asks of any record. `records` has the kinds."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple, Protocol, Self


class Scope(StrEnum):
    """What a transition is about."""

    ACCOUNT = "account"
    ALIAS = "alias"
    BLOCK = "block"


class Owner(NamedTuple):
    """Whose a record is: an account's address, an alias' address, a block's key."""

    scope: Scope
    subject: str


class Row(Protocol):
    """What planning needs of a record; every kind is a NamedTuple."""

    @property
    def key(self) -> str: ...
    @property
    def owner(self) -> Owner: ...
    def merged_with(self, found: Any) -> Self: ...
    def _asdict(self) -> dict[str, Any]: ...
