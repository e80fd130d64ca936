"""Turns the name of a declaration into a position that an editor can jump to. Lazy: only what is shown is looked up.

`Locator` is the `locate` of a Declaration, and it gives the places of all that a load finds wrong.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from reconciler.declared.parse.exact import read_tree
from reconciler.declared.parse.tree import Mark, Tree, node_at
from reconciler.declared.problems import Spot
from reconciler.declared.read.source import Source
from reconciler.model.source_places import Origin, Place
from reconciler.planning.finding import Severity


class Locator:
    """The files of one load, as they were read; positions are worked out when asked for and remembered."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}
        self._packed: dict[str, bytes] = {}
        self._digests: dict[str, bytes] = {}
        self._trees: dict[str, Tree] = {}
        self._indexes: dict[tuple[str, str], Mapping[str, Mark] | None] = {}

    def add(self, source: Source, content: bytes) -> None:
        """Takes in a file with this content."""
        self._sources[source.name] = source
        self._packed[source.name] = zlib.compress(content, level=1)  # most are never asked about

    def add_known(self, source: Source, digest: bytes) -> None:
        """Takes in a file whose content has this SHA-256; it is read again when it is asked about."""
        self._sources[source.name] = source
        self._digests[source.name] = digest

    def __call__(self, origin: Origin) -> Place:
        """The place of a declaration: its key, or the start of its list entry."""
        if origin.file not in self._sources:
            return Place(origin.file, 1)
        mark = self._quick(origin) or self._exact(Spot(origin, on_key=True))
        return self._sources[origin.file].place(*mark)

    def place_of(self, spot: Spot, severity: Severity) -> Place:
        """The place of a problem: to the field for an error, to the entry for the rest (which must stay fast)."""
        if severity is not Severity.ERROR or spot.origin.file not in self._sources:
            return self(spot.origin)
        return self._sources[spot.origin.file].place(*self._exact(spot))

    def tree(self, file: str) -> Tree:
        """The exact reading of a file."""
        if file not in self._trees:
            self._trees[file] = read_tree(self.text(file))
        return self._trees[file]

    def text(self, file: str) -> str:
        """What the file held; nothing where that cannot be known any more, and then everything is in its first line."""
        if (packed := self._packed.get(file)) is not None:
            return zlib.decompress(packed).decode("utf-8-sig")
        from hashlib import sha256  # only with a cache

        try:
            content = self._sources[file].path.read_bytes()
        except OSError:
            return ""
        return content.decode("utf-8-sig") if sha256(content).digest() == self._digests[file] else ""

    def _quick(self, origin: Origin) -> Mark | None:
        from reconciler.declared.parse.line_index import section_index  # most files have nothing to show

        name = (origin.file, origin.section)
        if name not in self._indexes:
            self._indexes[name] = section_index(self.text(origin.file), origin.section)
        index = self._indexes[name]
        return index.get(origin.key) if index is not None else None

    def _exact(self, spot: Spot) -> Mark:
        root, origin = self.tree(spot.origin.file).root, spot.origin
        node = node_at(root, (origin.section, origin.key, *spot.path), on_key=spot.on_key) if root else None
        if node is None and root is not None and root.text is not None:  # the whole file is one text
            node = root
        return node.mark if node else Mark(1, 1)
