"""What a reviewer of a merge request and a reader of drift are told of a plan: what brings a change, which side moved,
since when, and by whom. The stages of `workflow` fill it in; nothing here decides what is carried out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from reconciler.model.owners import Owner


class Cause(StrEnum):
    """What brings a transition or a finding into a plan that is compared with a base (`plan --base`)."""

    NOT_COMPARED = ""
    MERGE_REQUEST = "merge request"
    WAITING = "waiting"
    """It is there without the merge request: earlier merges that were not applied, or drift."""
    TAKEN_BACK = "taken back"
    """The base would do it; the merge request takes it out of git."""


class Direction(StrEnum):
    """Which side moved since the last run, by the value that the ledger has as last applied."""

    UNKNOWN = ""
    PENDING = "pending"
    """Git moved."""
    DRIFT = "drift"
    """The live system moved."""
    CONFLICT = "conflict"
    """Both did."""


class LiveChange(NamedTuple):
    """A change by hand that a system remembers."""

    system: str
    when: datetime
    who: str
    action: str


class SiteChange(NamedTuple):
    """A file that decides where the tool connects or what it sends, and that the merge request changes."""

    file: str
    what: str


@dataclass(frozen=True, slots=True)
class Base:
    """What a plan is compared with. `contained`: whether the declared state has all of it; None where git does not
    know, and then `fetch` is the command that would tell."""

    ref: str
    commit: str
    contained: bool | None = None
    fetch: str = ""
    site_changes: tuple[SiteChange, ...] = ()
    yaml_changed: bool = False
    """Whether a YAML file of the repository differs: also where nothing is to be done yet, a date may come."""


class Healed(NamedTuple):
    """Drift that an earlier run found and that is gone without `apply`."""

    owner: Owner
    since: datetime
