"""The Plan: ordered transitions, what was read, what there is to say, and a digest that seals it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from reconciler.model.records import LetterRow
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.mail_flow_before_after import FlowChange
from reconciler.planning.review_facts import Base, Healed
from reconciler.planning.shard_facts import ShardFacts
from reconciler.planning.transitions import Transition

HALF_GIVEN = "given-password"
"""The rule of a finding about a password that not every system may have; nothing but `reconciler password` ends it."""

MISSED = "missed"
"""The rule of a finding about a date in git for which nothing will be done any more; a warning when it was due."""


@dataclass(frozen=True, slots=True)
class Read:
    """How one system was read. `rows` counts the records by kind; `unknown` says why it could not be read, and
    `hint` what to do about that."""

    system: str
    target: str
    rows: Mapping[str, int] = field(default_factory=dict)
    unknown: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the plan leaves as it is, by kind: equal to what is declared, and not declared at all."""

    in_place: Mapping[str, int] = field(default_factory=dict)
    unmanaged: Mapping[str, int] = field(default_factory=dict)
    adopted: Mapping[str, int] = field(default_factory=dict)
    """Of those in place: what becomes ours with the next apply."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What apply will do. Transitions with `refused` are shown and not carried out."""

    site: str
    commit: str
    made: datetime
    transitions: tuple[Transition, ...]
    findings: tuple[Finding, ...]
    reads: tuple[Read, ...]
    counts: Counts
    digest: str
    flow: tuple[FlowChange, ...] = ()
    """Whose mail goes elsewhere once the open transitions are carried out."""
    policy: Mapping[str, str] = field(default_factory=dict)
    """The configuration of the gates by dotted key: `limits.removals.number`."""
    gates: tuple[str, ...] = ()
    """What the gates looked at, for people: `removals: 0 of at most 4 (412 accounts, 24 h) ✓`."""
    base: Base | None = None
    """What it is compared with, when it is."""
    only: tuple[str, ...] = ()
    """Addresses and domains that it is about; empty for the whole site."""
    left: int = 0
    """How many lines are pending besides, and left: nobody reviewed them, or no date brought them."""
    taken_back: tuple[Transition, ...] = ()
    """What the base would do and the declared state does not. Never carried out."""
    healed: tuple[Healed, ...] = ()
    reviewed: datetime | None = None
    """When the newest plan was made that was reviewed in a merge request, of what `apply --reviewed` carries out."""
    purpose: Literal["plan", "drift"] = "plan"
    """What it was made for: what is to be done, or what has drifted."""
    shard: ShardFacts | None = None
    """Which part of a plan it is, when several machines make one together."""

    @property
    def refused(self) -> bool:
        """Whether any gate refuses anything."""
        return any(f.severity is Severity.REFUSAL for f in self.findings)

    @property
    def stopped(self) -> bool:
        """Whether a gate refuses the whole plan."""
        return any(f.severity is Severity.REFUSAL and f.owner is None for f in self.findings)

    @property
    def pending(self) -> bool:
        """Whether something is left to do: by `apply`, or by a person who typed a password for one system of two."""
        return bool(self.transitions) or any(f.rule == HALF_GIVEN for f in self.findings)

    @property
    def missed(self) -> tuple[Finding, ...]:
        """Dates that were due and that nobody did: drift until their entries go, and nothing for `apply` to do."""
        return tuple(f for f in self.findings if f.rule == MISSED and f.severity is Severity.WARNING)

    @property
    def open_transitions(self) -> tuple[Transition, ...]:
        """What apply would carry out."""
        return () if self.stopped else tuple(t for t in self.transitions if not t.refused)

    @property
    def unknown(self) -> tuple[Read, ...]:
        return tuple(read for read in self.reads if read.unknown)


def digest(
    site: str, targets: Mapping[str, str], policy: Mapping[str, str], transitions: tuple[Transition, ...]
) -> str:
    """SHA-256 over what a plan is bound to: identity, connection targets, the configuration of the gates, and of each
    subject what git declares, what gates refuse, the effects with before-images; and their order. Two plans that do the
    same for the same reason have one digest. The commit is not in it (every merge makes a new one), nor the address and
    the language of a letter, which are read from the register when the letter is sent."""
    return digest_of(site, targets, policy, map(fingerprint, transitions))


def digest_of(site: str, targets: Mapping[str, str], policy: Mapping[str, str], fingerprints: Iterable[str]) -> str:
    """The digest of a plan whose transitions, in their order, have these fingerprints."""
    return _sealed([site, sorted(targets.items()), sorted(policy.items()), list(fingerprints)])


def fingerprint(transition: Transition) -> str:
    """SHA-256 over one transition of it: what git declares, what gates refuse, the effects with before-images."""
    return _sealed(_effects(transition))


def _effects(transition: Transition) -> list[object]:
    return [
        transition.id,
        transition.refused,
        [[entry.section, sorted(entry.fields.items())] for entry in transition.declared],
        [[s.id, s.stage, _row(s.change.before), _row(s.change.after)] for s in transition.steps],
    ]


def _sealed(bound: object) -> str:
    text = json.dumps(bound, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _row(row: object) -> object:
    if isinstance(row, LetterRow):
        row = row._replace(recipient="", language="")
        return [type(row).__name__, *row[:-1]]
    return None if row is None else [type(row).__name__, *row]  # type: ignore[misc]  # every row is a NamedTuple
