"""What a plan says of the base that it is compared with (`plan --base`), in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from shlex import quote

from reconciler.planning.plan import Plan
from reconciler.planning.review_facts import Cause
from reconciler.report.plan_view import Line, PlanView, transition_line
from reconciler.translation import marked, tr

_CAUSES: Mapping[Cause, str] = {
    Cause.NOT_COMPARED: "",
    Cause.MERGE_REQUEST: marked("(this merge request)"),
    Cause.WAITING: marked("(without this merge request, too)"),
    Cause.TAKEN_BACK: "",
}
"""What stands behind a finding."""


def cause_of(cause: Cause) -> str:
    """What stands behind a finding, with a blank before it; empty without a base."""
    return f" {tr(_CAUSES[cause])}" if _CAUSES[cause] else ""


_HEADINGS: Mapping[Cause, str] = {
    Cause.MERGE_REQUEST: marked("this merge request:"),
    Cause.WAITING: marked("waiting already, with or without it:"),
}
_TAKEN_BACK = marked("taken back by it, so this is not carried out:")


def rebase(ref: str) -> str:
    """What brings a branch up to date that is behind its base."""
    return f"git rebase {quote(ref)}"


def warnings(plan: Plan) -> Iterator[str]:
    """What must be known first: that the branch is behind, and what is changed of where the tool connects."""
    if plan.base is None:
        return
    ref = f"{plan.base.ref} ({plan.base.commit[:12]})"
    if plan.base.contained is False:
        yield tr(
            "this branch is behind {ref}: what others merged since is missing in this plan, or seems "
            "to be taken back; first: {command}",
            ref=ref,
            command=rebase(plan.base.ref),
        )
    if plan.base.site_changes:
        yield tr(
            "this merge request changes where reconciler connects, whom it trusts or what it sends; this plan is made "
            "with those of {ref}:",
            ref=plan.base.ref,
        )
    for change in plan.base.site_changes:
        yield f"{change.file}: {change.what}"
    if plan.base.contained is None:
        yield tr(
            "this branch may be behind {ref}, which counts as behind: this clone is cut off; to know, run:", ref=ref
        )


def parts(view: PlanView) -> Iterator[tuple[str, Sequence[Line]]]:
    """The lines under the heading of what brings them."""
    for cause, heading in _HEADINGS.items():
        if lines := [line for line in view.lines if line.transition.cause is cause]:
            yield heading, lines
    if view.plan.taken_back:
        yield _TAKEN_BACK, [transition_line(transition) for transition in view.plan.taken_back]
