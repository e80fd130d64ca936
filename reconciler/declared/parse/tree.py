"""One YAML text as read exactly: a tree of nodes, each with its position, and remarks about what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from reconciler.declared.parse.scalars import plain_value

MAX_DEPTH = 20
"""Levels of nesting in one text."""


class Mark(NamedTuple):
    """A position, both counted from 1."""

    line: int
    column: int


class Remark(NamedTuple):
    """What is wrong with the text as YAML. `rule` is `key` where a better message about the key may follow."""

    mark: Mark
    message: str
    hint: str
    rule: str = "yaml"


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """A scalar (`text`), a list (`items`) or a mapping (`pairs`); exactly one of them is not None."""

    mark: Mark
    text: str | None = None
    plain: bool = False
    items: list[Node] | None = None
    pairs: dict[str, tuple[Node, Node]] | None = None
    size: int = 1
    """Nodes in it, itself included; what aliases lead to counts again."""
    height: int = 1

    def data(self) -> Any:
        """What the models are fed with. Depth and size are bounded, so this is too."""
        if self.items is not None:
            return [item.data() for item in self.items]
        if self.pairs is not None:
            return {key: value.data() for key, (_, value) in self.pairs.items()}
        assert self.text is not None
        return plain_value(self.text) if self.plain else self.text


class Tree(NamedTuple):
    """One file as read. Without `root` it was empty, or could not be read at all (then there are remarks)."""

    root: Node | None
    remarks: tuple[Remark, ...]


def node_at(root: Node, path: tuple[str | int, ...], *, on_key: bool) -> Node | None:
    """The node that a path leads to; a step that is not there is passed over, so the nearest one answers.

    The key's node for `on_key`, and where the value is no scalar with text in it. None: the path leads nowhere at all.
    """
    node, key = root, None
    for step in path:
        if node.pairs is not None and step in node.pairs:
            key, node = node.pairs[str(step)]
        elif node.items is not None and str(step).isdecimal() and int(step) < len(node.items):
            key, node = None, node.items[int(step)]
    if node is root:
        return None
    return key if key is not None and (on_key or not node.text) else node
