"""How many lines of which kind a plan has, in words: for headlines, for what apply asks, for who should look closer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from reconciler.model.record_kinds import main_kinds, noun
from reconciler.model.records import Scope
from reconciler.planning.changes import Action
from reconciler.report.attention import Attention
from reconciler.report.shown import ShownLine, ShownPlan
from reconciler.report.vocabulary import DOT, joined
from reconciler.translation import tr, tr_number


def counted(lines: Iterable[ShownLine]) -> str:
    """`1 rename · 1 account · 1 block · 0 removals`; removals are always named, the rest when there are any. What
    cannot be undone is one of those and named beside them."""
    number: Counter[str] = Counter()
    for line in lines:
        number[_counted_as(line)] += 1
        number["lifted"] += line.scope == Scope.BLOCK and line.action == Action.DELETE
        number["irreversible"] += line.irreversible
    words = ("rename", Scope.ACCOUNT, *_other_scopes(), "change", Scope.BLOCK, "removal")
    phrases = {key: _number_of(key, number[key]) for key in words if number[key] or key == "removal"}
    if number["lifted"]:
        phrases[Scope.BLOCK] += " " + tr("({number} lifted)", number=number["lifted"])
    if number["irreversible"]:
        phrases["irreversible"] = tr("{number} cannot be undone", number=number["irreversible"])
    return DOT.join(phrases.values())


def _other_scopes() -> list[str]:
    return [scope for scope in main_kinds() if scope not in (Scope.ACCOUNT, Scope.BLOCK)]


def scope_word(scope: str) -> str:
    """What one subject of this scope is called."""
    if scope == Scope.ACCOUNT:
        return tr("account")
    return tr("block") if scope == Scope.BLOCK else noun(main_kinds()[Scope(scope)].name)


def _number_of(key: str, number: int) -> str:
    """Lines that are counted under one word; of scopes that systems add, as their kind is called."""
    if (words := _WORDS.get(key)) is not None:
        return words(number)
    return f"{number} {noun(main_kinds()[Scope(key)].name, number)}"


_WORDS: Mapping[str, Callable[[int], str]] = {
    "rename": lambda number: tr_number("{number} rename", "{number} renames", number),
    Scope.ACCOUNT: lambda number: tr_number("{number} account", "{number} accounts", number),
    Scope.BLOCK: lambda number: tr_number("{number} block", "{number} blocks", number),
    "change": lambda number: tr_number("{number} change", "{number} changes", number),
    "removal": lambda number: tr_number("{number} removal", "{number} removals", number),
}


def _counted_as(line: ShownLine) -> str:
    if line.scope == Scope.BLOCK:
        return line.scope
    if line.removal:
        return "removal"
    match line.action:
        case Action.CREATE:
            return line.scope
        case Action.RENAME:
            return "rename"
        case _:
            return "change"


def question(view: ShownPlan) -> str:
    """`Carry out 2 changes and 1 removal?`: what apply would carry out, and how much of it cannot be undone."""
    lines = [] if view.stopped else [line for line in view.lines if not line.stopped]
    removals = sum(line.removal for line in lines)
    numbers = (("change", len(lines) - removals), ("removal", removals))
    what = joined([_number_of(key, number) for key, number in numbers if number])
    lost = sum(line.irreversible for line in lines)
    warned = " " + tr("({number} cannot be undone)", number=lost) if lost else ""
    return tr("Carry out {changes}{warned}?", changes=what, warned=warned)


def standing_out(lines: Iterable[ShownLine]) -> list[str]:
    """Why to look closer at single lines, each with how many of them there are."""
    number = Counter(word for line in lines for word in line.attention)
    return [_ATTENTION[word](n) if word in _ATTENTION else f"{n} {word}" for word, n in number.items()]


_ATTENTION: Mapping[str, Callable[[int], str]] = {
    Attention.OX_DELETION: lambda number: tr_number(
        "{number} deletion of an OX account", "{number} deletions of OX accounts", number
    ),
    Attention.PURGE: lambda number: tr_number("{number} purge of a mailbox", "{number} purges of mailboxes", number),
    Attention.SUBSCRIPTIONS: lambda number: tr_number(
        "{number} removal of OX subscriptions", "{number} removals of OX subscriptions", number
    ),
    Attention.REMOVAL: _WORDS["removal"],
    Attention.SWITCH_OFF: lambda number: tr_number("{number} switch-off", "{number} switch-offs", number),
    Attention.RENAME: _WORDS["rename"],
    Attention.NEW_PASSWORD: lambda number: tr_number(
        "{number} new password for an existing account", "{number} new passwords for existing accounts", number
    ),
}
"""By what lines and documents say for programs."""
