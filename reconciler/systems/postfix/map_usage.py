"""Where Postfix' own settings name the sender map. Pure; `read_map` asks, with values in which `postconf -x`
has put the variables in.

A map may stand alone or inside others (`unionmap:{hash:/a, hash:/b}`, `pipemap:{…}`, `proxy:hash:/a`), in braces after
`check_sender_access`, in a restriction class, or in an override of one service in master.cf.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

_CHECK = re.compile(r"check_sender_access[\s,]+")
_TABLE = re.compile(r"(?<![\w:])(?:proxy:)?([a-z][a-z0-9_]*):(/[^\s,{}\"']+)")


class Usage(NamedTuple):
    """How far the map is recognised."""

    asked: frozenset[str]
    """`TYPE:PATH` of every table that `check_sender_access` asks."""
    named: frozenset[str]
    """Of every table that any setting names."""

    def certain(self, table: str) -> bool:
        """Whether senders are looked up in this table."""
        return table in self.asked

    def possible(self, table: str) -> bool:
        """Whether they may be: some setting names it, or a file of the same name elsewhere, which may be a link."""
        name = posixpath.basename(table)
        return table in self.named or any(posixpath.basename(other) == name for other in self.asked)


def usage(text: str) -> Usage:
    """From settings and overrides as postconf prints them."""
    return Usage(frozenset(t for part in _arguments(text) for t in _tables(part)), frozenset(_tables(text)))


def _tables(text: str) -> Iterator[str]:
    return (f"{match[1]}:{match[2]}" for match in _TABLE.finditer(text))


def _arguments(text: str) -> Iterator[str]:
    """What stands behind each `check_sender_access`: one word, with all that its braces hold."""
    for match in _CHECK.finditer(text):
        depth, end = 0, match.end()
        while end < len(text) and text[end] != "\n" and (depth or text[end] not in " \t,}"):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        yield text[match.end() : end]
