"""A file of the state in its one canonical layout: sections in the order of the documentation, entries sorted, a blank
line between sections, two spaces a step, short lists in brackets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.declared.write.scalars import scalar
from reconciler.declared.write.schema_line import SCHEMA_LINE
from reconciler.model.addresses import domain_of, local_part

WIDTH = 100
"""A list in brackets is at most this long; a longer one has a line for each item."""

Fields = Mapping[str, Any]
"""An entry in the words of the state language: texts, numbers, booleans, lists of texts, and mappings of these."""


@dataclass(frozen=True, slots=True)
class File:
    """What one file declares: by section either entries by their keys, or a list of them. Keys and targets are whole
    addresses; those of `domain` are written without it."""

    domain: str | None = None
    sections: Mapping[str, Mapping[str, Fields | Sequence[str]] | Sequence[Fields]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """The text, and which entry stands at which of its lines: `(line, section, key or index as text)`, ascending."""

    text: str
    entries: tuple[tuple[int, str, str], ...]


def write(file: File, *, schema: str | None = None) -> Written:
    """`schema` is where the JSON Schema is, seen from the file; editors find it by the first line."""
    lines = [SCHEMA_LINE + schema] if schema is not None else []
    entries: list[tuple[int, str, str]] = []
    if file.domain is not None:
        lines.append(f"domain: {scalar(file.domain)}")
    for section, content in file.sections.items():
        if not content:
            continue
        lines += ["", f"{section}:"] if lines else [f"{section}:"]
        for key, entry_lines in _entries(content, file.domain):
            entries.append((len(lines) + 1, section, key))
            lines += entry_lines
    return Written("\n".join(lines) + "\n", tuple(entries))


def _entries(
    content: Mapping[str, Fields | Sequence[str]] | Sequence[Fields], domain: str | None
) -> Iterator[tuple[str, list[str]]]:
    if isinstance(content, Mapping):
        for key, entry in content.items():
            yield key, [f"  {line}" for line in keyed_lines(key, entry, domain)]
        return
    for index, fields in enumerate(content):
        yield str(index), [f"  {line}" for line in listed_lines(fields, domain)]


def keyed_lines(key: str, entry: Fields | Sequence[str], domain: str | None) -> list[str]:
    """An entry of a section with keys, at the left margin."""
    name = scalar(short(key, domain))
    if not isinstance(entry, Mapping):
        return list(_list(name, entry, domain))
    if not entry:
        return [f"{name}: {{}}"]
    return [f"{name}:", *(f"  {line}" for field, value in entry.items() for line in _field(field, value, domain))]


def listed_lines(fields: Fields, domain: str | None) -> list[str]:
    """An entry of a section that is a list, at the left margin."""
    first, *rest = (line for name, value in fields.items() for line in _field(name, value, domain))
    return [f"- {first}", *(f"  {line}" for line in rest)]


def in_braces(entry: Fields | Sequence[str], domain: str | None) -> str:
    """An entry on one line: `{given_name: Anna, surname: Beispiel}`, or `[anna, bernd]`."""
    match entry:
        case Mapping():
            return f"{{{', '.join(f'{name}: {_inline(name, value, domain)}' for name, value in entry.items())}}}"
        case _:
            return f"[{', '.join(scalar(short(item, domain), in_brackets=True) for item in entry)}]"


def _inline(name: str, value: Any, domain: str | None) -> str:
    if isinstance(value, Mapping | list | tuple):
        return in_braces(value, domain)
    return scalar(short(value, domain) if name in _ADDRESSES else value, in_brackets=True)


def _field(name: str, value: Any, domain: str | None) -> Iterator[str]:
    match value:
        case Mapping():
            yield f"{name}: {in_braces(value, domain)}"
        case list() | tuple():
            yield from _list(name, value, domain)
        case _:
            yield f"{name}: {scalar(short(value, domain) if name in _ADDRESSES else value)}"


_ADDRESSES = frozenset({"from", "to", "mailbox"})
"""The fields that hold an address of the platform."""


def _list(name: str, items: Sequence[str], domain: str | None) -> Iterator[str]:
    texts = [scalar(short(item, domain), in_brackets=True) for item in items]
    line = f"{name}: [{', '.join(texts)}]"
    if len(line) <= WIDTH:
        yield line
        return
    yield f"{name}:"
    yield from (f"  - {text}" for text in texts)


def short(address: str, domain: str | None) -> str:
    """An address as a file of this domain writes it."""
    return local_part(address) if domain is not None and domain_of(address) == domain else address
