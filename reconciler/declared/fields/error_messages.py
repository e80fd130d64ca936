"""pydantic's errors as plain sentences with a hint: what is wrong, and what to write instead.

For the state and for the site file. Values are shown only where a field cannot hold a
secret by mistake: never those of a URL.
"""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from reconciler.declared.fields.describe_input import Wrong, as_list, describe, nearest, several
from reconciler.declared.parse.missing_separators import unseparated
from reconciler.declared.parse.scalars import TYPOGRAPHIC, OddNumber, WrittenFloat


class Sentence(NamedTuple):
    """One error in words. `path` is where, as keys and list indexes; `on_key`: the key itself is wrong."""

    path: tuple[str | int, ...]
    message: str
    hint: str
    on_key: bool = False


def sentence(error: ErrorDetails, model: Any) -> Sentence:
    """One of `ValidationError.errors()`; `model` is the annotation that was validated."""
    path: tuple[str | int, ...] = error["loc"]
    name = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
    value, context = error["input"], error.get("ctx", {})
    if isinstance(value, str) and (known := known_keys(model, path)) and (slip := unseparated(value, known)):
        return Sentence(path, *slip)
    match error["type"]:
        case "extra_forbidden" if value is None and ":" in name and (slip := unseparated(name)):
            return Sentence(path, *slip, on_key=True)
        case "extra_forbidden" if value is None and name and name[-1] in TYPOGRAPHIC:
            hint = f"put the whole text in plain quotes: '…, {name[:-1]}'"
            return Sentence(path, f"the comma before `{name}` ends the text before it", hint, on_key=True)
        case "extra_forbidden":
            fields = known_keys(model, path[:-1])
            near = nearest(name, fields)
            hint = f"did you mean `{near}`?" if near else f"known are {', '.join(fields)}"
            return Sentence(path, f"`{name}` is not known here", hint, on_key=True)
        case "invalid_key":
            return Sentence(path, "a key that is not text", "put it in quotes", on_key=True)
        case "missing":
            return Sentence(path[:-1], f"`{name}` is missing", f"add `{name}:`", on_key=True)
        case "value_error":
            return _own(path, name, context["error"])
        case "bool_type":
            return Sentence(path, f"`{name}` must be true or false, got {_shown(value)}", _bool_hint(value))
        case "literal_error" | "enum":
            return Sentence(path, f"`{name}` must be {context['expected']}, got {_shown(value)}", "write one of these")
        case "too_short":
            return Sentence(path, f"`{name}` is an empty list", "write at least one, or remove the entry")
        case "too_long":
            return Sentence(path, f"`{name}` has more than {context['max_length']} entries", "split it")
        case "string_pattern_mismatch":
            return Sentence(
                path, f"`{name}` is {_shown(value)}, which does not fit", f"it must match {context['pattern']}"
            )
        case "greater_than_equal":
            return Sentence(path, f"`{name}` is {_shown(value)}", f"write {context['ge']} or more")
        case "less_than_equal":
            return Sentence(path, f"`{name}` is {_shown(value)}", f"write {context['le']} or less")
    return _wrong_type(path, name, error["type"], value)


_WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a mapping `key: value`",
    "model_type": "a mapping `key: value`",
    "model_attributes_type": "a mapping `key: value`",
}


def _wrong_type(path: tuple[str | int, ...], name: str, kind: str, value: object) -> Sentence:
    wanted = _WANTED.get(kind, "something else")
    message = f"expected {wanted} for `{name}`, got {_shown(value)}"
    if kind == "string_type" and isinstance(value, bool | int | float | OddNumber):
        text = value.text if isinstance(value, OddNumber | WrittenFloat) else str(value)
        return Sentence(path, message, f"put it in quotes: '{text.lower() if isinstance(value, bool) else text}'")
    if value is None:
        return Sentence(path, message, "write a value, or remove the line; quotes make a text of `null`")
    if wanted == "a list" and isinstance(value, str) and "://" not in value:
        return Sentence(path, message, f"write {as_list(several(value) or [value])}")
    if wanted == "a list":
        return Sentence(path, message, "begin each entry with `- `")
    return Sentence(path, message, f"write {wanted}")


def _own(path: tuple[str | int, ...], name: str, error: Exception) -> Sentence:
    """A sentence of our own validators: `what is wrong; what to write` or a Wrong."""
    message, _, hint = (str(error), "", error.hint) if isinstance(error, Wrong) else str(error).partition("; ")
    return Sentence(path, f"`{name}`: {message}" if name else message, hint)


def _shown(value: object) -> str:
    return "an address with `://`" if isinstance(value, str) and "://" in value else describe(value)


_BOOLEANS = {**dict.fromkeys(("yes", "on", "y"), "true"), **dict.fromkeys(("no", "off", "n"), "false")}


def _bool_hint(value: object) -> str:
    meant = _BOOLEANS.get(value.lower()) if isinstance(value, str) else None
    return f"only true and false are booleans: write {meant}" if meant else "write true or false, without quotes"


def known_keys(annotation: Any, path: tuple[str | int, ...]) -> list[str]:
    """The keys that a mapping at `path` below `annotation` may have; steps that name no field are passed over."""
    if get_origin(annotation) is Annotated:
        return known_keys(get_args(annotation)[0], path)
    if get_origin(annotation) in (Union, UnionType):
        return max((known_keys(option, path) for option in get_args(annotation)), key=len)
    if get_origin(annotation) in (dict, list):
        return known_keys(get_args(annotation)[-1], path[1:])
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return []
    fields = {field.alias or name: field for name, field in annotation.model_fields.items()}
    for index, step in enumerate(path):
        if step in fields:
            return known_keys(fields[str(step)].annotation, path[index + 1 :])
    return list(fields)
