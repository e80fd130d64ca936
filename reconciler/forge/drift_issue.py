"""The one issue of a site that names its drift: opened, kept up to date, closed when nothing drifts any more.

Who closed it stands in its body: before this program closes one, the body says that there is no drift and its marker
names no lines. One that was closed with lines in it was closed by a person, who wants to hear no more of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from reconciler.errors import UsageError
from reconciler.forge.client import Forge, Issue
from reconciler.forge.job import Job
from reconciler.forge.living_comment import OPENING, Write, body_of, until_known
from reconciler.forge.marker import BadMarker, Marker, marker_in
from reconciler.forge.said import Subject
from reconciler.report.json_plan_models import PlanDocument
from reconciler.translation import tr

LABEL = "reconciler-drift"
REOPENED_WITHIN = timedelta(days=30)


class IssueOutcome(StrEnum):
    """What was done."""

    OPENED = "opened"
    REOPENED = "opened again"
    UPDATED = "brought up to date"
    CLOSED = "closed: nothing drifts any more"
    SILENT = "not opened: nothing drifts"
    LEFT_CLOSED = "left closed: somebody closed it, and nothing else drifts"
    UNKNOWN = "left as it is: a system could not be read, and what drifts there is unknown"
    OUTDATED = "left as it is: it is about a newer look than this one"


class Kept(NamedTuple):
    """What became of the issue, and what people should know beside it."""

    outcome: IssueOutcome
    url: str = ""
    remarks: tuple[str, ...] = ()


class _Own(NamedTuple):
    issue: Issue
    marker: Marker


def keep(forge: Forge, job: Job, drift: PlanDocument, write: Write, key: bytes | None = None) -> Kept:
    """Makes the issue say what drifts now. A write whose answer was lost is looked for before it is tried again. Raises
    ForgeError, and UsageError for drift that is not of the whole site."""
    if drift.only:
        message = f"this is the drift of {', '.join(drift.only[:3])} alone, and the issue is about the whole site"
        raise UsageError(message, hint="look at all of it: reconciler drift --out drift.json")
    return until_known(lambda: _keep_once(forge, job, drift, write, key))


def _keep_once(forge: Forge, job: Job, drift: PlanDocument, write: Write, key: bytes | None) -> Kept:
    body, marker = body_of(Subject(drift.site, "drift", (drift,)), job, write, key)
    drifts, unread = _drifts(drift), any(read.unknown for read in drift.reads)
    own = list(_ours(forge, drift.site, LABEL))
    if not own:  # where the token's user may not set labels, ours has none
        own = list(_ours(forge, drift.site, ""))
    still_open = [each for each in own if each.issue.open]
    if any(each.marker.made > marker.made for each in own):
        return Kept(IssueOutcome.OUTDATED)
    if drifts:
        return _named(forge, body, still_open) or _named_anew(forge, drift.site, body, marker, own)
    if not still_open:
        return Kept(IssueOutcome.SILENT)
    if unread:
        return Kept(IssueOutcome.UNKNOWN, still_open[0].issue.url)
    for each in still_open:
        forge.change_issue(each.issue, body, open=False)
        words = tr(
            "Nothing drifts any more: looked on {when:%Y-%m-%d at %H:%M %Z}, and closed by reconciler.", when=drift.made
        )
        forge.comment_on_issue(each.issue, f"{words}\n")
    return Kept(IssueOutcome.CLOSED, still_open[0].issue.url)


def _drifts(drift: PlanDocument) -> bool:
    """By its lines, or by what the command found else: a date that was missed, a refusal."""
    return bool(drift.transitions) or drift.status in (4, 5)


def _ours(forge: Forge, site: str, label: str) -> Iterator[_Own]:
    for issue in forge.own_issues(label):
        if OPENING not in issue.body:
            continue
        try:
            marker = marker_in(issue.body)
        except BadMarker:
            continue
        if marker is not None and (marker.site, marker.purpose) == (site, "drift"):
            yield _Own(issue, marker)


def _named(forge: Forge, body: str, still_open: list[_Own]) -> Kept | None:
    """In the open issue. Two jobs may have opened one each: the first stays."""
    if not still_open:
        return None
    first, *others = still_open
    changed = forge.change_issue(first.issue, body, open=True)
    for other in others:  # without a marker it is none of ours any more
        same = tr("Issue {number} says the same.", number=first.issue.number)
        forge.change_issue(other.issue, f"{same}\n", open=False)
    return Kept(IssueOutcome.UPDATED, changed.url)


def _named_anew(forge: Forge, site: str, body: str, marker: Marker, own: list[_Own]) -> Kept:
    """In the last one, if it was closed a short time ago; else in a new one."""
    last = max(own, key=lambda each: each.issue.closed or datetime.min.replace(tzinfo=UTC), default=None)
    if last is not None and _covers(last.marker, marker):
        return Kept(IssueOutcome.LEFT_CLOSED, last.issue.url)
    if last is not None and last.issue.closed and datetime.now(UTC) - last.issue.closed < REOPENED_WITHIN:
        return Kept(IssueOutcome.REOPENED, forge.change_issue(last.issue, body, open=True).url)
    return Kept(IssueOutcome.OPENED, forge.open_issue(tr("Drift: {site}", site=site), body, LABEL).url)


def _covers(closed: Marker, now: Marker) -> bool:
    """Whether the issue was closed by a person while it named all that drifts now."""
    if closed.lines is None or now.lines is None:
        return closed.digest == now.digest
    return bool(closed.lines) and now.lines.items() <= closed.lines.items()
