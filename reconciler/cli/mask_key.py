"""`report --mask`: the key under which names are replaced."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import cached_property

from reconciler.cli.streams import say
from reconciler.errors import UsageError
from reconciler.report.documents.mask import SHORTEST_KEY, masked
from reconciler.report.read_document import Document
from reconciler.secret_sources import from_environment

MASK_KEY = "RECONCILER_MASK_KEY"


class Hiding:
    """Takes the names out of documents where that is `wanted`, under one key in all reports of a call."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted

    def __call__(self, documents: Sequence[Document]) -> list[Document]:
        """Raises UsageError for a key that could be guessed."""
        return [masked(document, self._key) for document in documents] if self._wanted else list(documents)

    @cached_property
    def _key(self) -> bytes:
        given = from_environment(MASK_KEY, "key", UsageError)
        if given is None:
            say(
                f"masked under a key of this call alone; set {MASK_KEY} for tokens that are the same in the next report"
            )
        key = given.get_secret_value().encode() if given is not None else secrets.token_bytes(32)
        if len(key) < SHORTEST_KEY:
            message = f"{MASK_KEY} has {len(key)} bytes; names could be found by trying keys"
            raise UsageError(message, hint=f"make one of {SHORTEST_KEY} bytes or more: openssl rand -hex 32")
        return key
