"""One file of the state that is edited: what is not changed keeps each byte. A change gives a new value; nothing is
written to disk here.

A file is edited where it is clear what belongs to what. Anchors, entries with `? key`, and comments inside of braces
that would go along are refused.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from reconciler.declared.write.concrete import Concrete, Node, read_concrete
from reconciler.declared.write.layout import in_braces
from reconciler.declared.write.scalars import scalar
from reconciler.errors import UsageError

Splice = tuple[int, int, str]
"""What stands from one character to before another becomes this text."""

_BY_HAND = "edit it by hand, then: reconciler validate"


@dataclass(frozen=True, slots=True)
class Span:
    """The lines of an entry, from 0: those above it that are comments of its own, its first one, and the one behind."""

    lead: int
    first: int
    end: int


@dataclass(frozen=True)
class FileText:
    """A file by its `name` below the state folder. `text` has line ends as they are, and no byte order mark."""

    name: str
    text: str
    mark: bool = False

    @classmethod
    def of(cls, name: str, content: bytes) -> FileText:
        """The file with this content, which is UTF-8."""
        return cls(name, content.removeprefix(BOM_UTF8).decode("utf-8"), content.startswith(BOM_UTF8))

    @property
    def content(self) -> bytes:
        """What is to be written."""
        return (BOM_UTF8 if self.mark else b"") + self.text.encode("utf-8")

    @cached_property
    def concrete(self) -> Concrete:
        """What stands where."""
        return read_concrete(self.text)

    @property
    def newline(self) -> str:
        """How lines end here."""
        return "\r\n" if "\r\n" in self.text else "\n"

    @property
    def domain(self) -> str | None:
        """What completes bare local parts, as it is written."""
        node = self.concrete.root.child("domain") if self.concrete.root else None
        return node.text if node else None

    def section(self, name: str) -> Node:
        """The entries of a section that is there."""
        assert self.concrete.root is not None
        node = self.concrete.root.child(name)
        assert node is not None
        return self.plain(node)

    def plain(self, node: Node) -> Node:
        """The node. Raises UsageError when it is an anchor's or an alias: other entries would change with it."""
        if node.anchor or node.alias:
            line = self.concrete.line(node.start) + 1
            raise UsageError(f"{self.name}:{line}: this part of the file is written with `&` and `*`", hint=_BY_HAND)
        return node

    def spliced(self, *splices: Splice) -> FileText:
        """With these changes, of which no two touch."""
        text = self.text
        for start, end, new in sorted(splices, reverse=True):
            text = text[:start] + new.replace("\n", self.newline) + text[end:]
        return replace(self, text=text)

    def span(self, block: Node, index: int) -> Span:
        """The lines of an entry of a block: deeper comments below it are its own, those above it up to a blank line
        lead to it."""
        here, (key, value) = self.concrete, block.children[index]
        column, first = here.column(block.start), here.line(key.start)
        if block.items is not None:
            while here.text[here.start_of(first) + column : here.start_of(first) + column + 1] != "-":
                first -= 1  # the dash stands on a line of its own
        elif here.words(first).startswith("?"):
            raise UsageError(f"{self.name}:{first + 1}: a key behind `?` cannot be edited", hint=_BY_HAND)
        end, lead = here.line(max(key.end, value.end) - 1) + 1, first
        while here.words(end).startswith("#") and self._indent(end) > column:
            end += 1
        behind = here.line(block.children[index - 1][1].end - 1) + 1 if index else 0
        while lead > behind and here.words(lead - 1).startswith("#"):
            lead -= 1
        while index and lead < first and lead == behind and self._indent(lead) > column:
            lead, behind = lead + 1, behind + 1  # those are of the entry before
        return Span(lead, first, end)

    def _indent(self, line: int) -> int:
        return _leading(self.text, self.concrete.start_of(line))

    def appended(self, section: str, lines: Sequence[str]) -> FileText:
        """With a section at the end, that has this entry."""
        root = self.concrete.root
        if root is not None and root.flow:
            raise UsageError(f"{self.name} is written in braces and has no `{section}`", hint=_BY_HAND)
        before = "" if not self.text or self.text.endswith("\n") else "\n"
        blank = "\n" if self.text.strip() else ""
        entry = "\n".join(f"  {line}".rstrip() for line in lines)
        return self.spliced((len(self.text), len(self.text), f"{before}{blank}{section}:\n{entry}\n"))

    def lines_of(self, block: Node, index: int) -> list[str]:
        """The lines of an entry of a block, at the left margin."""
        here, span, column = self.concrete, self.span(block, index), self.concrete.column(block.start)
        lines = (self.text[here.start_of(line) : here.start_of(line + 1)] for line in range(span.first, span.end))
        return [line[min(column, _leading(line, 0)) :].rstrip("\r\n") for line in lines]

    def inserted(self, section: str, index: int, lines: Sequence[str], braces: str | None) -> FileText:
        """With one more entry before the one at `index`: `lines` in a block, `braces` where it is written so. Without
        `braces` a section in braces is refused."""
        node = self.section(section)
        if node.text is not None:  # nothing behind the colon
            line = self.concrete.start_of(self.concrete.line(node.start) + 1)
            return self.spliced(self._lines(line, [f"  {each}" for each in lines]))
        if not node.children:
            assert self.concrete.root is not None
            if self.concrete.root.flow:
                return self.spliced((node.start + 1, node.start + 1, self._needed(node, braces)))
            begin = len(self.text[: node.start].rstrip(" "))
            line = self.concrete.start_of(self.concrete.line(node.end - 1) + 1)
            return self.spliced((begin, node.end, ""), self._lines(line, [f"  {each}" for each in lines]))
        if node.flow:
            return self._into_braces(node, index, self._needed(node, braces))
        return self._into_block(node, index, lines, braces)

    def _needed(self, node: Node, braces: str | None) -> str:
        if braces is None:
            line = self.concrete.line(node.start) + 1
            raise UsageError(f"{self.name}:{line}: this section is written in braces", hint=_BY_HAND)
        return braces

    def with_item(self, node: Node, lines: Sequence[str], braces: str) -> FileText:
        """With one more item at the end of a list that has some."""
        index = len(node.children)
        return self._into_braces(node, index, braces) if node.flow else self._into_block(node, index, lines, braces)

    def with_mapping(self, key: Node, entry: Node, name: str, field: str) -> FileText:
        """With braces around an entry that is a text or a list in brackets: `{name: ENTRY, field}`."""
        line = self.concrete.line(key.start) + 1
        if self.plain(entry).items is not None and not entry.flow:
            raise UsageError(f"{self.name}:{line}: this list has no room for `{field}`", hint=_BY_HAND)
        written = (
            self.text[entry.start : entry.end]
            if entry.items is not None
            else f"[{scalar(entry.text, in_brackets=True)}]"
        )
        return self.spliced((entry.start, entry.end, f"{{{name}: {written}, {field}}}"))

    def _into_braces(self, node: Node, index: int, written: str) -> FileText:
        if index < len(node.children):
            at = node.children[index][0].start
            return self.spliced((at, at, f"{written}, "))
        last = node.children[-1][1].end
        return self.spliced((last, last, f", {written}"))

    def _into_block(self, node: Node, index: int, lines: Sequence[str], braces: str | None) -> FileText:
        here, count = self.concrete, len(node.children)
        column = here.column(node.start)
        values = [value for _, value in node.children]
        if braces is not None and len(lines) > 1 and all(value.flow and value.pairs for value in values):
            lines = [f"{'- ' if node.items is not None else ''}{braces}"]
        step = next((here.column(v.start) - column for v in values if v.pairs and not v.flow and node.pairs), 2)
        lines = [" " * column + " " * (_leading(line, 0) // 2 * step) + line.lstrip(" ") for line in lines]
        pair = min(max(index, 1), count - 1) - 1
        blank = False
        if count > 1:
            before, after = self.span(node, pair), self.span(node, pair + 1)
            blank = any(not here.words(line) for line in range(before.end, after.lead))
        if index:
            return self.spliced(
                self._lines(here.start_of(self.span(node, index - 1).end), ["", *lines] if blank else lines)
            )
        at = here.start_of(self.span(node, 0).lead)
        return self.spliced(self._lines(at, [*lines, ""] if blank else lines))

    def _lines(self, at: int, lines: Sequence[str]) -> Splice:
        """Whole lines at the beginning of a line, or at the end of a text whose last line may lack its end."""
        before = "\n" if at and not self.text[:at].endswith("\n") else ""
        return at, at, before + "".join(f"{line.rstrip()}\n" for line in lines)

    def without(self, node: Node, index: int) -> FileText:
        """Without one entry of a section, or item of a list. Comments beside it go along, those above it stay."""
        children = self.plain(node).children
        if node.flow:
            return self._out_of_braces(node, index)
        here, span = self.concrete, self.span(node, index)
        start, end = here.start_of(span.first), here.start_of(span.end)
        blank_before = span.first > 0 and not here.words(span.first - 1)
        if end < len(self.text) and not here.words(span.end) and (blank_before or not index):
            end = here.start_of(span.end + 1) if index or len(children) > 1 else end
        elif end >= len(self.text) and blank_before:
            start = here.start_of(span.first - 1)
        return self.spliced((start, end, ""))

    def _out_of_braces(self, node: Node, index: int) -> FileText:
        children = node.children
        if index:
            start, end = children[index - 1][1].end, children[index][1].end
        elif len(children) > 1:
            start, end = children[0][0].start, children[1][0].start
        else:
            start, end = node.start + 1, node.end - 1
        if any(start <= comment.start < end for comment in self.concrete.comments):
            line = self.concrete.line(start) + 1
            raise UsageError(f"{self.name}:{line}: a comment inside of the braces would go along", hint=_BY_HAND)
        return self.spliced((start, end, ""))

    def with_field(self, key: Node, entry: Node, name: str, value: object, order: Sequence[str]) -> FileText:
        """With this field in an entry; a new one comes behind those that come before it in `order`."""
        here = self.concrete
        if self.plain(entry).text is not None:  # nothing behind the key
            column = here.column(key.start) + 2
            line = " " * column + f"{name}: {_written(value)}"
            return self.spliced(self._lines(here.start_of(here.line(key.start) + 1), [line]))
        there = entry.child(name)
        text = _written(value, in_brackets=entry.flow)
        if there is not None:
            return self.spliced((self.plain(there).start, there.end, text if there.end > there.start else f" {text}"))
        if entry.flow and not entry.pairs:
            return self.spliced((entry.start, entry.end, f"{{{name}: {text}}}"))
        assert entry.pairs
        earlier = order[: order.index(name)]
        index = max((i + 1 for i, (field, _) in enumerate(entry.pairs) if field.text in earlier), default=0)
        if entry.flow:
            return self._into_braces(entry, index, f"{name}: {text}")
        return self._into_block(entry, index, [f"{name}: {text}"], "")


def _written(value: object, *, in_brackets: bool = False) -> str:
    return in_braces(value, None) if isinstance(value, Mapping) else scalar(value, in_brackets=in_brackets)


def out_of_order(keys: Sequence[str]) -> int:
    """How many keys come before a lesser one."""
    return sum(later < earlier for earlier, later in pairwise(keys))


def _leading(text: str, start: int) -> int:
    end = start
    while text[end : end + 1] == " ":
        end += 1
    return end - start
