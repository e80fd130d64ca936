"""`report --mask`: the key under which names are replaced."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence

from reconciler.cli.streams import say
from reconciler.errors import UsageError
from reconciler.forge.review_key import key_of
from reconciler.report.documents.mask import SHORTEST_KEY, masked
from reconciler.report.read_document import Document

MASK_KEY = "RECONCILER_MASK_KEY"


def hidden(documents: Sequence[Document], environ: Mapping[str, str] = os.environ) -> list[Document]:
    """The documents without names. Raises UsageError for a key that could be guessed."""
    key = key_of(MASK_KEY, environ)
    if key is None:
        say(f"masked under a key of this call alone; set {MASK_KEY} for tokens that are the same in the next report")
        key = secrets.token_bytes(32)
    if len(key) < SHORTEST_KEY:
        message = f"{MASK_KEY} has {len(key)} bytes; names could be found by trying keys"
        raise UsageError(message, hint=f"make one of {SHORTEST_KEY} bytes or more: openssl rand -hex 32")
    return [masked(document, key) for document in documents]
