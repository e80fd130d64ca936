"""Whose account an address was, when the ledger has forgotten it: nothing of it can be read, and it can be compared.

A note of the inventory (address → member number, or `=` and a name) is hidden by `ledger prune` once the account is
gone. What is kept are two hashes with the site's salt: of the address, and of the note. So an address that was
somebody's does not go to another person unseen. Who has the ledger and guesses an address and a number can tell that
they guessed right: that is what comparing means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from hashlib import sha256

from reconciler.model.name_folding import folded

NAME = "="
"""Before a name that is noted instead of a number."""
_HIDDEN = re.compile(r"#=?([0-9a-f]{32})\.[0-9a-f]{64}")
"""No address, number or name with its mark looks like that: addresses have an @, numbers are digits."""


def is_hidden(text: str) -> bool:
    """Whether an address or a note is hidden."""
    return _HIDDEN.fullmatch(text) is not None


def salt_of(text: str) -> str:
    """The salt of what is hidden."""
    found = _HIDDEN.fullmatch(text)
    assert found is not None
    return found[1]


def hidden_address(salt: str, address: str) -> str:
    """An address as the inventory keeps it."""
    return f"#{salt}.{_digest(salt, 'address', address)}"


def hidden_note(salt: str, noted: str) -> str:
    """A number or a name as the inventory keeps it; no name at all stays none."""
    if not noted.startswith(NAME):
        return f"#{salt}.{_digest(salt, 'number', noted)}"
    name = folded(noted.removeprefix(NAME)).casefold()
    return f"#{NAME}{salt}.{_digest(salt, 'name', name)}" if name else NAME


def is_same(noted: str | None, other: str | None) -> bool:
    """Whether two notes are of one person; either may be hidden."""
    if noted is None or other is None:
        return noted is other
    if is_hidden(noted) and not is_hidden(other):
        return hidden_note(salt_of(noted), other) == noted
    if is_hidden(other) and not is_hidden(noted):
        return hidden_note(salt_of(other), noted) == other
    return noted == other


def is_name(noted: str) -> bool:
    """Whether a name is noted, and no number."""
    return noted.startswith((NAME, f"#{NAME}"))


class PeopleNoted(Mapping[str, str]):
    """Address → note. An address that is hidden is found by whoever asks for it, and not listed; what is noted of it
    in plain is newer. `others` are addresses that have such a note, and are not in this mapping."""

    def __init__(self, plain: Mapping[str, str], hidden: Mapping[str, str], others: Set[str] = frozenset()) -> None:
        self._plain, self._hidden, self._others = plain, hidden, others
        self._salts = {salt_of(key) for key in hidden}

    def __getitem__(self, address: str) -> str:
        noted = self._plain.get(address)
        if noted is not None:
            return noted
        if address in self._others:
            raise KeyError(address)
        for salt in self._salts:  # one, unless somebody put two ledgers together
            found = self._hidden.get(hidden_address(salt, address))
            if found is not None:
                return found
        raise KeyError(address)

    def __iter__(self) -> Iterator[str]:
        return iter(self._plain)

    def __len__(self) -> int:
        return len(self._plain)

    def __bool__(self) -> bool:
        return bool(self._plain or self._hidden)


def _digest(salt: str, what: str, text: str) -> str:
    return sha256(f"{salt} {what} {text}".encode()).hexdigest()
