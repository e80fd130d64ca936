"""What is remarkable about the register's entries of declared mailboxes. Pure.

A member who is missing or not active is a matter of policy (gate `register`), and only for a new account.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from reconciler.model.declared import DesiredState, Mailbox
from reconciler.model.members import LANGUAGE_NAMES, without_zeros
from reconciler.model.name_folding import folded
from reconciler.model.records import MemberRow, Owner, Scope
from reconciler.planning.finding import Finding, Severity
from reconciler.systems.letters.letter_for_account import NoLetter, email_problem, language_of
from reconciler.systems.letters.letter_templates import LANGUAGES
from reconciler.systems.letters.register import RegisterRemark, shown


def entries(desired: DesiredState, members: Mapping[str, MemberRow]) -> Iterator[Finding]:
    """Names that differ, and addresses that no letter could go to."""
    for box in desired.mailboxes.values():
        entry = members.get(box.member) if box.member is not None else None
        if entry is None or entry.problem:
            continue
        same = box.given_name == entry.given_name and box.surname == entry.surname  # of nearly all
        differing = "" if same else _other_names(box, entry)
        if differing:
            message = f"{box.address}: {differing} (member {entry.key})"
            hint = "write the name as in the register, or let it be corrected there; a deliberate difference may stay"
            yield _about(box.address, Severity.NOTE, "register-names", message, hint)
        problem = email_problem(entry)
        if problem:
            hint = f"let member {entry.key} put an address into the register; a new password could not reach them"
            yield _about(box.address, Severity.WARNING, "register-email", f"{box.address}: {problem}", hint)


def rows(source: str, remarks: Sequence[RegisterRemark]) -> Iterator[Finding]:
    """Rows of the register that cannot be used, or that repeat another."""
    bad = "have it corrected in the register and export it again; until then it counts for nobody"
    again = "have one of the two rows taken out; they say the same, so the data is used"
    for harmless, hint in ((False, bad), (True, again)):
        for remark in shown([remark for remark in remarks if remark.harmless is harmless], _MOST):
            yield Finding(Severity.WARNING, "register-row", source, f"the register {source}, {remark}", hint)


def zeros(source: str, desired: DesiredState, members: Mapping[str, MemberRow]) -> Iterator[Finding]:
    """Spreadsheets take `00123` for a number: then many declared members seem to be none."""
    numbers = (box.member for box in desired.mailboxes.values() if box.member is not None and box.member[0] == "0")
    lost = [(number, there) for number in numbers if (there := without_zeros(members, number)) is not None]
    if lost:
        others = f", and so on for {len(lost) - 1} more" if len(lost) > 1 else ""
        message = f"the register {source} lost leading zeros: {lost[0][0]} is {lost[0][1]} there{others}"
        hint = "give the column of member numbers the format Text in the spreadsheet, and export it again"
        yield Finding(Severity.WARNING, "register-zeros", source, message, hint)


def unknown_languages(
    source: str, desired: DesiredState, members: Mapping[str, MemberRow], language: str
) -> Iterator[Finding]:
    """Languages of declared members that no letter is written in, each once."""
    unknown: dict[str, list[str]] = {}
    for box in desired.mailboxes.values():
        entry = members.get(box.member) if box.member is not None else None
        if entry is not None and entry.language and not language_of(entry):
            # a wrong column may hold anything, also an address, which no report shows
            named = repr(entry.language) if _TAG.fullmatch(entry.language) else "something that is no language"
            unknown.setdefault(named, []).append(entry.key)
    for named, numbers in unknown.items():
        more = f" and {len(numbers) - _MOST} more" if len(numbers) > _MOST else ""
        message = (
            f"the register {source} has {named} as the language of member {', '.join(numbers[:_MOST])}{more}: "
            f"their letters are in {LANGUAGE_NAMES[language]}, the site's"
        )
        hint = f"letters are written in {' and '.join(LANGUAGES)}; correct it in the register, or leave it empty there"
        yield Finding(Severity.WARNING, "register-language", source, message, hint)


_TAG = re.compile("[A-Za-z]{2,8}([-_][A-Za-z0-9]{2,8})*")
_MOST = 5
"""Remarks of one kind that are shown one by one."""


def no_letter(account: str, why: NoLetter) -> Finding:
    """A password that is made in this plan and reaches nobody by letter."""
    return _about(account, why.severity, why.rule, why.message, why.hint)


def _other_names(box: Mailbox, entry: MemberRow) -> str:
    """`given name Anna, in the register Anne`; empty when equal but for case and spaces, or when not declared."""
    pairs = (("given name", box.given_name, entry.given_name), ("surname", box.surname, entry.surname))
    return " and ".join(
        f"{what} {declared}, in the register {registered or 'empty'}"
        for what, declared, registered in pairs
        if declared is not None and declared != registered and _folded(declared) != _folded(registered)
    )


def _folded(name: str) -> str:
    return folded(name).casefold()


def _about(account: str, severity: Severity, rule: str, message: str, hint: str) -> Finding:
    return Finding(severity, rule, account, message, hint, owner=Owner(Scope.ACCOUNT, account))
