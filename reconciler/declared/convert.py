"""Step 3: from the plain value of each file to values of the model, checked by themselves; section by section and in
slices, so that no big file is held twice. What entries say about each other is the next step's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from pydantic import ValidationError

from reconciler.declared.fields.describe_input import describe, nearest
from reconciler.declared.fields.error_messages import Sentence, sentence
from reconciler.declared.fields.state_file import SiteFacts, StateFile
from reconciler.declared.parse.documents import Document
from reconciler.declared.parse.missing_separators import unseparated
from reconciler.declared.problems import Problems, Spot
from reconciler.declared.read.source import Source
from reconciler.declared.section import SECTIONS, Batch, Entry, Section
from reconciler.model.source_places import Origin

SLICE = 2_000  # entries validated at once

Checked = tuple[Section, str, Entry | None]
"""An entry that fits its model, and its key; None where nothing is written behind the key."""


def convert(document: Document, site: SiteFacts, today: date, problems: Problems) -> list[Batch]:
    """Every entry of the file that is right by itself, as of `today`, section after section."""
    found = groupby(_values(document, site, today, problems), key=itemgetter(0))
    return [(section, [value for _, value in values]) for section, values in found]


def _values(document: Document, site: SiteFacts, today: date, problems: Problems) -> Iterator[tuple[Section, Any]]:
    source, content = document
    domain = content.get("domain") if isinstance(content, dict) else None
    file = StateFile(source.name, domain, site, today, problems)
    for item in _entries(content):
        if isinstance(item, Sentence):
            _add(problems, item, source)
            continue
        section, key, entry = item
        value = section.convert(Origin(source.name, section.name, key), entry, file)
        if value is not None:
            yield section, value


def _add(problems: Problems, sentence: Sentence, source: Source) -> None:
    section, key, *rest = (*sentence.path, "", "")[: max(2, len(sentence.path))]
    spot = Spot(Origin(source.name, str(section), str(key)), tuple(rest), sentence.on_key)
    subject = str(key if isinstance(key, str) and key else section or source.shown)
    problems.error("field", subject, sentence.message, sentence.hint, spot)


def _entries(content: Any) -> Iterator[Checked | Sentence]:
    """Everything in one file except `domain`: entries that fit, sentences about those that do not."""
    if content is None:
        return
    names = ["domain", *SECTIONS]
    if not isinstance(content, dict):
        slip = unseparated(content, names) if isinstance(content, str) else None
        hint = f"write sections on top: {', '.join(SECTIONS)}"
        yield Sentence((), *(slip or (f"the file holds {describe(content)}", hint)))
        return
    for name, entries in content.items():
        if name in SECTIONS and entries is not None:
            yield from _section(SECTIONS[name], entries)
        elif name not in names:
            near = nearest(name, names)
            hint = f"did you mean `{near}`?" if near else f"known are {', '.join(names)}"
            yield Sentence((name,), f"`{name}` is not known here", hint, on_key=True)


def _section(section: Section, entries: Any) -> Iterator[Checked | Sentence]:
    if isinstance(entries, dict) and section.by_key:
        items = iter(entries.items())
        while part := dict(islice(items, SLICE)):
            yield from _slice(section, part)
    elif isinstance(entries, list) and not section.by_key:
        yield from _slice(section, dict(enumerate(entries)))
    else:
        hint = "write `address: {…}` for each" if section.by_key else "begin each entry with `- `"
        slip = unseparated(entries) if isinstance(entries, str) and section.by_key else None
        yield Sentence((section.name,), *(slip or (f"`{section.name}` holds {describe(entries)}", hint)))


def _slice(section: Section, part: dict[Any, Any]) -> Iterator[Checked | Sentence]:
    """Validates at once; when that fails, says why and validates the good ones again."""
    try:
        entries = _validate(section, part)
    except ValidationError as error:
        keys = list(part)
        bad = set()
        for detail in error.errors(include_url=False):
            key = detail["loc"][0] if section.by_key else keys[int(detail["loc"][0])]
            bad.add(key)
            problem = sentence(detail, section.written)
            yield problem._replace(path=(section.name, key, *problem.path[1:]))
        entries = _validate(section, {key: value for key, value in part.items() if key not in bad})
    for key, entry in entries:
        yield section, str(key), entry


def _validate(section: Section, part: dict[Any, Any]) -> Iterable[tuple[Any, Entry | None]]:
    if section.by_key:
        checked: dict[str, Entry | None] = section.adapter.validate_python(part)
        return checked.items()
    return zip(part, section.adapter.validate_python(list(part.values())), strict=True)
