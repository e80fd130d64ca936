"""What things are called, and how single values are shown. Every writer of reports uses these words."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from reconciler.model.addresses import domain_of, local_part
from reconciler.report.sanitize import clip
from reconciler.translation import marked, tr, tr_number

DOT = " · "
"""Between the parts of a headline."""

_LONGEST = 80
"""Characters of one value in a sentence; JSON has it whole."""

_MOST = 8
"""Addresses listed in a sentence; the steps have them all."""


class Appearance(NamedTuple):
    """How a state, a result or a severity is shown: its sign, its style on a terminal, and in words, for `tr`."""

    mark: str
    style: str
    words: str = ""


SEVERITY_WORDS: Mapping[str, str] = {
    "error": marked("error"),
    "refusal": marked("refusal"),
    "wait": marked("wait"),
    "later": marked("later"),
    "warning": marked("warning"),
    "note": marked("note"),
}
RESULT_WORDS: Mapping[str, str] = {
    "done": marked("done"),
    "failed": marked("failed"),
    "skipped": marked("skipped"),
    "not tried": marked("not tried"),
    "uncertain": marked("uncertain"),
}
"""What programs read as it is; people by `tr`."""


def count(number: int, one: str, many: str = "") -> str:
    """`1 change`, `2 changes`: in English, for what speaks no other language. Reports use `tr_number`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def severity_word(severity: str) -> str:
    """What people call it."""
    return tr(SEVERITY_WORDS[severity])


def result_word(result: str) -> str:
    """How a step or a transition ended, for people."""
    return tr(RESULT_WORDS[result])


def joined(names: Sequence[str]) -> str:
    """`a, b and c`."""
    *first, last = names
    return tr("{names} and {last}", names=", ".join(first), last=last) if first else last


def named(title: str, site: str) -> str:
    """`mail plan for nrw`; the title alone where no site file could be read."""
    return tr(title) if not site else tr("{title} for {site}", title=tr(title), site=site)


def committed(commit: str, author: str) -> str:
    """`9f3c21a by Klaus Beispiel`, as far as git knows it."""
    if commit and author:
        return tr("{commit} by {author}", commit=commit[:12], author=author)
    return commit[:12] or author or tr("an unknown commit")


def steps_in_words(number: int) -> str:
    """`2 steps`"""
    return tr_number("{number} step", "{number} steps", number)


def lines_in_words(number: int) -> str:
    """`2 lines`"""
    return tr_number("{number} line", "{number} lines", number)


def short(address: str, subject: str) -> str:
    """`10042@` in the subject's own domain, else the whole address."""
    return f"{local_part(address)}@" if domain_of(address) == domain_of(subject) else address


def megabytes(quota: object) -> str:
    """A quota as PostfixAdmin means it (facts/postfixadmin.md 8): 0 unlimited, -1 disabled, else whole MB."""
    match quota:
        case 0:
            return tr("unlimited")
        case -1:
            return tr("quota disabled")
        case _:
            return f"{quota} MB"


def quoted(value: object) -> str:
    """A value in quotes, cut where it is too long to be read."""
    return f'"{clip(str(value), _LONGEST)}"'


def difference(old: object, new: object, private: Container[str] = ()) -> str:
    """`+ x, − y` between two tuples of addresses; those that are `private` are counted."""
    from reconciler.planning.forwards import counted  # of live rows, which `validate` knows nothing of

    assert isinstance(old, tuple)
    assert isinstance(new, tuple)
    before, after = set(old), set(new)
    more, less = ([a for a in new if a not in before], [a for a in old if a not in after])
    signed = [f"+ {a}" for a in counted(more, private)] + [f"− {a}" for a in counted(less, private)]
    return listed(signed) if signed else tr("the same in another order")


def listed(addresses: Sequence[str]) -> str:
    """`anna@…, bernd@… and 3 more`; `nowhere` for none."""
    shown = ", ".join(clip(a, _LONGEST) for a in addresses[:_MOST]) or tr("nowhere")
    rest = len(addresses) - _MOST
    return tr("{names} and {number} more", names=shown, number=rest) if rest > 0 else shown
