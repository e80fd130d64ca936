"""Which lines of a plan were reviewed: the comments of merge requests against the plan of now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from reconciler.errors import StalePlan
from reconciler.forge.client import Comment, MergeRequest
from reconciler.forge.marker import BadMarker, Marker, marker_in, sealed_marker_in, values_hash
from reconciler.model.records import Owner
from reconciler.planning.plan import Plan, fingerprint
from reconciler.planning.transitions import Transition
from reconciler.translation import tr

_AGAIN = "open a merge request: its comment shows what is pending, and who merges it agrees (docs/reviewed-apply.md)"


class NotReviewed(StalePlan):
    """Nothing that was reviewed can be found for this commit."""


class NoComment(NotReviewed):
    """The merge request `request` has no comment of ours: nothing was said there, or nobody reported."""

    def __init__(self, message: str, request: MergeRequest) -> None:
        super().__init__(message, hint=_AGAIN)
        self.request = request


class Approval(NamedTuple):
    """A merge request, the comment of ours that its reviewers read, and what that comment says for programs."""

    request: MergeRequest
    comment: Comment
    marker: Marker


class Verdict(NamedTuple):
    """The lines of a plan: as they were reviewed, reviewed as others, and never reviewed."""

    agreed: tuple[Transition, ...]
    changed: tuple[Transition, ...]
    others: tuple[Transition, ...]


def approval_in(request: MergeRequest, own: Iterable[Comment], site: str, key: bytes | None) -> Approval:
    """The newest of our comments about a plan of this site. Raises NotReviewed when there is none, or when that one
    approves nothing; an older one was superseded, and approves nothing either."""
    name = f"merge request {request.number}"
    found = [comment for comment in own if _is_about(comment, site)]
    if not found:
        raise NoComment(f"{name} has no comment of ours with a plan of the site {site}", request)
    newest = max(found, key=lambda comment: (comment.created, int(comment.id) if comment.id.isdecimal() else 0))
    try:
        marker = sealed_marker_in(newest.body, key)
    except BadMarker as error:
        raise NotReviewed(f"our comment in {name} approves nothing: {error}", hint=_AGAIN) from None
    assert marker is not None
    if why := marker.approves_nothing:
        raise NotReviewed(f"our comment in {name} approves nothing: {why}", hint=_AGAIN)
    # the forge's own clock, where it says when a comment was changed; else that of the job that made the plan
    _refuse_later(name, request, newest.updated or marker.made)
    return Approval(request, newest, marker)


def _is_about(comment: Comment, site: str) -> bool:
    """Whether it is the comment about a plan of this site. One with a marker that cannot be read counts: it may have
    been that one before somebody edited it."""
    try:
        marker = marker_in(comment.body)
    except BadMarker:
        return True
    return marker is not None and marker.site == site and marker.purpose == "plan"


def _refuse_later(name: str, request: MergeRequest, moment: datetime) -> None:
    if request.merged is not None and moment > request.merged:
        message = f"our comment in {name} was written or changed after the merge, so that nobody agreed to it"
        raise NotReviewed(message, hint=_AGAIN)


def ground_changed(marker: Marker, plan: Plan) -> tuple[str, ...]:
    """What all lines stand on and is not as it was reviewed."""
    targets = {read.system: read.target for read in plan.reads if read.system != "ledger"}
    found = []
    if marker.targets != values_hash(targets):
        found.append(tr("the site file names another place for a system than it did in the review"))
    if marker.policy != values_hash(plan.policy):
        found.append(tr("the site file configures the gates in another way than it did in the review (`policy`)"))
    return tuple(found)


def judge(markers: Sequence[Marker], plan: Plan) -> Verdict:
    """Every line of the plan is in one of the three. What one of the comments agrees to is agreed to."""
    agreed, changed, others = list[Transition](), list[Transition](), list[Transition]()
    whole = any(marker.digest == plan.digest for marker in markers)
    for line in plan.transitions:
        answers = {marker.agrees(line.id, fingerprint(line)) for marker in markers}
        if whole or True in answers:
            agreed.append(line)
        elif False in answers:
            changed.append(line)
        else:
            others.append(line)
    return Verdict(tuple(agreed), tuple(changed), tuple(others))


def without_what_it_needs(lines: Iterable[Transition], plan: Plan) -> tuple[Transition, ...]:
    """Those of the lines that need another line of the plan which is not among them, directly or through others: an
    alias must not come before the mailbox that it leads to."""
    held = {line.owner: line for line in lines}
    pending = {line.owner for line in plan.transitions}
    out = list[Transition]()
    while missing := [line for line in held.values() if _lacks(line, held.keys(), pending)]:
        out += missing
        for line in missing:
            del held[line.owner]
    return tuple(out)


def _lacks(line: Transition, held: Iterable[Owner], pending: set[Owner]) -> bool:
    return not (line.needs & pending) <= set(held)
