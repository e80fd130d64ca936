"""The sender map as it is: its text, what Postfix reads, and both as records. Pure.

Text and built map are two files: a crash between two moves, or a forgotten postmap, leaves them different. The action
of a row says so (`REJECT (not in force)`), so the difference is drift that the next apply removes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from reconciler.model.records import BlockRow, Records, Row, UnmanagedLineRow
from reconciler.systems.postfix.map_keys import KeyRules, canonical, forms
from reconciler.systems.postfix.mapfile import Lines, MapEntry, MapText

NOT_IN_FORCE = " (not in force)"


class Block(NamedTuple):
    """All keys of one block: their action, None for no key, or a description where they differ."""

    text: str | None
    built: str | None
    lines: Lines

    @property
    def action(self) -> str:
        """Text and map as one value, which equals a wanted action only when everything is in place."""
        if self.text == self.built:
            return self.text or ""
        if self.text is None:
            return f"{self.built} (in force, but not in the file)"
        return self.text + (NOT_IN_FORCE if self.built is None else f" (in force: {self.built})")


class View(NamedTuple):
    """`content` is None without a file; `built` is what Postfix reads, by folded key, None without such a map."""

    content: bytes | None
    built: Mapping[str, str] | None
    text: MapText
    blocks: Mapping[str, Block]
    rules: KeyRules

    def records(self) -> Records:
        """Our blocks, and the hand-made lines."""
        blocks: dict[str, Row] = {k: BlockRow(k, block.action, block.lines.comment) for k, block in self.blocks.items()}
        above = self.text.section.begin if self.text.section else 0
        in_force, first = self.built or {}, first_of(self.text.entries, self.rules)
        by_hand: dict[str, Row] = {}
        for entry in self.text.by_hand:
            folded, line = self.rules.fold(entry.key), str(entry.line)
            stale = first.get(folded) is entry and in_force.get(folded) != entry.action
            action = entry.action + (NOT_IN_FORCE if stale else "")
            comment = self.text.comment_above(entry)
            by_hand[line] = UnmanagedLineRow(line, entry.key, action, entry.line < above, comment)
        return {"block": blocks, "unmanaged_line": by_hand}


def look(content: bytes | None, text: MapText, built: Mapping[str, str] | None, rules: KeyRules) -> View:
    """`built` as in View."""
    in_force = built or {}
    ours = first_of((entry for entry in text.ours if not entry.problem), rules)
    surplus = in_force.keys() - first_of(text.entries, rules).keys()
    grouped: dict[str, set[str]] = {}
    for folded in (*ours, *surplus):
        grouped.setdefault(canonical(ours[folded].key if folded in ours else folded), set()).add(folded)
    # a key that only a hand-made line has is not a block's
    relevant = {key: action for key, action in in_force.items() if key in ours or key in surplus}
    blocks = {}
    for key, found in grouped.items():
        wanted = [rules.fold(form) for form in forms(key, rules)]
        blocks[key] = _block(wanted, found, ours, relevant, text)
    return View(content, built, text, blocks | _unusable_lines(text, ours), rules)


def first_of(entries: Iterable[MapEntry], rules: KeyRules) -> dict[str, MapEntry]:
    """The entries that count, by folded key: of two with one key the first (facts/postfix.md 3.1)."""
    first: dict[str, MapEntry] = {}
    for entry in entries:
        if entry.action:
            first.setdefault(rules.fold(entry.key), entry)
    return first


def repeated(entries: Iterable[MapEntry], rules: KeyRules) -> list[MapEntry]:
    """The entries whose key came before."""
    first = first_of(entries, rules)
    return [entry for entry in entries if entry.action and first[rules.fold(entry.key)] is not entry]


def _block(
    wanted: list[str], found: set[str], ours: Mapping[str, MapEntry], in_force: Mapping[str, str], text: MapText
) -> Block:
    keys = [*wanted, *sorted(found.difference(wanted))]
    entries = [ours[key] for key in keys if key in ours]
    in_text = {key: ours[key].action for key in keys if key in ours}
    read = {key: in_force[key] for key in keys if key in in_force}
    comment = next((c for entry in entries if (c := text.comment_above(entry))), "")
    lines = Lines(comment, tuple((entry.key, entry.action) for entry in entries))
    return Block(_together(in_text, wanted), _together(read, wanted), lines)


def _together(actions: Mapping[str, str], wanted: list[str]) -> str | None:
    """One action when all keys have it, None when none has any, else each key with its own."""
    if not actions:
        return None
    values = set(actions.values())
    if len(values) == 1 and actions.keys() == set(wanted):
        return values.pop()
    return ", ".join(f"{form} {actions.get(form, 'missing')}" for form in {**dict.fromkeys(wanted), **actions})


def _unusable_lines(text: MapText, ours: Mapping[str, MapEntry]) -> dict[str, Block]:
    """Lines of our section that are no entries or repeat one: found, never wanted, so they are removed."""
    counted = set(ours.values())
    blocks = {}
    for entry in text.ours:
        if entry.problem:
            shown = f"(line {entry.line} {entry.problem})"
            blocks[f"{entry.key[:80]} (no entry)"] = Block(shown, shown, Lines("", ()))
        elif entry not in counted:
            blocks[f"{entry.key} (repeated)"] = Block(entry.action, entry.action, Lines("", ()))
    return blocks
