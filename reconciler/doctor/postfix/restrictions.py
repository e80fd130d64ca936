"""Where Postfix' restriction lists ask the sender map, and what lets mail pass before (facts/postfix.md 1.5). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

from reconciler.doctor.main_cf import MainCf, Service
from reconciler.systems.postfix.read_map import sender_maps

STAGES = ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data", "etrn")
LISTS = tuple(f"smtpd_{stage}_restrictions" for stage in STAGES)
_DEEPEST = 10
"""Classes inside classes; Postfix itself ends a loop with an error."""
_WORD = re.compile(r"(?:[^\s,{}]|\{(?:[^{}]|\{[^{}]*\})*\})+")
_ENDS = ("reject", "defer", "permit")


class Place(NamedTuple):
    """One list that asks the map."""

    setting: str
    before: tuple[str, ...]
    """What stands before it and lets mail pass."""
    unreachable: str = ""
    """What stands before it and ends the list for all mail."""


def places(main_cf: MainCf, service: Service, table: str) -> list[Place]:
    """The lists of this service that ask the map `TYPE:PATH`."""
    found = (_place(setting, list(_words(main_cf, service, main_cf.of(setting, service))), table) for setting in LISTS)
    return [place for place in found if place is not None]


def is_for_own_users(main_cf: MainCf, service: Service) -> bool:
    """Whether nobody gets mail in but who logs in, and one's own networks: a submission service."""
    for setting in LISTS:
        words = list(_words(main_cf, service, main_cf.of(setting, service)))
        ends = [word for word in words if word in _ENDS or word == "defer_if_permit"]
        passes = {word for word in words if word.startswith("permit")}
        if ends[:1] == ["reject"] and passes <= {"permit_sasl_authenticated", "permit_mynetworks"}:
            return True
    return False


def _place(setting: str, words: list[str], table: str) -> Place | None:
    before: list[str] = []
    for word, argument in zip_longest(words, words[1:], fillvalue=""):
        if word == "check_sender_access" and table in sender_maps(f"{word} {argument}"):
            return Place(setting, tuple(before))
        if word in _ENDS:
            rest = _place(setting, words[words.index(word) + 1 :], table)
            return rest and Place(setting, tuple(before), word)
        before += [word] if word.startswith("permit") else []
    return None


def _words(main_cf: MainCf, service: Service, text: str, depth: int = 0) -> Iterator[str]:
    """The list with its classes put in. What stands in braces is one word; names are in lower case."""
    classes = main_cf.words("smtpd_restriction_classes")
    for word in _WORD.findall(text):
        if word in classes and depth < _DEEPEST:
            yield from _words(main_cf, service, main_cf.of(word, service), depth + 1)
        elif word.startswith("{") and "check_sender_access" in word:  # `{ check_sender_access hash:/a, … }`
            yield from _words(main_cf, service, word[1:-1], depth + 1)
        else:
            yield word if ":" in word or word.startswith("{") else word.lower()
