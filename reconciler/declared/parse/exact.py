"""The exact reading of one YAML text: every scalar as written, with line and column, and all that we do not allow.

Slower than `fast` and needs more memory, so only files with something to report (or with anchors) come here, and
the site file. Nesting is limited while reading: no text can make this deep, big or slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]  # libyaml
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reconciler.declared.parse.missing_separators import before_braces
from reconciler.declared.parse.scalars import meant, plain_value
from reconciler.declared.parse.tree import MAX_DEPTH, Mark, Node, Remark, Tree

MAX_ALIAS_NODES = 10_000


class _Stop(Exception):
    """Reading on makes no sense; the remark is already noted."""


def read_tree(text: str) -> Tree:
    """The whole text as a tree, with every remark about it. Never raises for any text without surrogates."""
    tree, refusal = _read(text, pure=False)
    if refusal is None or not any(problem in str(refusal) for problem in (_COLON, _QUESTION_MARK)):
        return tree
    # ruamel's own parser is 20 times slower than libyaml, which follows YAML 1.1 inside braces and brackets and refuses
    # `{at: 10:30, see: http://x.example/y}`
    tree, _ = _read(text, pure=True, instead=None if _COLON in str(refusal) else refusal)
    return tree


def _read(text: str, *, pure: bool, instead: YAMLError | None = None) -> tuple[Tree, YAMLError | None]:
    """The tree, and why the parser refused the text. `instead`: what is said when it does."""
    builder = _Builder()
    try:
        with suppress(_Stop):
            for event in YAML(typ="safe", pure=True).parse(text) if pure else _events(text):
                builder.take(event)
    except YAMLError as error:
        from reconciler.declared.parse.syntax_errors import syntax_error  # a big table of slips, for somebody's slip

        return Tree(builder.root, (*builder.remarks, syntax_error(instead or error, text))), error
    return Tree(builder.root, tuple(builder.remarks)), None


def _events(text: str) -> Iterator[Any]:
    """libyaml's; by way of `YAML` they take a while longer, as that looks for plugins."""
    parser = CParser(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    finally:
        parser.dispose()


_COLON = "found unexpected ':'"
_QUESTION_MARK = "did not find expected ',' or"


@dataclass(slots=True, eq=False, repr=False)
class _Open:
    """A collection that is being read. `key` waits for its value; `skip`: its value is read and dropped."""

    node: Node
    anchor: str | None
    key: Node | None = None
    skip: bool = False


class _Builder:
    """Puts events together. Goes on after a remark wherever the rest can still be understood."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.remarks: list[Remark] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._alias_nodes = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        match event:
            case ScalarEvent():
                self._tag(event)
                node = Node(_mark(event), text=event.value, plain=not event.style)
                if node.plain and (slip := meant(event.value)):
                    self._say(node.mark, slip.message, slip.hint)
                    node.text, node.plain = slip.text, slip.plain
                self._place(node, event.anchor)
            case MappingStartEvent():
                self._open(event, Node(_mark(event), pairs={}))
            case SequenceStartEvent():
                self._open(event, Node(_mark(event), items=[]))
            case MappingEndEvent() | SequenceEndEvent():
                done = self._stack.pop()
                self._place(done.node, done.anchor)
            case AliasEvent():
                self._alias(event)
            case DocumentStartEvent():
                self._document(event)
            case DocumentEndEvent():
                self._anchors.clear()
            case _:
                pass  # the stream's own start and end

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self._fail(_mark(event), "a second document begins here", "one document a file: remove the `---` line")
        if event.version or event.tags:
            self._say(_mark(event), "`%` lines are not used here", "remove them, and the `---` with them")

    def _open(self, event: Any, node: Node) -> None:
        self._tag(event)
        if len(self._stack) >= MAX_DEPTH:
            self._fail(node.mark, f"more than {MAX_DEPTH} levels of nesting", "nothing in the language nests that deep")
        self._stack.append(_Open(node, event.anchor))

    def _tag(self, event: Any) -> None:
        if event.tag is not None:
            self._say(
                _mark(event), f"the tag {event.tag!r} is not allowed", "remove it; quotes make a text of anything"
            )

    def _alias(self, event: Any) -> None:
        mark = _mark(event)
        node = self._anchors.get(event.anchor)
        if node is None:
            self._fail(mark, f"*{event.anchor} has no &{event.anchor} that ended before it", "write the value itself")
        self._alias_nodes += node.size
        if self._alias_nodes > MAX_ALIAS_NODES or len(self._stack) + node.height > MAX_DEPTH:
            self._fail(
                mark, f"aliases unfold to more than {MAX_ALIAS_NODES} values or too deep", "write the values out"
            )
        self._place(node, None)

    def _place(self, node: Node, anchor: str | None) -> None:
        """Puts a finished node where it belongs: into the list, as a key, as the value of the waiting key."""
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        top.node.size += node.size
        top.node.height = max(top.node.height, node.height + 1)
        if top.node.items is not None:
            top.node.items.append(node)
        elif top.key is None:
            top.key, top.skip = node, not self._good_key(node, top.node)
        else:
            if not top.skip:
                self._pair(top.node, top.key, node)
            top.key = None

    def _good_key(self, key: Node, mapping: Node) -> bool:
        """False after a remark: then this key and its value are left out, and reading goes on."""
        if key.text is None:
            self._say(key.mark, "expected a key, got a list or mapping", "write `key: value`")
        elif key.plain and key.text == "<<":
            self._say(key.mark, "merge keys (`<<`) are not allowed", "write the fields out")
        elif key.text in (mapping.pairs or {}):
            first = (mapping.pairs or {})[key.text][0].mark
            where = f"line {first.line}, column {first.column}"
            self._say(key.mark, f"the key `{_short(key.text)}` is repeated (first: {where})", "keep one of them")
        else:
            return True
        return False

    def _pair(self, mapping: Node, key: Node, value: Node) -> None:
        assert mapping.pairs is not None
        assert key.text is not None
        written = f"{key.text}: {value.text if value.text is not None else '…'}"
        slip = before_braces(written, key.mark.line) if key.plain and not {"{", "["}.isdisjoint(key.text) else None
        if slip:
            self.remarks.append(slip._replace(mark=key.mark))
            return
        if key.plain and not isinstance(plain_value(key.text), str):
            shown = _short(key.text) or "(nothing)"
            hint = f"put it in quotes: '{shown}'"
            self.remarks.append(Remark(key.mark, f"the key {shown} is not text in YAML", hint, "key"))
        mapping.pairs[key.text] = (key, value)

    def _say(self, mark: Mark, message: str, hint: str) -> None:
        self.remarks.append(Remark(mark, message, hint))

    def _fail(self, mark: Mark, message: str, hint: str) -> NoReturn:
        self._say(mark, message, hint)
        raise _Stop


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
