"""Names of people and accounts in their one form, whichever system they come from."""

from __future__ import annotations

import sys
import unicodedata


def folded(name: str) -> str:
    """A name for comparing and showing: Unicode form NFC, single spaces. Equal names are one object: a big site has
    each of them in five places."""
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
    # nearly every name is as it should be, and no other space than the plain one is printable
    if not name.isprintable() or "  " in name or name[:1] == " " or name[-1:] == " ":
        name = " ".join(name.split())
    return sys.intern(name)
