"""Types of the fields of the state language: what a value must look like, in sentences for the person who wrote it.

A validator raises Wrong; `error_messages` turns that and pydantic's own errors into sentences.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from reconciler.declared.fields.describe_input import Wrong, describe
from reconciler.declared.parse.scalars import TYPOGRAPHIC, OddNumber, WrittenFloat
from reconciler.setting_values import parse_quota

MAX_NAME = 255  # facts/postfixadmin.md 9: the length of mailbox.name
MAX_TEXT = 500
MAX_MB = 1_000_000_000_000  # in bytes this still fits PostfixAdmin's bigint
DATE_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_DATE = re.compile(DATE_PATTERN)
_PHONE = r"\+[0-9 ()/-]{6,}|\(?0[0-9]+\)?[ /-][0-9 /-]{3,}"
_LONG = r"0[0-9]{8,}"  # wrong in any case without quotes
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")  # ASCII that is seen, single spaces
_JOINERS = "\u200c\u200d"  # some scripts need them inside names


def _folded(text: str, longest: int) -> str:
    """NFC, runs of spaces folded; refuses what nobody sees. Raises Wrong."""
    if len(text) <= longest and _PLAIN.fullmatch(text):
        return sys.intern(text)  # nearly all of them
    if not text.isprintable():
        for character in text:
            if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and character not in _JOINERS:
                raise Wrong(f"the text contains the invisible character U+{ord(character):04X}", "delete it")
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    text = " ".join(text.split())
    if not text:
        raise Wrong("the text is empty", "write something or remove the field")
    if len(text) > longest:
        raise Wrong(f"the text has {len(text)} characters, {longest} are allowed", "shorten it")
    return sys.intern(text)


def _text(value: Any) -> str:
    """The value when it is a text; a number or boolean needs quotes to be one. Raises Wrong."""
    match value:
        case str():
            return value
        case None:
            raise Wrong("value is missing", "write a value or remove the line; a text `null` needs quotes")
        case bool():
            raise Wrong(f"expected text, got {describe(value)}", f"put it in quotes: '{str(value).lower()}'")
        case int() | float() | OddNumber():
            text = value.text if isinstance(value, OddNumber | WrittenFloat) else str(value)
            raise Wrong(f"expected text, got {describe(value)}", f"put it in quotes: '{text}'")
    raise Wrong(f"expected text, got {describe(value)}", "write one text")


def _name(value: Any) -> str:
    """A name as it is stored: NFC, single spaces, at most 255 characters, all in the BMP. Raises Wrong.

    PostfixAdmin 3.3 reads a character beyond the BMP as `?` and its web form stores that (facts/postfixadmin.md 13.3).
    """
    text = _folded(_text(value), MAX_NAME)
    if text[0] in TYPOGRAPHIC and text[-1] in TYPOGRAPHIC:
        bare = text.strip(TYPOGRAPHIC)
        raise Wrong(f"the typographic quotes of {text} would be part of the name", f"write {bare} without quotes")
    if not text.isascii() and max(text) > "\uffff":
        bad = max(text)
        raise Wrong(f"{bad!r} (U+{ord(bad):04X}) would be destroyed by PostfixAdmin", "leave emoji and the like out")
    return text


def _remark(value: Any) -> str:
    """A reason or ticket: becomes one line. Raises Wrong."""
    return _folded(" ".join(_text(value).split()), MAX_TEXT)


def _reason(value: Any) -> str:
    """A remark that must be there: refusals print entries with an empty one. Raises Wrong."""
    if isinstance(value, str) and not value.strip():
        raise Wrong("the text is empty, a person has to say why", "write the reason between the quotes")
    return _remark(value)


def _member(value: Any) -> str:
    written = value.text if isinstance(value, OddNumber) else value
    if isinstance(written, str) and re.fullmatch(_PHONE, written):
        raise Wrong(f"{written} looks like a telephone number", "write the member number like 10042")
    match value:
        case bool() | None | float() | list() | dict():
            raise Wrong(f"expected a member number, got {describe(value)}", "write it like 10042")
        case OddNumber() if re.fullmatch(_LONG, value.text):
            hint = f"write the member number like 10042; if this is one, put it in quotes: '{value.text}'"
            raise Wrong(f"{value.text} looks like a telephone number", hint)
        case OddNumber():
            raise Wrong(f"{value.text} would lose its exact digits as a number", f"put it in quotes: '{value.text}'")
        case int() if value > 0:
            return sys.intern(str(value))
        case str() if value.isascii() and value.isdigit() and len(value) <= 64:
            return value
    raise Wrong(f"a member number has digits only, got {describe(value)}", "write it like 10042")


def _quota(value: Any) -> int:
    if not isinstance(value, str):
        hint = f"write `{value} MB`" if type(value) is int and value > 0 else "write it like `10240 MB`, or `unlimited`"
        raise Wrong(f"a quota needs a unit, got {describe(value)}", hint)
    if len(value) > 40:
        raise Wrong("this is not a quota", "write whole megabytes like `10240 MB`, or `unlimited`")
    try:
        megabytes = parse_quota(value)
    except ValueError as error:
        message, _, hint = str(error).partition("; ")
        raise Wrong(message, hint) from None
    if megabytes > MAX_MB:
        raise Wrong(f"{megabytes} MB is more than PostfixAdmin can count", "write `unlimited` if that is meant")
    return megabytes


def _date(value: Any) -> date:
    hint = "write it like 2026-11-22"
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise Wrong(f"expected a date, got {describe(value)}", hint)
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Wrong(f"there is no day {value}", hint) from None


def _text_schema(longest: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "minLength": 1, "maxLength": longest, "pattern": r"\S"})


# The optional ones are None only when nothing is written: their validators refuse a field that is there and empty,
# which is a slip and never means "not managed".
Name = Annotated[str | None, BeforeValidator(_name), _text_schema(MAX_NAME)]
Remark = Annotated[str, BeforeValidator(_reason), _text_schema(MAX_TEXT)]
OptionalRemark = Annotated[str | None, BeforeValidator(_remark), _text_schema(MAX_TEXT)]
Text = Annotated[str, BeforeValidator(_text), _text_schema(MAX_TEXT)]
OptionalText = Annotated[str | None, BeforeValidator(_text), _text_schema(MAX_TEXT)]
Member = Annotated[
    str | None,
    BeforeValidator(_member),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[0-9]{1,64}$"}]}),
]
Quota = Annotated[
    int | None,
    BeforeValidator(_quota),
    WithJsonSchema({"type": "string", "pattern": r"^(unlimited|\s*0*[1-9][0-9]*\s*[Mm][Bb]\s*)$"}),
]
_DAY_SCHEMA = WithJsonSchema({"type": "string", "format": "date", "pattern": DATE_PATTERN})
Day = Annotated[date, BeforeValidator(_date), _DAY_SCHEMA]
OptionalDay = Annotated[date | None, BeforeValidator(_date), _DAY_SCHEMA]
