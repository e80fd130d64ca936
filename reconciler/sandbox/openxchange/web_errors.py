"""Errors and warnings of the HTTP interface in OX's shape: HTTP status 200, a code, English in `error_desc` alone
(`facts/open-xchange.md` 6). Codes that begin with STI are the stand-in's own: the facts do not give OX's."""

from __future__ import annotations

from typing import Any

_CATEGORIES = {"ACC-0014": ("PERMISSION_DENIED", 3), "SES-0203": ("TRY_AGAIN", 4)}


class WebFailure(Exception):
    """The server refuses. `code` is like ACC-0015."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    def answer(self) -> dict[str, Any]:
        """As JSON."""
        return _shape(self.code, self.text, *_CATEGORIES.get(self.code, ("USER_INPUT", 1)))


def warning(code: str, text: str) -> dict[str, Any]:
    """A warning, to stand in `warnings` or beside the data."""
    return _shape(code, text, "WARNING", 13)


def _shape(code: str, text: str, categories: str, category: int) -> dict[str, Any]:
    return {
        "error": "Leider ist ein Fehler aufgetreten.",  # translated for the user: nothing to match
        "error_params": [],
        "error_id": f"-1170523631-{len(text)}",
        "error_desc": text,
        "code": code,
        "categories": categories,
        "category": category,
    }
