"""Whose a record is, and what planning asks of any record. `records` has the kinds."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Protocol, Self

LONGEST_SCOPE = 16
"""Letters; what the ledger's column holds."""


class Scope(str):
    """What a transition is about: the word for it in plans and in the ledger. A word is one object, so that `is`
    compares. `section` of the state declares such subjects; it is empty for a word that only a ledger knows."""

    section: str
    ACCOUNT: ClassVar[Scope]
    ALIAS: ClassVar[Scope]
    BLOCK: ClassVar[Scope]
    _words: ClassVar[dict[str, Scope]] = {}

    def __new__(cls, word: str, section: str = "") -> Scope:
        """The word, and the section whose entries it is about, where that is said."""
        if section and len(word) > LONGEST_SCOPE:
            raise ValueError(f"the ledger keeps {LONGEST_SCOPE} letters of a scope, {word} has more")
        scope = cls._words.setdefault(word, super().__new__(cls, word))
        scope.section = section or getattr(scope, "section", "")
        return scope


Scope.ACCOUNT = Scope("account", "mailboxes")
Scope.ALIAS = Scope("alias", "aliases")
Scope.BLOCK = Scope("block", "sender_blocks")


class Owner(NamedTuple):
    """Whose a record is: an account's address, an alias' address, a block's key."""

    scope: Scope
    subject: str

    @property
    def id(self) -> str:
        """Unique in a plan: `account:anna@mail.example`."""
        return f"{self.scope}:{self.subject}"


class Row(Protocol):
    """What planning needs of a record; every kind is a NamedTuple."""

    @property
    def key(self) -> str: ...
    @property
    def owner(self) -> Owner: ...
    def merged_with(self, found: Any) -> Self: ...
    def _asdict(self) -> dict[str, Any]: ...
