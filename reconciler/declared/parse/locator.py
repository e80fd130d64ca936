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

    def __init__(self, texts: Mapping[Source, str]) -> None:
        # compressed: most are never asked about
        self._packed = {s.name: (s, zlib.compress(text.encode("utf-8"), level=1)) for s, text in texts.items()}
        self._trees: dict[str, Tree] = {}
        self._indexes: dict[tuple[str, str], Mapping[str, Mark] | None] = {}

    def __call__(self, origin: Origin) -> Place:
        """The place of a declaration: its key, or the start of its list entry."""
        if origin.file not in self._packed:
            return Place(origin.file, 1)
        mark = self._quick(origin) or self._exact(Spot(origin, on_key=True))
        return self._packed[origin.file][0].place(*mark)

    def place_of(self, spot: Spot, severity: Severity) -> Place:
        """The place of a problem: to the field for an error, to the entry for the rest (which must stay fast)."""
        if severity is not Severity.ERROR or spot.origin.file not in self._packed:
            return self(spot.origin)
        return self._packed[spot.origin.file][0].place(*self._exact(spot))

    def tree(self, file: str) -> Tree:
        """The exact reading of a file."""
        if file not in self._trees:
            self._trees[file] = read_tree(self._text(file))
        return self._trees[file]

    def _text(self, file: str) -> str:
        return zlib.decompress(self._packed[file][1]).decode("utf-8")

    def _quick(self, origin: Origin) -> Mark | None:
        from reconciler.declared.parse.line_index import section_index  # most files have nothing to show

        name = (origin.file, origin.section)
        if name not in self._indexes:
            self._indexes[name] = section_index(self._text(origin.file), origin.section)
        index = self._indexes[name]
        return index.get(origin.key) if index is not None else None

    def _exact(self, spot: Spot) -> Mark:
        root, origin = self.tree(spot.origin.file).root, spot.origin
        node = node_at(root, (origin.section, origin.key, *spot.path), on_key=spot.on_key) if root else None
        if node is None and root is not None and root.text is not None:  # the whole file is one text
            node = root
        return node.mark if node else Mark(1, 1)
