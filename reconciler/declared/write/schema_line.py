"""The first line of a file of the state: where editors find its JSON Schema."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

SCHEMA_LINE = "# yaml-language-server: $schema="
_FOUND = re.compile(r"^#\s*yaml-language-server:\s*\$schema=(\S+)", re.MULTILINE)
_ABOVE = "/-/-/-/-"
"""Somewhere deep down: a path may begin with `../`."""


def schema_for(name: str, others: Iterable[tuple[str, str]]) -> str | None:
    """Where the schema is, seen from the file of this name, as the first of the others (name, text) has it that says
    it; None where none does."""
    for other, text in others:
        found = _FOUND.search(text)
        if found and "://" in found[1]:
            return found[1]
        if found:
            there = posixpath.normpath(posixpath.join(_ABOVE, posixpath.dirname(other), found[1]))
            return posixpath.relpath(there, posixpath.join(_ABOVE, posixpath.dirname(name)))
    return None
