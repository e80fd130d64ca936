"""`report --mask`: the key under which names are replaced."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from reconciler.cli.streams import say
from reconciler.errors import UsageError
from reconciler.report.documents.mask import SHORTEST_KEY, masked
from reconciler.report.read_document import Document
from reconciler.secret_sources import from_environment

MASK_KEY = "RECONCILER_MASK_KEY"


def hidden(documents: Sequence[Document]) -> list[Document]:
    """The documents without names. Raises UsageError for a key that could be guessed."""
    given = from_environment(MASK_KEY, "key", UsageError)
    if given is None:
        say(f"masked under a key of this call alone; set {MASK_KEY} for tokens that are the same in the next report")
    key = given.get_secret_value().encode() if given is not None else secrets.token_bytes(32)
    if len(key) < SHORTEST_KEY:
        message = f"{MASK_KEY} has {len(key)} bytes; names could be found by trying keys"
        raise UsageError(message, hint=f"make one of {SHORTEST_KEY} bytes or more: openssl rand -hex 32")
    return [masked(document, key) for document in documents]
