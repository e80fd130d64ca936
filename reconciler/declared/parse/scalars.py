"""What a plain YAML 1.2 scalar means (core schema, https://yaml.org/spec/1.2.2/ 10.3.2), and what was meant with one
that YAML takes with all its signs.

libyaml only splits the text; YAML 1.1's `no`, `yes`, `1_000`, `1:30` and dates stay text here.
"""

import re
from typing import NamedTuple, Self

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_ODD = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
QUOTED = r"""[„“”«»]([^„“”«»\n]*)[„“”«»"]|[‚‘’‹›]([^„“”«»‚‘’‹›\n]*)[‚‘’‹›']"""
_DASH = r"-[^\W\d].*"
_LONGEST_INTEGER = 18  # digits; whatever is longer fits in no field, and int() of thousands of digits raises


class OddNumber(NamedTuple):
    """A number whose text says more than its value: `0123`, `+7`, `0x1f`, `.inf`. No field takes it."""

    text: str


class WrittenFloat(float):
    """A number with a fraction or exponent, and how it was written: `1e3` may have been meant as text."""

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


Scalar = str | int | float | bool | OddNumber | None


class Meant(NamedTuple):
    """A plain scalar that was meant otherwise: what is wrong, what to write, and what was meant (without quotes?)."""

    message: str
    hint: str
    text: str
    plain: bool = True


TYPOGRAPHIC = "„“”«»‚‘’‹›"
SLIP_STARTS = frozenset("-" + TYPOGRAPHIC)
NOT_TEXT_STARTS = frozenset("0123456789+.~nNtTfF") | SLIP_STARTS
"""What a plain scalar that is not text, or perhaps a slip, begins with; the empty one aside."""


def plain_value(text: str) -> Scalar:
    """The value of a plain scalar (one without quotes)."""
    if text in _WORDS:
        return _WORDS[text]
    if text.isascii() and text.isdigit() and text[0] != "0" and len(text) <= _LONGEST_INTEGER:
        return int(text)  # nearly all of them
    if _INTEGER.fullmatch(text):
        exact = len(text) <= _LONGEST_INTEGER and str(int(text)) == text
        return int(text) if exact else OddNumber(text)
    if _ODD.fullmatch(text):
        return OddNumber(text)
    return WrittenFloat(text) if _FLOAT.fullmatch(text) else text


def meant(text: str) -> Meant | None:
    """What was meant with a plain scalar like `„spam“` or `-anna`, which YAML takes with all its signs."""
    if text[:1] not in SLIP_STARTS:
        return None
    if match := re.fullmatch(QUOTED, text):
        bare = match[1] or match[2] or ""
        value = plain_value(bare)
        number = isinstance(value, int | float | OddNumber) and not isinstance(value, bool)
        hint = f"put it in plain quotes: '{bare}'" if number else f"write {bare} without quotes"
        return Meant(f"the typographic quotes of {text} would be part of the value", hint, bare, plain=not number)
    if re.fullmatch(_DASH, text):
        items = text[1:].split(" -")  # YAML makes one text of several such lines
        hint = f"write {', '.join(f'`- {item}`' for item in items)}; a text that begins with - needs quotes"
        return Meant("the space behind the dash is missing", hint, items[0])
    return None
