"""One look at the sender map: what its text says, what Postfix reads, and both as records. Pure.

Text and built map are two files, and a crash between two moves, or a forgotten postmap, leaves them different. The
action of a row says so, hence the difference is drift that converges: `REJECT (not in force)`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from reconciler.model.records import BlockRow, Records, UnmanagedLineRow
from reconciler.systems.postfix.map_keys import KeyRules, canonical, forms
from reconciler.systems.postfix.mapfile import Lines, MapEntry, MapText

NOT_IN_FORCE = " (not in force)"


class Block(NamedTuple):
    """What stands under all keys of one block: the action, None for nothing, or a description of a mixture."""

    text: str | None
    built: str | None
    lines: Lines

    @property
    def action(self) -> str:
        """Both as one value that equals a wanted action only when everything is in place."""
        if self.text == self.built:
            return self.text or ""
        if self.text is None:
            return f"{self.built} (in force, but not in the file)"
        return self.text + (NOT_IN_FORCE if self.built is None else f" (in force: {self.built})")


class View(NamedTuple):
    """`content` is None while there is no file; `built` is None when there is no built map."""

    content: bytes | None
    built: Mapping[str, str] | None
    text: MapText
    blocks: Mapping[str, Block]
    rules: KeyRules
    in_force: Mapping[str, str]

    def records(self) -> Records:
        """The blocks of our place and the hand-made lines outside it."""
        blocks = {key: BlockRow(key, block.action, block.lines.comment) for key, block in self.blocks.items()}
        above = self.text.section.begin if self.text.section else 0
        first = first_of(self.text.entries, self.rules)
        hand = {}
        for entry in self.text.by_hand:
            folded = self.rules.fold(entry.key)
            stale = first.get(folded) is entry and self.in_force.get(folded) != entry.action
            action = entry.action + (NOT_IN_FORCE if stale else "")
            hand[str(entry.line)] = UnmanagedLineRow(str(entry.line), entry.key, action, entry.line < above)
        return {"block": dict(blocks), "unmanaged_line": dict(hand)}


def look(
    content: bytes | None, text: MapText, built: Mapping[str, str] | None, in_force: Mapping[str, str], rules: KeyRules
) -> View:
    """`in_force` is what Postfix reads, by folded key."""
    effective = first_of(text.entries, rules)
    ours = first_of((entry for entry in text.ours if not entry.problem), rules)
    surplus = in_force.keys() - effective.keys()
    grouped: dict[str, set[str]] = {}
    for folded in (*ours, *surplus):
        grouped.setdefault(canonical(ours[folded].key if folded in ours else folded), set()).add(folded)
    blocks = {key: _block(key, found, ours, surplus, in_force, text, rules) for key, found in grouped.items()}
    blocks |= _rubbish(text, ours)
    return View(content, built, text, blocks, rules, in_force)


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
    key: str,
    found: set[str],
    ours: Mapping[str, MapEntry],
    surplus: Collection[str],
    in_force: Mapping[str, str],
    text: MapText,
    rules: KeyRules,
) -> Block:
    wanted = [rules.fold(form) for form in forms(key, rules)]
    all_forms = [*wanted, *sorted(found.difference(wanted))]
    # a key that only a hand-made line has is not this block's
    here = [form for form in all_forms if form in ours or form in surplus]
    said = {form: ours[form].action for form in all_forms if form in ours}
    read = {form: in_force[form] for form in here if form in in_force}
    entries = [ours[form] for form in all_forms if form in ours]
    comment = next((c for entry in entries if (c := text.comment_above(entry))), "")
    lines = Lines(comment, tuple((entry.key, entry.action) for entry in entries))
    return Block(_together(said, wanted), _together(read, wanted), lines)


def _together(actions: Mapping[str, str], wanted: list[str]) -> str | None:
    """One action when all keys have it, None when none has any, else who has what."""
    if not actions:
        return None
    values = set(actions.values())
    if len(values) == 1 and actions.keys() == set(wanted):
        return values.pop()
    return ", ".join(f"{form} {actions.get(form, 'missing')}" for form in {**dict.fromkeys(wanted), **actions})


def _rubbish(text: MapText, ours: Mapping[str, MapEntry]) -> dict[str, Block]:
    """Lines of our place that are no entries or repeat one: found there, never wanted, so they are taken out."""
    counted = set(ours.values())
    nothing = Lines("", ())
    blocks = {}
    for entry in text.ours:
        if entry.problem:
            said = f"(line {entry.line} {entry.problem})"
            blocks[f"{entry.key[:80]} (no entry)"] = Block(said, said, nothing)
        elif entry not in counted:
            blocks[f"{entry.key} (repeated)"] = Block(entry.action, entry.action, nothing)
    return blocks
