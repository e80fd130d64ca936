"""The key that seals comments, where a site has one: from the environment, or from a file that it names."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import SecretStr

from reconciler.errors import Unreadable

REVIEW_KEY = "RECONCILER_REVIEW_KEY"


def review_key() -> bytes | None:
    """What seals the comment that apply relies on (docs/decisions/0019-bound-apply.md); None where the site has no such
    key. Raises Unreadable."""
    found = _secret(REVIEW_KEY)
    return None if found is None else found.get_secret_value().encode("utf-8")


def _secret(variable: str) -> SecretStr | None:
    value, file = os.environ.get(variable, ""), os.environ.get(f"{variable}_FILE", "")
    if not value and file:
        try:
            value = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            message = f"{file} cannot be read, which {variable}_FILE names: {why}"
            raise Unreadable(message, hint="write the secret into that file, in one line") from None
        if not value.strip():
            raise Unreadable(f"{file} is empty, which {variable}_FILE names", hint="write the secret into that file")
    value = value.strip()
    if not value:
        return None
    return SecretStr(value)
