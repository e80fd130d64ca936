"""From the files to the values in them, file after file: read, or as they were read before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from reconciler.declared.convert import convert
from reconciler.declared.fields.state_file import SiteFacts
from reconciler.declared.parse.documents import parse
from reconciler.declared.parse.locator import Locator
from reconciler.declared.problems import Problems
from reconciler.declared.read.source import Source
from reconciler.declared.read.text import read_content, text_of
from reconciler.declared.section import Batch

if TYPE_CHECKING:  # whoever has none needs none of it
    from reconciler.declared.cache.entries import Cache


class Load(NamedTuple):
    """What all files of one load have in common."""

    locator: Locator
    site: SiteFacts
    today: date
    problems: Problems
    cache: Cache | None
    entries: dict[str, str]
    """What the files are called in the cache, by their names: filled as they are read."""


class _File(NamedTuple):
    """One file that is sound so far: its text, or its values where they are known. `entry` is what they are called in
    the cache; empty where they are not to be kept."""

    source: Source
    entry: str
    text: str = ""
    values: Sequence[Batch] | None = None


def read_values(sources: Iterable[Source], instead: Mapping[str, bytes], load: Load) -> Iterator[Batch]:
    """Everything that is right by itself, in the order of the files. `instead` has what files are to hold, by name."""
    found = [_file(source, instead.get(source.name), load) for source in sources]
    files = [file for file in found if file is not None]
    texts = {file.source: file.text for file in files if file.values is None}
    with closing(parse(texts, load.locator, load.problems)) as documents:
        for file in files:
            if file.values is not None:
                yield from file.values
                continue
            said = len(load.problems)
            values = convert(next(documents), load.site, load.today, load.problems)
            if load.cache is not None and file.entry and len(load.problems) == said:
                load.cache.put(file.source.name, file.entry, values)
            yield from values


def _file(source: Source, new: bytes | None, load: Load) -> _File | None:
    """None after a complaint about the text itself."""
    content = read_content(source, load.problems, new)
    if content is None:
        return None
    entry = ""
    if load.cache is not None:
        digest = load.cache.digest(content)
        entry = load.entries[source.name] = load.cache.entry(digest, load.site)
        if (values := load.cache.get(source.name, entry)) is not None:
            if new is None:
                load.locator.add_known(source, digest)
            else:
                load.locator.add(source, content)
            return _File(source, entry, values=values)
    said = len(load.problems)
    text = text_of(source, content, load.problems)
    if text is None:
        return None
    load.locator.add(source, content)
    return _File(source, entry if len(load.problems) == said else "", text)
