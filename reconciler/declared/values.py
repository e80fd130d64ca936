"""From the files to the values in them, file after file: read, or as they were read before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from reconciler.declared.convert import convert
from reconciler.declared.fields.state_file import SiteFacts
from reconciler.declared.parse.documents import parse
from reconciler.declared.parse.fast import Reading, read_fast
from reconciler.declared.parse.locator import Locator
from reconciler.declared.parse.parallel import made_by_helpers
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
    """One file that is sound so far: its size in characters (`Load.locator` has its text), or its values where they are
    known. `entry` is what they are called in the cache; empty where they are not to be kept."""

    source: Source
    entry: str
    size: int = 0
    values: Sequence[Batch] | None = None


def read_values(sources: Iterable[Source], instead: Mapping[str, bytes], load: Load) -> Iterator[Batch]:
    """Everything that is right by itself, in the order of the files. `instead` has what files are to hold, by name."""
    for _, values in read_files(sources, instead, load):
        yield from values


def read_files(
    sources: Iterable[Source], instead: Mapping[str, bytes], load: Load
) -> Iterator[tuple[Source, Sequence[Batch]]]:
    """The same, file after file."""
    found = [_file(source, instead.get(source.name), load) for source in sources]
    files = [file for file in found if file is not None]
    new = [file for file in files if file.values is None]
    size = sum(file.size for file in new)
    with closing(made_by_helpers(new, partial(_written, load), size)) as helped:
        for file in files:
            if file.values is not None:
                yield file.source, file.values
                continue
            said = len(load.problems)
            values = _of_helper(file, next(helped)) or _values(file, load)
            if load.cache is not None and file.entry and len(load.problems) == said:
                load.cache.put(file.source.name, file.entry, values)
            yield file.source, values


def _values(file: _File, load: Load) -> list[Batch]:
    document = parse(file.source, load.locator, load.problems)
    return convert(document, load.site, load.today, load.problems)


def _written(load: Load, file: _File) -> bytes | None:
    """The values as a helper hands them over; None where there is anything to say, which is said here then."""
    from reconciler.declared.cache.rows import rows

    value, problems = read_fast(load.locator.text(file.source.name)), Problems()
    if value is Reading.UNUSUAL:
        return None
    values = convert((file.source, value), load.site, load.today, problems)
    return rows(values) if len(problems) == 0 else None


def _of_helper(file: _File, made: bytes | None) -> list[Batch] | None:
    if made is None:
        return None
    from reconciler.declared.cache.rows import batches

    return batches(made, file.source.name)


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
    return _File(source, entry if len(load.problems) == said else "", len(text))
