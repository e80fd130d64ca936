"""Whether each change of the sender map may still be made, and the next text with all of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import PermanentFailure
from reconciler.model.records import BlockRow, Row
from reconciler.planning.changes import Change, Outcome, Result
from reconciler.systems.postfix.map_actions import refusal
from reconciler.systems.postfix.map_keys import forms
from reconciler.systems.postfix.map_state import View, first_of, repeated
from reconciler.systems.postfix.mapfile import Lines, MapEntry, MapText, parse, render
from reconciler.systems.postfix.tools import Tools


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
