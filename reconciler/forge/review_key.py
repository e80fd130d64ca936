"""The key that seals our comments, where a site has one: from the environment, or from a file that it names."""

from __future__ import annotations

from reconciler.errors import UsageError
from reconciler.secret_sources import from_environment

REVIEW_KEY = "RECONCILER_REVIEW_KEY"


def review_key() -> bytes | None:
    """The key of the seal in our comments; None where the site has none. Raises UsageError."""
    key = from_environment(REVIEW_KEY, "key", UsageError)
    return key.get_secret_value().encode() if key is not None else None
