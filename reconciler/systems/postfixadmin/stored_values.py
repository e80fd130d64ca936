"""From what the tables hold to values that can be compared, and back. Used by reading and by writing alike.

Texts are interned: what is equal is one object, here and on the wanted side. That is a fifth of a big site's memory.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import lru_cache

from reconciler.model.addresses import CATCH_ALL

_PIECE = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^,])+')
"""A target up to the next comma outside quotation marks; one that is never closed is a character like others."""


def address_key(stored: str) -> str:
    """A mailbox's or a domain's key. An address outside ASCII is never managed and stays as it is. Only
    spaces are stripped: a row with a tab in its key is found by nobody, and SQL's `trim` agrees."""
    return sys.intern(stored.strip(" ").lower()) if stored.isascii() else stored


def alias_key(stored: str) -> str:
    """An alias' key: PostfixAdmin stores a domain's catch-all as `@domain` (facts/postfixadmin.md 6)."""
    key = address_key(stored)
    return CATCH_ALL + key if key.startswith("@") else key


def stored_alias(key: str) -> str:
    """The address under which PostfixAdmin stores an alias."""
    return key[len(CATCH_ALL) :] if key.startswith(CATCH_ALL + "@") else key


def goto_of(stored: str) -> tuple[str, ...]:
    """A goto as a set, which is how PostfixAdmin treats it (facts/postfixadmin.md 6): sorted, canonical."""
    lowered = stored.lower()
    if "," not in lowered:
        only = lowered.strip()
        return (sys.intern(only),) if only else ()
    return tuple(sorted(map(sys.intern, set(pieces(lowered)))))


def pieces(stored: str) -> list[str]:
    """The targets of a goto as they stand there; a comma in a quoted local part separates nothing (RFC 5321)."""
    found = _PIECE.findall(stored) if '"' in stored else stored.split(",")
    return [piece for text in found if (piece := text.strip())]


def goto_text(goto: Iterable[str], key: str, stored: str = "") -> str:
    """A goto as PostfixAdmin writes it: no spaces, a mailbox's own address last (facts/postfixadmin.md 6). Targets that
    are in `stored` stay as they are written there: capitals may mean something where they lead."""
    written = {piece.lower(): piece for piece in pieces(stored)}
    return ",".join(written.get(target, target) for target in sorted(goto, key=lambda t: (t == key, t)))


@lru_cache(maxsize=1024)
def megabytes(stored: int, multiplier: int) -> int:
    """Bytes as whole MB. 0 (unlimited) and -1 (disabled) stay, and a small quota never becomes unlimited (facts 8)."""
    if stored <= 0:
        return stored
    return max(1, (stored + multiplier // 2) // multiplier)


def quota_bytes(quota: int, multiplier: int) -> int:
    """Whole MB as bytes; -1 is stored as it is (facts/postfixadmin.md 5.2)."""
    return quota * multiplier if quota > 0 else quota
