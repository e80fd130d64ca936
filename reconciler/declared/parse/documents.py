"""From the texts of all files to their values, one file after the other."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from reconciler.declared.parse.fast import Reading
from reconciler.declared.parse.locator import Locator
from reconciler.declared.parse.parallel import read_all
from reconciler.declared.problems import Problems
from reconciler.declared.read.source import Source

Document = tuple[Source, Any]
"""What one file holds, as plain values; None when it is empty or cannot be read."""


def parse(texts: Mapping[Source, str], locator: Locator, problems: Problems) -> Generator[Document]:
    """The documents, one after the other: only one or two are there at once. `locator` has the exact readings."""
    for source, value in zip(texts, read_all(list(texts.values())), strict=True):
        if value is Reading.UNUSUAL:
            tree = locator.tree(source.name)
            for remark in tree.remarks:
                problems.error_at(source.place(*remark.mark), remark.rule, remark.message, remark.hint)
            value = tree.root.data() if tree.root else None
        yield source, value
