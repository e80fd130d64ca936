"""A YAML text as it is written: each node with its first and last character, its style, and each comment. Where `parse`
asks what a text means, this asks what stands where; `file_text` edits by it and `format` writes anew from it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, SequenceEndEvent, SequenceStartEvent

from reconciler.declared.parse.scalars import Scalar, plain_value

_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\r\n]*", re.MULTILINE)


@dataclass(slots=True, eq=False)
class Node:
    """A scalar (`text`), a list (`items`), a mapping (`pairs`), or an alias of one (`alias`), from `start` to before
    `end`. `style` is a scalar's quote or block sign; `flow`: in brackets or braces."""

    start: int
    end: int
    text: str | None = None
    style: str | None = None
    items: list[Node] | None = None
    pairs: list[tuple[Node, Node]] | None = None
    flow: bool = False
    anchor: str | None = None
    alias: str | None = None

    @property
    def value(self) -> Scalar:
        """What a scalar means."""
        assert self.text is not None
        return self.text if self.style else plain_value(self.text)

    @property
    def children(self) -> list[tuple[Node, Node]]:
        """What is in it: key and value, of a list's item twice the item."""
        return self.pairs if self.pairs is not None else [(item, item) for item in self.items or ()]

    def child(self, key: str) -> Node | None:
        """The value of a key."""
        return next((value for name, value in self.pairs or () if name.text == key), None)

    def scalars(self) -> Iterator[Node]:
        """All scalars in it, in the order of the text."""
        if self.text is not None:
            yield self
        for key, value in self.children:
            if key is not value:
                yield from key.scalars()
            yield from value.scalars()


class Comment(NamedTuple):
    """`# …` to the end of its line."""

    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Concrete:
    """A text and what it is made of; without `root` it has nothing but comments."""

    text: str
    root: Node | None
    comments: tuple[Comment, ...]
    line_starts: list[int] = field(repr=False)

    def line(self, offset: int) -> int:
        """The line that holds a character, counted from 0."""
        return bisect_right(self.line_starts, offset) - 1

    def column(self, offset: int) -> int:
        """How many characters stand before it in its line."""
        return offset - self.line_starts[self.line(offset)]

    def start_of(self, line: int) -> int:
        """Where a line begins; the end of the text for those behind it."""
        return self.line_starts[line] if line < len(self.line_starts) else len(self.text)

    def words(self, line: int) -> str:
        """A line without spaces around it."""
        return self.text[self.start_of(line) : self.start_of(line + 1)].strip()


def read_concrete(text: str) -> Concrete:
    """The text, which must be one that `parse` accepts without remarks. Raises YAMLError."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    try:
        root = _compose(YAML(typ="safe", pure=False).parse(text), starts, text)
    except YAMLError:  # libyaml refuses a colon inside braces that YAML 1.2 allows (`parse.exact`)
        root = _compose(YAML(typ="safe", pure=True).parse(text), starts, text)
    return Concrete(text, root, tuple(_comments(text, root)), starts)


def _compose(events: Iterable[Any], starts: list[int], text: str) -> Node | None:
    root: Node | None = None
    stack: list[tuple[Node, list[Node]]] = []
    for event in events:
        start, end = (_offset(mark, starts, len(text)) for mark in (event.start_mark, event.end_mark))
        if isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            node, inside = stack.pop()
            _close(node, inside, end)
        elif isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            node = Node(start, 0, flow=bool(event.flow_style), anchor=event.anchor)
            node.pairs, node.items = ([], None) if isinstance(event, MappingStartEvent) else (None, [])
            stack.append((node, []))
            continue
        elif isinstance(event, AliasEvent):
            node = Node(start, end, alias=event.anchor)
        elif hasattr(event, "value"):
            if event.style in ("|", ">"):
                end = start + len(text[start:end].rstrip())
            node = Node(start, end, text=event.value, style=event.style or None, anchor=event.anchor)
        else:
            continue
        if stack:
            stack[-1][1].append(node)
        else:
            root = node
    return root


def _close(node: Node, inside: list[Node], end: int) -> None:
    if node.items is not None:
        node.items = inside
    else:
        node.pairs = list(zip(inside[::2], inside[1::2], strict=True))
    # a block ends where the next thing begins, as events have it
    node.end = end if node.flow else max(each.end for each in inside)


def _offset(mark: Any, starts: list[int], length: int) -> int:
    line, column = int(mark.line), int(mark.column)  # behind a last line without an end, libyaml counts one more
    return starts[line] + column if line < len(starts) else length


def _comments(text: str, root: Node | None) -> Iterator[Comment]:
    spans = [(node.start, node.end) for node in root.scalars() if node.end > node.start] if root else []
    starts = [start for start, _ in spans]
    for match in _COMMENT.finditer(text):
        at = bisect_right(starts, match.start()) - 1
        if at < 0 or spans[at][1] <= match.start():
            yield Comment(match.start(), match[0].rstrip())
        elif text[spans[at][0]] in "|>" and "\n" not in text[spans[at][0] : match.start()]:
            yield Comment(match.start(), match[0].rstrip())  # behind the sign of a block of text
