"""Findings: what a gate, a check or a system has to say, with its place and what to do next."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from reconciler.model.owners import Owner
from reconciler.model.source_places import Origin, Place
from reconciler.planning.review_facts import Cause

Locate = Callable[[Origin], Place]
"""Turns the name of a declaration into a position; slow, so asked only for what is shown."""


class Severity(StrEnum):
    """How serious a finding is, the most serious first."""

    ERROR = "error"
    """In git alone and never right: status 3, nothing is planned."""
    REFUSAL = "refusal"
    """A gate: its transition (or the whole plan, when it names none) is not carried out; status 5."""
    WAIT = "wait"
    """Its transition is not carried out now, because a system that it needs could not be read; status 9."""
    LATER = "later"
    """Its transition waits for the date that git declares, and is left out of the plan until then."""
    WARNING = "warning"
    NOTE = "note"


class StateEntry(NamedTuple):
    """What allows a refusal when it is added to a state file: one item of the list under `section`."""

    section: str
    item: str

    def __str__(self) -> str:
        return f"{self.section}:\n  - {self.item}\n"


class Finding(NamedTuple):
    """One remark. `message` says what is wrong, `hint` what to write or to run instead."""

    severity: Severity
    rule: str
    subject: str
    message: str
    hint: str = ""
    place: Place | None = None
    owner: Owner | None = None
    """The transition that a refusal or a wait stops; None on a refusal stops the whole plan."""
    entries: tuple[StateEntry, ...] = ()
    """Each of them would allow the refusal; a person chooses one."""
    final: bool = False
    """No confirmation lifts this refusal, whatever its rule: the system itself would refuse."""
    cause: Cause = Cause.NOT_COMPARED
