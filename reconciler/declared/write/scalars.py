"""A value as a YAML scalar, with quotes only where they are needed. The counterpart of `parse.scalars`."""

from __future__ import annotations

import json
import re

from reconciler.declared.parse.scalars import meant, plain_value

# what begins with a letter or digit and holds no sign with a meaning; a comma has one in brackets
_PLAIN = re.compile(r"[^\W_][\w.+=/!$^~@'-]*(?:,? [\w.+=/!$^~()@-][\w.+=/!$^~()@'-]*)*")


def scalar(value: object, *, in_brackets: bool = False) -> str:
    """The value on one line, so that it is read back as it is: a text, a whole number or a boolean."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
    text = str(value)
    plain = _PLAIN.fullmatch(text) and not (in_brackets and "," in text)
    if plain and plain_value(text) == text and meant(text) is None:
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text)
