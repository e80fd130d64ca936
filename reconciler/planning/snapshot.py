"""The Snapshot: what was found in all systems at one moment, each system complete or unknown."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar, cast

from reconciler.model.record_kinds import name_of
from reconciler.model.records import Found, Records, Row, SettingRow
from reconciler.planning.concern import Concern

R = TypeVar("R", bound=Row)

DELIMITER = "recipient_delimiter"
USUAL_DELIMITER = "+"
"""Debian's, and the one of every guide; without a look at Postfix nobody is refused for relying on it."""


def rows_of(records: Found, kind: type[R]) -> Mapping[str, R]:
    """The table of one kind; empty when the system holds none."""
    return cast("Mapping[str, R]", records.get(name_of(kind), {}))


class Pair(NamedTuple):
    """What one system should hold and what it holds, under the same keys."""

    wanted: Records
    found: Found


class DomainNumbers(NamedTuple):
    """What PostfixAdmin's limits of a domain count: aliases without those of mailboxes, megabytes of all quotas."""

    mailboxes: int
    aliases: int
    megabytes: int


class SiteNumbers(NamedTuple):
    """What gates ask about all of the site when a part of it was read."""

    mailboxes: Set[str]
    """The keys of all that are live."""
    domains: Mapping[str, DomainNumbers]
    """Of the domains that the part is about."""
    accounts: Set[str] = frozenset()
    """The live accounts that are ours; the workflow puts them in."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`records` has the systems that were read completely, `unknown` says why the others were not, and
    `hints` what to do about that."""

    taken: datetime
    records: Mapping[str, Found] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)
    about: Concern | None = None
    """Where only a part of the site was read: whose rows are all in `records`; others may be."""
    site: SiteNumbers | None = None
    """Then, what of the whole site is counted."""

    def rows(self, kind: type[R]) -> Mapping[str, R] | None:
        """The table of one kind, over all systems; None when no system that was read holds it (so: unknown)."""
        name = name_of(kind)
        for records in self.records.values():
            if name in records:
                return rows_of(records, kind)
        return None

    @property
    def known_delimiter(self) -> str | None:
        """Postfix' `recipient_delimiter`, empty when it has none; None when no Postfix was read."""
        setting = (self.rows(SettingRow) or {}).get(DELIMITER)
        return None if setting is None else setting.value

    @property
    def delimiter(self) -> str:
        """What separates a sub-address from its address; the usual one while it is not known."""
        known = self.known_delimiter
        return USUAL_DELIMITER if known is None else known
