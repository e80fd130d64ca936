"""A state whose entries are read when somebody asks for one: for plans that are about a part of a big site.

Only where the cache knows that just these files, with this site file and on this day, were read and checked before
without an error: then nothing of them is to be found out but what is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from reconciler.declared.cache.rows import Keys, keys_of
from reconciler.declared.merge import state_of
from reconciler.declared.parse.locator import Locator
from reconciler.declared.problems import Problems
from reconciler.declared.read.source import Source
from reconciler.declared.read.text import read_content
from reconciler.declared.section import SECTIONS, Batch
from reconciler.declared.values import Load, read_values
from reconciler.errors import UsageError
from reconciler.model.declared import DesiredState
from reconciler.model.lazy_table import LazyTable
from reconciler.settings import Settings

Tables = dict[str, LazyTable[Any, Any]]


def read_lazily(sources: Sequence[Source], load: Load, site: Settings) -> DesiredState | None:
    """None where that is not known, or files contradict each other: then all is to be read, with another `load`."""
    cache, digests = load.cache, dict[str, bytes]()
    if cache is None:
        return None
    for source in sources:
        content = read_content(source, load.problems)
        if content is None:
            return None
        digests[source.name] = cache.digest(content)
        load.entries[source.name] = cache.entry(digests[source.name], load.site)
    remarks = cache.remarks(cache.load_name(load.entries, site, load.today))
    if remarks is None:
        return None
    load.problems.add(remarks)
    reader, tables = _Reader(sources, load), Tables()
    for source in sources:
        keys = cache.keys(load.entries[source.name])
        if keys is not None:
            load.locator.add_known(source, digests[source.name])
        elif (keys := reader.all_of(source, tables)) is None:
            return None
        for section, columns in keys.items():
            if not reader.table(section, tables).add(source.name, *columns):
                return None
    return state_of(tables, load.today)


class _Reader:
    """Reads files of a state that is known."""

    def __init__(self, sources: Sequence[Source], load: Load) -> None:
        self._sources = {source.name: source for source in sources}
        self._load = load

    def table(self, section: str, tables: Tables) -> LazyTable[Any, Any]:
        """The table of a section."""
        if section not in tables:
            tables[section] = LazyTable(partial(self._entries, section))
        return tables[section]

    def all_of(self, source: Source, tables: Tables) -> Keys | None:
        """Reads a file about which there is something to say, or whose sections are no tables; None where two entries
        have one key."""
        found: Keys = {}
        for section, values in self._batches(source, self._load):
            entries = {section.key(value): value for value in values}
            if len(entries) != len(values):
                return None
            self.table(section.name, tables).add_read(entries)
            found[section.name] = keys_of(section, values)
        return found

    def _entries(self, section: str, file: str) -> Mapping[Any, Any]:
        """Those of a section, for who asks later: what is to be said of them is said."""
        load = self._load._replace(locator=Locator(), problems=Problems())
        key = SECTIONS[section].key
        batches = self._batches(self._sources[file], load)
        return {key(value): value for found, values in batches if found.name == section for value in values}

    def _batches(self, source: Source, load: Load) -> list[Batch]:
        """Raises UsageError where the file is not what it was when the state was read."""
        again = load._replace(entries={})
        found = list(read_values([source], {}, again))
        if again.entries.get(source.name) != self._load.entries[source.name]:
            hint = "run it again"
            raise UsageError(f"{source.shown} was changed while the state was read", hint=hint)
        return found
