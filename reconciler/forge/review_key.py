"""The key that seals our comments, where a site has one: from the environment, or from a file that it names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from reconciler.errors import UsageError

REVIEW_KEY = "RECONCILER_REVIEW_KEY"


def review_key(environ: Mapping[str, str] = os.environ) -> bytes | None:
    """The key of the seal in our comments; None where the site has none. Raises UsageError."""
    return key_of(REVIEW_KEY, environ)


def key_of(variable: str, environ: Mapping[str, str]) -> bytes | None:
    """From the variable, else from the file that VARIABLE_FILE names; None for neither. Raises UsageError."""
    value, file = environ.get(variable, ""), environ.get(f"{variable}_FILE", "")
    if not value and file:
        try:
            value = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            message = f"{file} cannot be read, which {variable}_FILE names: {why}"
            raise UsageError(message, hint="write the key into that file, or unset the variable") from None
        if not value.strip():
            raise UsageError(f"{file} is empty, which {variable}_FILE names", hint="write the key into that file")
    return value.strip().encode() or None
