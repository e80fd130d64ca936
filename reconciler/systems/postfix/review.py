"""What is remarkable about the hand-made lines of the sender map. Pure.

They stay, but for those whose place a declared block takes (`map_state.taken_over`). They may do nothing at all, do
something else than their author thinks, or let mail pass that a declared block should stop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from reconciler.model.declared import DesiredState
from reconciler.model.records import Found, UnmanagedLineRow
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.snapshot import rows_of
from reconciler.systems.postfix.map_entries import ActionEffect, asked_later, dead_key_hint, effect, forms, refusal
from reconciler.systems.postfix.map_state import NOT_IN_FORCE
from reconciler.systems.postfix.read_map import Rules
from reconciler.systems.postfix.tools import Tools
from reconciler.translation import marked, tr

_EFFECTS = {
    ActionEffect.DIGITS: (
        marked("accepts the mail: a number without a text means OK"),
        marked("write `REJECT`, or a text behind the number"),
    ),
    ActionEffect.LEAKS: (
        marked(
            "is refused with a text that belongs to another entry: a code without a text makes Postfix read too far"
        ),
        marked("write a text behind the code, or `REJECT` alone"),
    ),
    ActionEffect.BROKEN: (
        marked("is an action that Postfix does not know: the sender gets 451 and tries again for days"),
        marked("write `REJECT`"),
    ),
}


class _Line(NamedTuple):
    path: str
    number: str
    key: str
    action: str
    in_force: bool
    quoted: bool
    """Only of a map that Postfix looks senders up in: a wrong path may name a file of secrets."""


def review(desired: DesiredState, found: Found, rules: Rules, tools: Tools) -> list[Finding]:
    """Notes and warnings, in the order of the lines."""
    blocked = _blocked(desired, rules)
    first_lines: dict[str, str] = {}
    written = found.get("block", {})
    findings = list(_about_use(rules, tools.section.sender_access))
    for row in rows_of(found, UnmanagedLineRow).values():
        action, in_force = row.action.removesuffix(NOT_IN_FORCE), not row.action.endswith(NOT_IN_FORCE)
        line = _Line(tools.path, row.key, row.map_key, action, in_force, rules.recognised)
        findings += _about_line(line, rules, tools.section.sender_access)
        first = first_lines.setdefault(rules.keys.fold(line.key), line.number)
        if not line.action:
            continue
        block = blocked.get(rules.keys.fold(line.key))
        if block is not None and block not in written and refusal(action) is not None:
            message = tr("says what the declared block {block} says, which takes its place", block=block)
            findings.append(_finding(Severity.NOTE, "unmanaged-line-replaced", line, message, ""))
        else:
            findings += _about_blocks(line, blocked, rules, map_survives=tools.is_built)
        if first != line.number:
            findings.append(_refused_by_postmap(line, tr("repeats the key of line {number}", number=first)))
    return findings


def _blocked(desired: DesiredState, rules: Rules) -> dict[str, str]:
    """The declared block of every key that one needs."""
    keys = (key for key, block in desired.sender_blocks.items() if not block.expired(desired.today))
    return {rules.keys.fold(form): key for key in keys for form in forms(key, rules.keys)}


def _about_use(rules: Rules, where: str) -> Iterator[Finding]:
    if not rules.installed:
        message = tr("no Postfix is configured on the map's host, so nothing is refused by it")
        hint = tr("install Postfix there, or name its folder in postfix.config_directory")
        yield Finding(Severity.WARNING, "map-unused", where, message, hint)
    elif not rules.used:
        message = tr(
            "no setting of this Postfix that is recognised here names the map: probably nothing is refused by it"
        )
        hint = tr("add `{setting}` to smtpd_recipient_restrictions in main.cf", setting=f"check_sender_access {where}")
        yield Finding(Severity.WARNING, "map-unused", where, message, hint)
    elif not rules.recognised:
        message = tr(
            "Postfix' settings name the map, or a file of its name, but not where it is recognised that senders are "
            "looked up in it; Postfix is told of each change all the same"
        )
        hint = tr(
            "send a test mail from a blocked sender; plain is `{setting}`", setting=f"check_sender_access {where}"
        )
        yield Finding(Severity.WARNING, "map-not-recognised", where, message, hint)


def _about_line(line: _Line, rules: Rules, where: str) -> Iterator[Finding]:
    if not line.action:
        yield _refused_by_postmap(line, tr("is not an entry (`key action`)"))
        return
    if line.key.endswith(":"):
        yield _refused_by_postmap(line, tr("has a key that ends in a colon, as in an alias file"))
        return
    if hint := dead_key_hint(line.key, rules.keys):
        yield _finding(Severity.NOTE, "unmanaged-line-never-matches", line, tr("never matches any sender"), hint)
        return
    kind = effect(line.action, rules.classes)
    if kind in _EFFECTS:
        message, hint = _EFFECTS[kind]
        yield _finding(Severity.WARNING, f"unmanaged-line-{kind.value}", line, tr(message), tr(hint))
    if not line.in_force:
        message = tr("is not in force: the map was not built since it was written")
        hint = tr("run `{command}` there; the next apply that writes the map does it too", command=f"postmap {where}")
        yield _finding(Severity.WARNING, "unmanaged-line-not-in-force", line, message, hint)


def _about_blocks(line: _Line, blocked: Mapping[str, str], rules: Rules, *, map_survives: bool) -> Iterator[Finding]:
    """How the line affects declared blocks. `map_survives`: Postfix reads a map that has a key twice."""
    block = blocked.get(rules.keys.fold(line.key))
    if block is not None:
        if map_survives:
            message = tr("repeats a key of the declared block {block}, which comes first and counts", block=block)
        else:
            message = tr(
                "repeats a key of the declared block {block}, and then Postfix reads nothing of the whole map",
                block=block,
            )
        yield _finding(Severity.WARNING, "unmanaged-line-repeats", line, message, tr("remove the line"))
    elif effect(line.action, rules.classes) in (ActionEffect.PASSES, ActionEffect.DIGITS):
        later = (rules.keys.fold(key) for key in asked_later(line.key, rules.keys))
        hidden = next((blocked[key] for key in later if key in blocked), None)
        if hidden is not None:
            message = tr(
                "lets mail pass that the declared block {block} should stop: Postfix asks for this key first",
                block=hidden,
            )
            hint = tr("remove the line, unless the exception is meant")
            yield _finding(Severity.WARNING, "unmanaged-line-shadows", line, message, hint)


def _refused_by_postmap(line: _Line, what: str) -> Finding:
    message = tr(
        "{what}; postmap complains about such a line, and until it is corrected no change of the map is written",
        what=what,
    )
    return _finding(Severity.WARNING, "unmanaged-line-refused", line, message, tr("correct the line or remove it"))


def _finding(severity: Severity, rule: str, line: _Line, message: str, hint: str) -> Finding:
    number = tr("line {number}", number=line.number)
    shown = f"{number}, `{line.key} {line.action}`," if line.quoted else f"{number},"
    subject = line.key if line.quoted else f"line {line.number}"
    return Finding(severity, rule, subject, f"{line.path}, {shown} {message}", hint)
