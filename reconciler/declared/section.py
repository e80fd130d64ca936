"""What a kind of declared thing is: one `Section` for each, in `sections`. Reading, converting, merging, checking, the
JSON Schema, and what git says of an entry that is gone all ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from importlib import import_module
from typing import Any, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter

from reconciler.declared import registry
from reconciler.declared.fields.state_file import StateFile
from reconciler.declared.problems import Problems
from reconciler.model.addresses import Address, Domain
from reconciler.model.declared import DesiredState, Mailbox, Removal
from reconciler.model.owners import Scope
from reconciler.model.source_places import Origin
from reconciler.settings import Settings
from reconciler.translation import tr, tr_number

_FAR = timedelta(days=366)


class Entry(BaseModel):
    """A part of a state file as it is written: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


IsRead = Callable[[Address], bool]


class Merged:
    """The entries of all files, for who compares them. Where two had the same key, `state` has the first one.

    `complete` is False when something could not be read: then a declaration that is missing here proves nothing. Where
    only a part was read on purpose, `is_read` says whether everything was that may be declared at an address.
    """

    def __init__(self, state: DesiredState, site: Settings, complete: bool, is_read: IsRead = lambda _: True) -> None:
        self.state = state
        self.site = site
        self.complete = complete
        self._is_read = is_read

    def knows(self, address: Address) -> bool:
        """Whether a declaration of this address that is missing here is missing."""
        return self.complete and self._is_read(address)

    @cached_property
    def removals(self) -> Mapping[Address, Removal]:
        """By mailbox."""
        return {removal.mailbox: removal for removal in self.state.removals}

    @cached_property
    def members(self) -> Mapping[str, Mailbox]:
        """The first mailbox of each member number."""
        members: dict[str, Mailbox] = {}
        for box in self.state.mailboxes.values():
            if box.member is not None:
                members.setdefault(box.member, box)
        return members

    @cached_property
    def domains(self) -> Set[Domain]:
        """The domains of declared mailboxes and aliases: what git can know of ours."""
        return self.state.domains


def declared_twice(section: Section, first: Any, second: Any, today: date, problems: Problems) -> Any:  # noqa: ARG001  # for a clash that a date decides
    """Two entries have one key: an error that shows both places. The first one stays."""
    key = section.key(first)
    name = " for ".join(key) if isinstance(key, tuple) else key
    message = f"the {section.noun[0]} {name} is declared twice"
    problems.error("duplicate", name, message, "keep one of them", second.origin, other=first.origin)
    return first


@dataclass(eq=False, repr=False)
class Section:
    """One kind of declared thing.

    `written`: the section as it is written, a dict of entries by key or a list of entries. `convert` makes the value of
    the model from one entry, which has an `origin`; None after a problem. `key`: what no two values have in common, of
    a subject its name. `scope`: what a transition about it is called; None when none is. `clash` says which of two
    values with one key stays. `checks` compare all of them with each other and with everything else, when
    there are any.
    `value`: the NamedTuple that `convert` makes, where it follows from the file and SiteFacts alone, whatever the day:
    then files with this section may be kept (`declared.cache`). Its fields are the place, texts, numbers, booleans,
    days, tuples of texts, or of an enumeration.
    `named_by`: the fields of a list's entry that name the subject. `noun` is for one and for many; what has none for
    many is not counted.
    """

    name: str
    noun: tuple[str, str]
    written: Any
    description: str
    convert: Callable[[Origin, Any, StateFile], Any]
    key: Callable[[Any], Any]
    scope: Scope | None = None
    value: type[tuple[Any, ...]] | None = None
    clash: Callable[[Section, Any, Any, date, Problems], Any] = declared_twice
    checks: tuple[Callable[[Merged, Problems], None], ...] = ()
    named_by: tuple[str, ...] = ()

    @cached_property
    def by_key(self) -> bool:
        """Whether it is written as a mapping."""
        return get_origin(self.written) is dict

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """Checks the entries by themselves; made when the first one is met."""
        return TypeAdapter(self.written)


Batch = tuple[Section, list[Any]]
"""Values of one section of one file, in the order in which they are declared."""


class _Sections(Mapping[str, Section]):
    """By name. What a section needs is imported when it is asked for: a file with mailboxes needs no renames."""

    def __getitem__(self, name: str) -> Section:
        found: Section = import_module(self._modules()[name]).SECTION
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules())

    def __len__(self) -> int:
        return len(registry.SECTIONS)

    def __contains__(self, name: object) -> bool:
        return name in self._modules()

    @staticmethod
    def _modules() -> dict[str, str]:
        return dict(zip(registry.section_names(), registry.SECTIONS, strict=True))


SECTIONS = _Sections()
"""Every section that a state file may have."""


def warn_of_far_date(subject: str, what: str, day: date, at: Origin, merged: Merged, problems: Problems) -> None:
    """What waits for more than a year is probably a slip of the keyboard: 2206 for 2026."""
    if day - merged.state.today > _FAR:
        years = round((day - merged.state.today).days / 365.25)
        message = tr_number(
            "{subject}: {what} on {day} is {number} year away",
            "{subject}: {what} on {day} is {number} years away",
            years or 1,
            subject=subject,
            what=tr(what),
            day=day,
        )
        problems.warn("date", subject, message, tr("if that is meant, leave it; else correct the year"), at)
