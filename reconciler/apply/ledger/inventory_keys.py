"""The keys of the inventory, of which there may be millions: as texts they reach us twenty times as fast as rows.

Called by `inventory`. The number of statements is the same however many there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, true, union_all

from reconciler.apply.ledger.connect import SiteTables
from reconciler.model.records import Records

STREAM = 10_000
"""Rows in memory at a time while they are read."""
_END = "\n"
"""Of a line among others; in no key (if it were, the number of the lines would say so)."""
_PIECE = 2**20
"""Characters of a text that are split at a time."""
PART = 50_000
"""Keys in one text: of 320 characters each they fit into MariaDB's packet of 16 MB."""
_SAMPLE = 100
"""Of so many keys at most that number is looked at, to divide them."""

Condition = tuple[ColumnElement[bool], ...]
Kind = tuple[str, str]
"""System and kind."""


class Keys(Collection[str]):
    """The keys in texts, made while one goes over them, and not kept: there may be millions."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    def __iter__(self) -> Iterator[str]:
        for text in self._texts:
            yield from lines_of(text)

    def __len__(self) -> int:
        return sum(text.count(_END) for text in self._texts)

    def __contains__(self, key: object) -> bool:
        return any(f"{_END}{key}{_END}" in _END + text for text in self._texts)


def lines_of(text: str) -> Iterator[str]:
    """The lines of a text, some of them in memory at a time."""
    start = 0
    while start < len(text):
        end = text.find(_END, start + _PIECE)
        end = end if end >= 0 else len(text) - 1
        yield from text[start:end].split(_END)
        start = end + 1


def keys_of(
    db: SiteTables, kinds: Sequence[Kind], wanted: Mapping[str, Records] | None = None, *only: ColumnElement[bool]
) -> Iterator[tuple[Kind, Collection[str]]]:
    """The keys of each of these kinds: a SELECT each, in one statement, since MariaDB sorts for a GROUP BY when `only`
    is about a kind. `wanted` (by system) is what nearly all keys are of."""
    c = db.tables.inventory.c
    wheres = [(c.site == db.site, *is_kind(c, kind), *only) for kind in kinds]
    tables = [(wanted or {}).get(system, {}).get(kind, {}) for system, kind in kinds]
    for at, texts in texts_of(db, wheres, c.key, tables):
        if texts is None:
            rows = select(c.key).where(*wheres[at]).execution_options(yield_per=STREAM)
            yield kinds[at], frozenset(db.execute(rows).scalars())
        elif texts:
            yield kinds[at], Keys(texts)


def texts_of(
    db: SiteTables, wheres: Sequence[Condition], line: ColumnElement[str], nearly: Sequence[Collection[str]]
) -> Iterator[tuple[int, Sequence[str] | None]]:
    """By the number of each condition the lines of the entries for which it is true, in texts that the database joins;
    None where it cut one, which it does not say. One statement.

    MariaDB cuts a text at `max_allowed_packet` (a quarter of a million mailboxes). So ranges of the key have a text
    each: `nearly` are, for each condition, about the keys that will be found.
    """
    c, joined = db.tables.inventory.c, func.aggregate_strings(line.concat(_END), "")
    parts = [(at, (*where, some)) for at, where in enumerate(wheres) for some in _ranges(db, c.key, nearly[at])]
    left, cut = Counter(at for at, _ in parts), set[int]()
    texts: dict[int, list[str]] = {at: [] for at in left}
    if not parts:
        return
    query = union_all(*(select(literal(at), func.count(), joined).where(*where) for at, where in parts))
    for at, number, text in db.execute(query.execution_options(yield_per=1)):
        left[at] -= 1
        if number and text is not None and text.count(_END) == number and text.endswith(_END):
            texts[at].append(text)
        elif number:
            cut.add(at)
        if not left[at] and at not in cut:
            yield at, texts.pop(at)
    yield from ((at, None) for at in sorted(cut))


def _ranges(db: SiteTables, key: ColumnElement[str], nearly: Collection[str]) -> list[ColumnElement[bool]]:
    """Conditions of which one is true for each key, each for about PART of these; one on databases that cut nothing."""
    bounds = bounds_of(nearly) if db.connection.dialect.name == "mysql" else []
    if not bounds:
        return [true()]
    between = (and_(key >= low, key < high) for low, high in pairwise(bounds))
    return [key < bounds[0], *between, key >= bounds[-1]]


def bounds_of(keys: Collection[str]) -> list[str]:
    """What divides about these keys into ranges of about PART; none where they are no more than that."""
    if len(keys) <= PART:
        return []
    # 499, a prime: tables repeat themselves, as an account's four aliases do, and each of the four is to be looked at
    step = max(1, PART // _SAMPLE - 1)
    some, each = sorted(filter(str.isascii, islice(keys, 0, None, step))), PART // step
    return some[each::each]


def is_kind(c: Any, kind: Kind) -> Condition:
    """Conditions by which an entry is of a kind."""
    return c.system == kind[0], c.kind == kind[1]


def kinds_of(db: SiteTables) -> list[Kind]:
    """System and kind of what there is, by steps from one to the next: DISTINCT would read every entry."""
    c, found = db.tables.inventory.c, list[Kind]()
    first = select(c.system, c.kind).where(c.site == db.site).order_by(c.system, c.kind).limit(1)
    query = first
    while (row := db.execute(query).first()) is not None:
        system, kind = row
        found.append((system, kind))
        query = first.where(or_(c.system > system, and_(c.system == system, c.kind > kind)))
    return found
