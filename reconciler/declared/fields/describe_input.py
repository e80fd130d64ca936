"""What people wrote, in words, and what they probably meant: for messages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from reconciler.declared.parse.scalars import OddNumber, WrittenFloat

_SHOWN = 10
_BETWEEN = re.compile(r"[,;\s]+")
_COMMA = re.compile("[,;]")
_ADDRESS = re.compile("[.@]")


class Wrong(ValueError):
    """A value that does not fit its field; `hint` says what to write."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def describe(value: object) -> str:
    """What stands there, in words; long texts are cut."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"{str(value).lower()} (true or false, no text)"
        case OddNumber() | WrittenFloat():
            return f"the number {value.text}"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            text = str(value)
            return f"`{text if len(text) <= 60 else text[:57] + '…'}`"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return close[0] if close else None


def several(text: str) -> list[str]:
    """The parts of a text that lists addresses or domains; none when it is not such a list."""
    parts = _BETWEEN.split(text.strip(" ,;"))
    listed = len(parts) > 1 and (_COMMA.search(text) or all(_ADDRESS.search(part) for part in parts))
    return parts if listed and '"' not in text else []


def as_list(parts: list[str]) -> str:
    """As a list in brackets, long ones cut."""
    return f"[{', '.join(parts[:_SHOWN])}{', …' if len(parts) > _SHOWN else ''}]"
