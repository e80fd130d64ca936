"""What is remarkable about the register's entries of declared mailboxes. Pure.

A member who is missing or not active is a matter of policy (gate `register`), and only for a new account.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.model.declared import DesiredState, Mailbox
from reconciler.model.members import LANGUAGE_NAMES, without_zeros
from reconciler.model.name_folding import folded
from reconciler.model.records import MemberRow, Owner, Scope
from reconciler.planning.finding import Finding, Severity
from reconciler.systems.letters.letter_for_account import NoLetter, email_problem, language_of
from reconciler.systems.letters.letter_templates import LANGUAGES
from reconciler.systems.letters.register_rows import MemberRows, RegisterRemark, shown
from reconciler.translation import marked, tr


def in_question(desired: DesiredState, members: Mapping[str, MemberRow]) -> list[Mailbox]:
    """The declared mailboxes with a member number, but for those of which the register surely says what it should."""
    numbered = ((box, box.member) for box in desired.mailboxes.values() if box.member is not None)
    if not isinstance(members, MemberRows):
        return [box for box, _ in numbered]
    return [box for box, number in numbered if not members.is_usual(number, box.given_name, box.surname)]


def entries(boxes: Iterable[Mailbox], members: Mapping[str, MemberRow]) -> Iterator[Finding]:
    """Names that differ, and addresses that no letter could go to."""
    for box in boxes:
        entry = members.get(box.member) if box.member is not None else None
        if entry is None or entry.problem:
            continue
        same = box.given_name == entry.given_name and box.surname == entry.surname  # of nearly all
        differing = "" if same else _other_names(box, entry)
        if differing:
            message = tr("{address}: {names} (member {number})", address=box.address, names=differing, number=entry.key)
            hint = tr(
                "write the name as in the register, or let it be corrected there; a deliberate difference may stay"
            )
            yield _about(box.address, Severity.NOTE, "register-names", message, hint)
        problem = email_problem(entry)
        if problem:
            hint = tr(
                "let member {number} put an address into the register; a new password could not reach them",
                number=entry.key,
            )
            yield _about(box.address, Severity.WARNING, "register-email", f"{box.address}: {problem}", hint)


def rows(source: str, remarks: Sequence[RegisterRemark]) -> Iterator[Finding]:
    """Rows of the register that cannot be used, or that repeat another."""
    bad = tr("have it corrected in the register and export it again; until then it counts for nobody")
    again = tr("have one of the two rows taken out; they say the same, so the data is used")
    for harmless, hint in ((False, bad), (True, again)):
        for remark in shown([remark for remark in remarks if remark.harmless is harmless], _MOST):
            message = tr("the register {file}, {remark}", file=source, remark=remark)
            yield Finding(Severity.WARNING, "register-row", source, message, hint)


def zeros(source: str, boxes: Iterable[Mailbox], members: Mapping[str, MemberRow]) -> Iterator[Finding]:
    """Spreadsheets take `00123` for a number: then many declared members seem to be none."""
    numbers = (box.member for box in boxes if box.member is not None and box.member[0] == "0")
    lost = [(number, there) for number in numbers if (there := without_zeros(members, number)) is not None]
    if lost:
        (declared, there), more = lost[0], len(lost) - 1
        if more:
            sentence = marked(
                "the register {file} lost leading zeros: {declared} is {there} there, and so on for {more} more"
            )
        else:
            sentence = marked("the register {file} lost leading zeros: {declared} is {there} there")
        message = tr(sentence, file=source, declared=declared, there=there, more=more)
        hint = tr("give the column of member numbers the format Text in the spreadsheet, and export it again")
        yield Finding(Severity.WARNING, "register-zeros", source, message, hint)


def unknown_languages(
    source: str, boxes: Iterable[Mailbox], members: Mapping[str, MemberRow], language: str
) -> Iterator[Finding]:
    """Languages of declared members that no letter is written in, each once."""
    unknown: dict[str, list[str]] = {}
    for box in boxes:
        entry = members.get(box.member) if box.member is not None else None
        if entry is not None and entry.language and not language_of(entry):
            # a wrong column may hold anything, also an address, which no report shows
            named = repr(entry.language) if _TAG.fullmatch(entry.language) else tr("something that is no language")
            unknown.setdefault(named, []).append(entry.key)
    for named, numbers in unknown.items():
        shown_numbers, more = ", ".join(numbers[:_MOST]), len(numbers) - _MOST
        if more > 0:
            shown_numbers = tr("{names} and {number} more", names=shown_numbers, number=more)
        message = tr(
            "the register {file} has {named} as the language of member {numbers}: their letters are in {language}, the "
            "site's",
            file=source,
            named=named,
            numbers=shown_numbers,
            language=tr(LANGUAGE_NAMES[language]),
        )
        hint = tr(
            "letters are written in {languages}; correct it in the register, or leave it empty there",
            languages=tr(" and ").join(LANGUAGES),
        )
        yield Finding(Severity.WARNING, "register-language", source, message, hint)


_TAG = re.compile("[A-Za-z]{2,8}([-_][A-Za-z0-9]{2,8})*")
_MOST = 5
"""Remarks of one kind that are shown one by one."""


def no_letter(account: str, why: NoLetter) -> Finding:
    """A password that is made in this plan and reaches nobody by letter."""
    return _about(account, why.severity, why.rule, why.message, why.hint)


def _other_names(box: Mailbox, entry: MemberRow) -> str:
    """`given name Anna, in the register Anne`; empty when equal but for case and spaces, or when not declared."""
    pairs = (
        (marked("given name {declared}, in the register {registered}"), box.given_name, entry.given_name),
        (marked("surname {declared}, in the register {registered}"), box.surname, entry.surname),
    )
    return tr(" and ").join(
        tr(sentence, declared=declared, registered=registered or tr("empty"))
        for sentence, declared, registered in pairs
        if declared is not None and declared != registered and _folded(declared) != _folded(registered)
    )


def _folded(name: str) -> str:
    return folded(name).casefold()


def _about(account: str, severity: Severity, rule: str, message: str, hint: str) -> Finding:
    return Finding(severity, rule, account, message, hint, owner=Owner(Scope.ACCOUNT, account))
