"""The fast reading: plain values without positions, about a microsecond a scalar. Whatever is unusual goes to `exact`.

libyaml does the splitting, `scalars` the meaning. A text that this refuses may still be fine (anchors are); one that it
accepts has the same value by the exact reading, and no remark: no duplicate key, no tag, no alias, no key that is not
text or holds a brace, and at most MAX_DEPTH levels.
"""

from __future__ import annotations

import sys
from enum import Enum, auto
from typing import Any

from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]  # libyaml; the pure parser is 20 times slower
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from reconciler.declared.parse.scalars import NOT_TEXT_STARTS, SLIP_STARTS, meant, plain_value
from reconciler.declared.parse.tree import MAX_DEPTH


class Reading(Enum):
    """What stands for the value of a text that needs the exact reading."""

    UNUSUAL = auto()


class _Unusual(Exception):
    """This text needs the exact reading."""


def read_fast(text: str) -> Any:
    """The value of the text's only document; None when it is empty; Reading.UNUSUAL when it must be read exactly."""
    parser = CParser(text)
    try:
        return _read_document(parser.get_event)
    except (YAMLError, _Unusual):
        return Reading.UNUSUAL
    finally:
        parser.dispose()


def _read_document(get_event: Any) -> Any:
    if type(get_event()) is not StreamStartEvent:
        raise _Unusual
    event = get_event()
    if type(event) is StreamEndEvent:
        return None
    if type(event) is not DocumentStartEvent or event.explicit:
        raise _Unusual
    first = get_event()
    if type(first) is not MappingStartEvent or first.ctag is not None or first.anchor is not None:
        raise _Unusual
    root = _read_mapping(get_event)
    get_event()  # the document's end
    if type(get_event()) is not StreamEndEvent:
        raise _Unusual
    return root


def _read_mapping(get_event: Any) -> dict[str, Any]:
    """Everything up to the end of the outermost mapping. One flat loop: it runs once for each scalar of a site."""
    root: dict[str, Any] = {}
    into: Any = root
    key: str | None = None
    outer: list[tuple[Any, str | None]] = []
    while True:
        event = get_event()
        kind = type(event)
        value: Any
        if kind is ScalarEvent:
            value = event.value
            if not event.style and (not value or value[0] in NOT_TEXT_STARTS):
                if value[:1] in SLIP_STARTS and meant(value):
                    raise _Unusual
                value = plain_value(value)
            if event.ctag is not None or event.anchor is not None:
                raise _Unusual
            if type(into) is list:
                into.append(value)
            elif key is None:
                if type(value) is not str or value in into or value == "<<" or "{" in value or "[" in value:
                    raise _Unusual
                # one object for all fields of one name: a third of the memory; entries have names of their own
                key = value if len(outer) == 1 else sys.intern(value)
            else:
                into[key] = value
                key = None
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            if event.ctag is not None or event.anchor is not None or len(outer) + 2 > MAX_DEPTH:
                raise _Unusual
            value = {} if kind is MappingStartEvent else []
            if type(into) is list:
                into.append(value)
            elif key is None:
                raise _Unusual
            else:
                into[key] = value
            outer.append((into, None))
            into, key = value, None
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            if not outer:
                return root
            into, key = outer.pop()
        else:
            raise _Unusual
