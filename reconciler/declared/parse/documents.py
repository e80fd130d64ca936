"""From the text of a file to its plain values."""

from __future__ import annotations

from typing import Any

from reconciler.declared.parse.fast import Reading, read_fast
from reconciler.declared.parse.locator import Locator
from reconciler.declared.problems import Problems
from reconciler.declared.read.source import Source

Document = tuple[Source, Any]
"""What one file holds, as plain values; None when it is empty or cannot be read."""


def parse(source: Source, locator: Locator, problems: Problems) -> Document:
    """The document of one file. `locator` has its text, and the exact readings."""
    value = read_fast(locator.text(source.name))
    if value is Reading.UNUSUAL:
        tree = locator.tree(source.name)
        for remark in tree.remarks:
            problems.error_at(source.place(*remark.mark), remark.rule, remark.message, remark.hint)
        value = tree.root.data() if tree.root else None
    return source, value
