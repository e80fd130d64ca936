"""What a plan's document says to who reviews it, as values: verdict, warnings, groups of lines, the next step. Markdown
and HTML are written from these; their strings are raw, and each writer makes them harmless at its own edge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from reconciler.model.owners import Scope
from reconciler.planning.finding import Severity
from reconciler.planning.plan import MISSED
from reconciler.planning.review_facts import Cause, Direction
from reconciler.report import header_footer
from reconciler.report.base_text import rebase
from reconciler.report.explanation import HEADINGS, facts
from reconciler.report.header_footer import DRIFT, DRIFTED, PLAN, PLANNED
from reconciler.report.json_part import FindingPart, PlacePart
from reconciler.report.json_plan_models import PlanDocument, ReadPart, TransitionPart
from reconciler.report.plan_counts import counted, scope_word
from reconciler.report.plan_view import sign_of
from reconciler.report.vocabulary import DOT, named
from reconciler.translation import marked, tr

STOPS = frozenset({Severity.ERROR, Severity.REFUSAL, Severity.WAIT})
"""Findings that keep something from being carried out."""


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """One transition; `refused_by` and `waits_for` name the rules that stop it. `drifted`: it is one of drift."""

    part: TransitionPart
    refused_by: tuple[str, ...]
    waits_for: tuple[str, ...]
    drifted: bool

    @property
    def scope(self) -> str:
        return self.part.scope

    @property
    def action(self) -> str:
        return self.part.action

    @property
    def direction(self) -> str:
        return self.part.direction

    @property
    def irreversible(self) -> bool:
        return self.part.irreversible

    @property
    def attention(self) -> tuple[str, ...]:
        return self.part.attention

    @property
    def removal(self) -> bool:
        return self.part.effect == "removal" and self.scope != Scope.BLOCK

    @property
    def stopped(self) -> bool:
        return bool(self.part.refused)

    @property
    def dangerous(self) -> bool:
        """Whether it is the last to be left out of a report."""
        return self.irreversible or self.removal or self.stopped

    @property
    def sign(self) -> str:
        return sign_of(self.part.action, self.part.effect, irreversible=self.irreversible)

    @property
    def notes(self) -> Iterator[str]:
        """Which side moved, since when, by whom, and what it means for mail."""
        if self.part.direction and (self.drifted or self.part.direction != "pending"):
            yield tr(HEADINGS[Direction(self.part.direction)]).removesuffix(":")  # a plan is about what git brings
        yield from facts(self.part)


@dataclass(frozen=True, slots=True)
class PlanReview:
    """One plan document. Lines in its order (dangerous first), findings the heaviest first."""

    document: PlanDocument
    title: str
    lines: tuple[ReviewLine, ...]
    findings: tuple[FindingPart, ...]

    @property
    def name(self) -> str:
        return named(self.title, self.document.site)

    @property
    def merging(self) -> bool:
        """Whether it is written for a merge request."""
        return self.document.base is not None

    @property
    def behind(self) -> bool:
        return self.document.base is not None and self.document.base.contained is not True

    @property
    def redirects(self) -> bool:
        return self.document.base is not None and bool(self.document.base.site_changes)

    @property
    def refused_by_it(self) -> bool:
        return any(f.severity in ("error", "refusal") for f in self.own.findings)

    @property
    def only(self) -> Sequence[str]:
        return self.document.only

    @property
    def shard(self) -> str:
        return ""  # no report is written of one alone

    @property
    def left(self) -> int:
        return 0

    @property
    def reads(self) -> Sequence[ReadPart]:
        return self.document.reads

    @property
    def in_place(self) -> Mapping[str, int]:
        return self.document.counts.in_place

    @property
    def unmanaged(self) -> Mapping[str, int]:
        return self.document.counts.unmanaged

    @property
    def adopted(self) -> Mapping[str, int]:
        return self.document.counts.adopted

    @property
    def gates(self) -> Sequence[str]:
        return self.document.gates

    @property
    def stopped(self) -> bool:
        return any(f.severity == "refusal" and f.owner is None for f in self.findings)

    @property
    def open(self) -> int:
        return 0 if self.stopped else sum(not line.stopped for line in self.lines)

    @property
    def missed(self) -> int:
        return sum(f.rule == MISSED and f.severity == "warning" for f in self.findings)

    @property
    def typed(self) -> str:
        typed = (line.part for line in self.lines if any(c.kind == "given_password" for c in line.part.changes))
        return next((f"reconciler password {part.subject}" for part in typed), "")

    @property
    def stops(self) -> list[FindingPart]:
        return [f for f in self.findings if f.severity in STOPS]

    @property
    def remarks(self) -> list[FindingPart]:
        return [f for f in self.findings if f.severity not in STOPS]

    def subjects(self, severity: str) -> int:
        return len({f.owner or f.subject for f in self.findings if f.severity == severity})

    @property
    def own(self) -> PlanReview:
        """What the merge request itself brings; without a base all there is."""
        lines = tuple(line for line in self.lines if line.part.cause != "waiting")
        return replace(self, lines=lines, findings=tuple(f for f in self.findings if f.cause != "waiting"))


def plan_review(document: PlanDocument, title: str = "") -> PlanReview:
    """Walks a document; the only place that does."""
    waits: dict[str, set[str]] = {}
    for finding in document.findings:
        if finding.severity == "wait" and finding.owner is not None:
            waits.setdefault(finding.owner, set()).add(finding.rule)
    drifted = document.purpose == "drift"
    lines = tuple(_line(part, waits.get(part.id, set()), drifted=drifted) for part in document.transitions)
    weight = list(Severity)
    findings = sorted(document.findings, key=lambda finding: weight.index(Severity(finding.severity)))
    return PlanReview(document, title or (DRIFTED if drifted else PLANNED), lines, tuple(findings))


def _line(part: TransitionPart, waits: set[str], *, drifted: bool) -> ReviewLine:
    refused = tuple(rule for rule in part.refused if rule not in waits)
    return ReviewLine(part, refused, tuple(rule for rule in part.refused if rule in waits), drifted)


NOT_YET = marked("do not merge yet")
LOOK = marked("look closer")
ROUTINE = marked("routine")


class Verdict(NamedTuple):
    """The first line: in two words (for `tr`), why, and the numbers."""

    words: str
    why: str
    numbers: str


def verdict(review: PlanReview) -> Verdict:
    """Whether to look closer. Of a merge request by what it brings itself; what waits already is counted behind it.
    What decides where the program connects is never routine, whatever else there is to do."""
    own = review.own
    if not review.merging:
        if not review.lines:
            return Verdict("", header_footer.nothing(review), "")
        why = ", ".join(header_footer.attention(review))
        return Verdict(LOOK if why else ROUTINE, why, counted(review.lines))
    why = ", ".join((*_redirects(review), *header_footer.attention(own)))
    waiting = len(review.lines) - len(own.lines)
    numbers = [counted(own.lines) if own.lines else _no_lines(review)]
    numbers += [tr("{number} waiting already", number=waiting)] if waiting else []
    if any(f.severity in ("error", "refusal") for f in own.findings):
        return Verdict(NOT_YET, why, DOT.join(numbers))
    return Verdict(LOOK if why or review.behind else ROUTINE, why, DOT.join(numbers))


def _redirects(review: PlanReview) -> Iterator[str]:
    if review.redirects:
        yield tr("changes where reconciler connects, whom it trusts or what it sends")


def _no_lines(review: PlanReview) -> str:
    return tr("nothing else changes") if review.redirects else tr("this merge request changes nothing")


class Alert(NamedTuple):
    """What is said in red above everything else; `command` is what to run, `items` what it is about."""

    words: str
    command: str = ""
    items: tuple[str, ...] = ()


def alerts(review: PlanReview) -> Iterator[Alert]:
    """That the branch is behind, and that it would change where the program connects or what it sends."""
    base = review.document.base
    if base is None:
        return
    if base.contained is False:
        words = tr(
            "This branch is behind {ref}: it lacks what was merged since, and the plan may take that back. Fetch, and "
            "bring it up to date before it is merged:",
            ref=base.ref,
        )
        yield Alert(words, rebase(base.ref))
    elif base.contained is None:
        words = tr(
            "Nobody knows whether this branch has all of {ref}: the clone is not deep enough to tell. Take it as "
            "behind until this was run:",
            ref=base.ref,
        )
        yield Alert(words, base.fetch)
    if base.site_changes:
        words = tr(
            "This merge request changes where reconciler connects, whom it trusts or what it sends. The plan was made "
            "with the files of {ref}; review these changes by themselves:",
            ref=base.ref,
        )
        yield Alert(words, "", tuple(f"{change.file}: {change.what}" for change in base.site_changes))


class Group(NamedTuple):
    """Lines that have one cause."""

    title: str
    lines: tuple[ReviewLine, ...]


def groups(review: PlanReview) -> Iterator[Group]:
    """One table each: this merge request, waiting already, taken back by it; without a base all in one."""
    if not review.merging:
        yield Group("", review.lines)
        return
    own, waiting = review.own.lines, tuple(line for line in review.lines if line.part.cause == "waiting")
    yield Group(tr("this merge request"), own)
    yield Group(tr("waiting already, whether this is merged or not"), waiting)
    back = tuple(_line(part, set(), drifted=False) for part in review.document.taken_back)
    yield Group(tr("taken back by this merge request: it would have been done, and will not be"), back)


CAUSES: Mapping[str, str] = {
    Cause.MERGE_REQUEST: marked("caused by this merge request"),
    Cause.WAITING: marked("there already without this merge request"),
    Cause.TAKEN_BACK: marked("taken back by this merge request"),
}


def place_text(place: PlacePart | None) -> str:
    """`state/mailboxes.yaml:14`."""
    return f"{place.file}:{place.line}" if place else ""


def healed_lines(review: PlanReview) -> Iterator[str]:
    """What drifted and is as declared again, without any apply."""
    for each in review.document.healed:
        kind = scope_word(each.scope)
        yield tr(
            "{kind} {subject}, first seen {when:%Y-%m-%d %H:%M %z}", kind=kind, subject=each.subject, when=each.since
        )


def shows_all(review: PlanReview) -> str:
    """The command that shows what a report left out."""
    return DRIFT if review.title == DRIFTED else PLAN


def public_targets(document: PlanDocument) -> frozenset[str]:
    """Addresses that aliases of nobody's lead to: git declares them, and their lines name them."""
    changes = (change for part in document.transitions if part.scope == Scope.ALIAS for change in part.changes)
    rows = (row for change in changes for row in (change.before, change.after) if row is not None)
    return frozenset(target for row in rows if isinstance(goto := row.get("goto"), tuple) for target in goto)
