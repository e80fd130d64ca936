"""A file of the state in the layout of `layout`, with its comments: the same words in the same order, each entry with a
line for each field, short lists in brackets, two spaces a step, quotes only where they are needed.

First every output line is made, with the place in the old text from which it comes (`_lines_of`); then the comments go
between them and behind them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.declared.parse.exact import read_tree
from reconciler.declared.write.concrete import Comment, Concrete, Node, read_concrete
from reconciler.declared.write.layout import WIDTH
from reconciler.declared.write.scalars import scalar
from reconciler.declared.write.schema_line import SCHEMA_LINE

_FOLDED = frozenset({"reason", "ticket"})
"""Fields whose line breaks are spaces (`fields.field_types`)."""

_Blocks = tuple[tuple[int, int], ...]
"""The blocks around a line, from outside to inside: their column in the old text, their indentation in the new one."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line to write. `start`: where what it says begins in the old text."""

    start: int
    text: str
    blocks: _Blocks
    first: bool = False
    """The first one below a key."""

    @property
    def indent(self) -> int:
        return self.blocks[-1][1]


def formatted(text: str, schema: str | None = None) -> str:
    """The text in the one layout; `schema` is where the JSON Schema is, for a file that does not say it. The text must
    be one that `parse` accepts without remarks."""
    old = read_concrete(text)
    lines = list(_lines_of(old)) if old.root is not None and old.root.text is None else []
    out = list(_with_comments(old, lines))
    if schema is not None and not any(line.startswith(SCHEMA_LINE) for line in out):
        out.insert(0, SCHEMA_LINE + schema)
    new = "\n".join(out) + "\n" if out else ""
    assert _meaning(new) == _meaning(text), "a new layout has another meaning"
    return new


def _meaning(text: str) -> Any:
    root = read_tree(text).root
    return (root is not None and _folded(root.data())) or None


def _folded(value: Any, key: str = "", section: str = "") -> Any:
    match value:
        case dict():
            return {name: _folded(each, name, key) for name, each in value.items()}
        case list():
            return [_folded(each, "", key) for each in value]
        case str() if key in _FOLDED:
            return " ".join(value.split())
        case None if section == "mailboxes":
            return {}
    return value


def _lines_of(old: Concrete) -> Iterator[_Line]:
    assert old.root is not None
    yield from _Writer(old).mapping(old.root, (), 0, "")


@dataclass(frozen=True, slots=True)
class _Writer:
    old: Concrete

    def mapping(self, node: Node, around: _Blocks, indent: int, within: str) -> Iterator[_Line]:
        """A line for each field. `within`: the section, for its entries."""
        depth = len(around)
        blocks = (*around, (self.old.column(node.children[0][0].start), indent)) if node.children else around
        for number, (key, value) in enumerate(node.children):
            name = scalar(key.text or "")
            first = bool(number == 0 and depth)
            inline = self.inline(value, key=key.text or "", entry=depth == 1, section=within)
            if inline is not None and (depth > 0 or value.text is not None or not value.children):
                line = f"{name}: {inline}".rstrip()
                short = value.text is not None or value.alias or len(line) + indent <= WIDTH
                if short or not value.children:
                    yield _Line(key.start, line, blocks, first)
                    continue
            anchor = f" &{value.anchor}" if value.anchor else ""
            yield _Line(key.start, f"{name}:{anchor}", blocks, first)
            yield from self.inside(value, blocks, indent + 2, key.text or "")

    def inside(self, node: Node, around: _Blocks, indent: int, within: str) -> Iterator[_Line]:
        """What stands below a key."""
        if node.items is None:
            yield from self.mapping(node, around, indent, within)
            return
        dashes = self.old.column(node.start if not node.flow else node.items[0].start)
        blocks = (*around, (dashes, indent))
        for number, item in enumerate(node.items):
            inline = self.inline(item, key="", entry=len(around) == 1, section=within)
            if inline is not None:
                yield _Line(item.start, f"- {inline}".rstrip(), blocks, number == 0)
                continue
            if item.anchor:
                yield _Line(item.start, f"- &{item.anchor}", blocks, number == 0)
                yield from self.inside(item, blocks, indent + 2, "")
                continue
            head, *rest = self.inside(item, blocks, indent + 2, "")
            yield _Line(head.start, f"- {head.text}", blocks, number == 0)
            yield from rest

    def inline(self, node: Node, *, key: str, entry: bool, section: str) -> str | None:
        """The value on the line of its key; None where it is written below."""
        anchor = f"&{node.anchor} " if node.anchor else ""
        if node.alias:
            return f"*{node.alias}"
        if node.text is not None:
            empty_box = entry and section == "mailboxes" and node.value is None
            return anchor + ("{}" if empty_box else _written(node, folded=key in _FOLDED))
        if not node.children:
            return anchor + ("{}" if node.pairs is not None else "[]")
        if any(node.start < comment.start < node.end for comment in self.old.comments):
            return None
        if (entry and node.pairs is not None) or not all(_is_small(value) for _, value in node.children):
            return None
        values = [
            _written(value, in_brackets=True) if value.text is not None else f"*{value.alias}"
            for _, value in node.children
        ]
        if node.items is not None:
            return f"{anchor}[{', '.join(values)}]"
        names = [scalar(name.text or "", in_brackets=True) for name, _ in node.children]
        return (
            f"{anchor}{{{', '.join(f'{name}: {value}'.rstrip() for name, value in zip(names, values, strict=True))}}}"
        )


def _is_small(node: Node) -> bool:
    return (node.text is not None or node.alias is not None) and node.anchor is None


def _written(node: Node, *, in_brackets: bool = False, folded: bool = False) -> str:
    """A scalar; one that is no text as it was written."""
    value = node.value
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return scalar(" ".join(value.split()) if folded else value, in_brackets=in_brackets)
        case None:
            return "null" if in_brackets else node.text or ""
    return node.text or ""


def _with_comments(old: Concrete, lines: list[_Line]) -> Iterator[str]:
    own = [c for c in old.comments if not old.text[old.start_of(old.line(c.start)) : c.start].strip()]
    beside = [c for c in old.comments if c not in set(own)]
    written = 0
    before: _Line | None = None
    for number, line in enumerate(lines):
        end = lines[number + 1].start if number + 1 < len(lines) else len(old.text)
        here = [c for c in beside if line.start < c.start < end]
        pending = [c for c in own if (before.start if before else -1) < c.start < line.start]
        block = list(_above(old, pending, before, line))
        block += [(" " * line.indent + c.text, line.indent, False) for c in here[1:]]
        text = " " * line.indent + line.text
        if here:
            # comments that stand below each other go on doing so
            column = old.column(here[0].start) if _leads(old, line.start) else 0
            text += " " * max(2, column - len(text)) + here[0].text
        blank = not line.first and _blank_above(old, line.start)
        block.append((text, line.indent, blank))
        if written and line.indent == 0 and not any(blank for _, _, blank in block):
            block = _parted(block, line)
        for each, _, blank in block:
            if blank and written:
                yield ""
            yield each
            written += 1
        before = line
    for text, _, blank in _above(old, [c for c in own if before is None or c.start > before.start], before, None):
        if blank and written:
            yield ""
        yield text
        written += 1


def _parted(block: list[tuple[str, int, bool]], line: _Line) -> list[tuple[str, int, bool]]:
    """Sections have a blank line above them and their comments."""
    if line.text.startswith("domain:"):
        return block
    at = next(i for i, (_, indent, _) in enumerate(block) if indent == 0)
    return [*block[:at], (block[at][0], 0, True), *block[at + 1 :]]


def _above(
    old: Concrete, comments: list[Comment], before: _Line | None, line: _Line | None
) -> Iterator[tuple[str, int, bool]]:
    """Comments with a line of their own: those that stand deeper than the next line belong to what is above them."""
    least, column = (line.indent, line.blocks[-1][0]) if line else (0, 0)
    for comment in comments:
        stands = old.column(comment.start)
        indent = least
        if stands > column and before is not None:
            indent = max([least, *(inner for outer, inner in before.blocks if outer <= stands)])
        blank = _blank_above(old, comment.start) and not (line is not None and line.first and comment is comments[0])
        yield " " * indent + comment.text, indent, blank


def _blank_above(old: Concrete, start: int) -> bool:
    line = old.line(start)
    return line > 0 and not old.words(line - 1) and _leads(old, start)


def _leads(old: Concrete, start: int) -> bool:
    """Whether nothing but dashes stand before it in its line."""
    return old.text[old.start_of(old.line(start)) : start].strip(" -") == ""
