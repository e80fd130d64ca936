"""The sender map as it is (its text, what Postfix reads, both as records) and the next text with some changes. Pure.

Text and built map are two files: a crash between two moves, or a forgotten postmap, leaves them different. The action
of a row says so (`REJECT (not in force)`), so the difference is drift that the next apply removes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from reconciler.errors import PermanentFailure
from reconciler.model.records import BlockRow, Records, Row, UnmanagedLineRow
from reconciler.planning.changes import Change, Outcome, Result
from reconciler.systems.postfix.map_entries import KeyRules, canonical, forms, refusal
from reconciler.systems.postfix.mapfile import Lines, MapEntry, MapText, parse, render
from reconciler.systems.postfix.tools import Tools

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
        in_force, first = self.built or {}, first_of(self.text.entries, self.rules)
        by_hand: dict[str, Row] = {}
        for entry in self.text.by_hand:
            folded, line = self.rules.fold(entry.key), str(entry.line)
            stale = first.get(folded) is entry and in_force.get(folded) != entry.action
            action = entry.action + (NOT_IN_FORCE if stale else "")
            comment = self.text.comment_above(entry)
            by_hand[line] = UnmanagedLineRow(line, entry.key, action, comment)
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


def in_place(change: Change, view: View) -> bool:
    """Whether the effect of the change is there, in the text and in force."""
    return _now(change, view) == _action(change.after)


def judge(change: Change, view: View, tools: Tools) -> Outcome | None:
    """The outcome of a change that is in place or must not be made; None when it is to be carried out."""
    if in_place(change, view):
        return Outcome(Result.DONE)
    before, now = _action(change.before), _now(change, view)
    if now != before and not _half_done(change, view):
        return Outcome.lost_race(
            f"{change.key} was {_shown(before)} when this was planned and is {_shown(now)} now",
            "somebody edited the sender map: run `reconciler plan` again",
        )
    return _unwritable(change.after, view, tools) if isinstance(change.after, BlockRow) else None


def checked_text(view: View, changes: Sequence[Change], site: str, tools: Tools) -> MapText:
    """The next text, parsed again and compared. Raises PermanentFailure, naming lines of the present file."""
    blocks = {key: block.lines for key, block in view.blocks.items() if block.lines.entries}
    for change in changes:
        if isinstance(change.after, BlockRow):
            row = change.after
            blocks[change.key] = Lines(row.comment, tuple((form, row.action) for form in forms(row.key, view.rules)))
        else:
            blocks.pop(change.key, None)
    kept = parse(view.text.without(taken_over(view, changes)), site, tools.path, whole_file=view.text.whole_file)
    content = render(kept, blocks, site)
    text = parse(content, site, tools.path, whole_file=view.text.whole_file)
    _compare(kept, text, [pair for key in sorted(blocks) for pair in blocks[key].entries], tools.path)
    # postmap says so on stderr, ends with status 0 and may have left out anything: so any such line stops a write
    # (facts/postfix.md 3.1)
    by_hand = kept.by_hand
    complaints = [(entry, entry.problem) for entry in by_hand if entry.problem]
    complaints += [(entry, f"repeats the key {entry.key}") for entry in repeated(by_hand, view.rules)]
    for entry, why in complaints:
        raise PermanentFailure(
            f"{tools.path}, line {entry.line}, was made by hand and {why}: postmap would complain, nothing was written",
            hint="correct or remove that line, then apply again",
        )
    return text


def taken_over(view: View, changes: Sequence[Change]) -> list[MapEntry]:
    """The hand-made lines that say what one of these blocks says, so that it takes their place: same key, refused for
    good, one line long."""
    rows = [change.after for change in changes if isinstance(change.after, BlockRow)]
    written = {view.rules.fold(form) for row in rows for form in forms(row.key, view.rules)}
    return [entry for entry in view.text.by_hand if view.rules.fold(entry.key) in written and _says_the_same(entry)]


def _says_the_same(entry: MapEntry) -> bool:
    return entry.line == entry.last and not entry.problem and refusal(entry.action) is not None


def _compare(old: MapText, new: MapText, wanted: list[tuple[str, str]], path: str) -> None:
    """A line that begins with a blank continues the one above, so it may mean something else once our section moves."""
    for before, after in zip(old.by_hand, new.by_hand, strict=False):
        if before[2:] != after[2:]:
            raise PermanentFailure(
                f"{path}, line {before.line}, was made by hand and would mean something else once we wrote",
                hint="check lines there that begin with a blank: they continue the one above; then apply again",
            )
    if [entry[2:4] for entry in new.ours] != wanted or len(old.by_hand) != len(new.by_hand):
        raise PermanentFailure(
            f"{path}: the first hand-made line begins with a blank, so it would continue our last entry",
            hint="remove the blank at its beginning, or the line, then apply again",
        )


def _half_done(change: Change, view: View) -> bool:
    """Whether a run of ours died between its two moves: text and built map are then each as before or as after."""
    block = view.blocks.get(change.key)
    either = (_action(change.before), _action(change.after))
    return block is not None and block.text in either and block.built in either


def _unwritable(row: BlockRow, view: View, tools: Tools) -> Outcome | None:
    by_hand = first_of(view.text.by_hand, view.rules)
    for form in forms(row.key, view.rules):
        line = f"{form} {row.action}"
        if [e[2:] for e in parse(f"{line}\n".encode(), "", tools.path).entries] != [(form, row.action, "")]:
            hint = "block the domain instead, or declare another key"
            return Outcome(Result.FAILED, f"no map can hold the line `{line}`", hint)
        other = by_hand.get(view.rules.fold(form))
        if other is not None and not tools.is_built and not _says_the_same(other):
            message = (
                f"line {other.line} of {tools.path} has the key {form} too, and of a {tools.type} map with a key twice "
                "Postfix reads nothing"
            )
            hint = "remove that line, it was made by hand; the block replaces it"
            return Outcome(Result.FAILED, message, hint)
    return None


def _now(change: Change, view: View) -> str | None:
    block = view.blocks.get(change.key)
    return None if block is None else block.action


def _action(row: Row | None) -> str | None:
    return row.action if isinstance(row, BlockRow) else None


def _shown(action: str | None) -> str:
    return "not there" if action is None else f"`{action}`"
