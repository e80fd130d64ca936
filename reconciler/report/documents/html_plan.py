"""The page of a plan or of drift."""

from __future__ import annotations

from collections.abc import Collection

from reconciler import __version__
from reconciler.report import header_footer
from reconciler.report.documents.html_page import Fact, Note, Page, Row, Steps, Table, moment
from reconciler.report.documents.plan_review import (
    LOOK,
    NOT_YET,
    ROUTINE,
    Group,
    PlanReview,
    ReviewLine,
    alerts,
    groups,
    healed_lines,
    place_text,
    plan_review,
    public_targets,
    verdict,
)
from reconciler.report.documents.rename_timeline import of_plan
from reconciler.report.json_part import PlacePart
from reconciler.report.json_plan_models import FlowPart, PlanDocument
from reconciler.report.mail_flow_text import reached
from reconciler.report.plan_counts import counted
from reconciler.report.vocabulary import committed, steps_in_words
from reconciler.translation import marked, tr

_WORDS = {
    "create": marked("new"),
    "update": marked("change"),
    "rename": marked("rename"),
    "delete": marked("removed"),
}
_LEVELS = {NOT_YET: ("danger", "✗"), LOOK: ("warn", "!"), ROUTINE: ("good", "✓")}


def plan_page(document: PlanDocument, job: str) -> Page:
    """Everything that the document says."""
    review = plan_review(document)
    words, why, numbers = verdict(review)
    level, sign = _LEVELS.get(words, ("good", "") if not review.stops else ("danger", "✗"))
    stops, public = review.stops, public_targets(document)
    return Page(
        review.name,
        level,
        " ".join(filter(None, (sign, ": ".join(filter(None, (tr(words), why)))))),
        numbers,
        header_footer.after_plan(review),
        alerts=list(alerts(review)),
        unread=header_footer.unread(document.reads),
        stops=stops,
        entries=list(header_footer.allowing_entries(stops)),
        groups=[_table(group) for group in groups(review) if group.lines],
        timelines=[picture for line in review.lines if (picture := of_plan(line.part))],
        flow=[_flow(part, public) for part in document.flow],
        remarks=review.remarks,
        healed=list(healed_lines(review)),
        steps=[_steps(line) for line in review.lines if line.part.steps],
        untouched=list(header_footer.untouched(review)),
        facts=_facts(review, job),
    )


def _table(group: Group) -> Table:
    return Table(group.title[:1].upper() + group.title[1:], counted(group.lines), list(map(_row, group.lines)))


def _row(line: ReviewLine) -> Row:
    part = line.part
    if line.irreversible:
        style, word = "lost", tr("cannot be undone")
    elif part.effect == "removal":
        style, word = "removal", tr("removed") if line.removal else tr("lifted")
    else:
        style, word = part.action, tr(_WORDS[part.action])
    return Row(
        style, line.sign, word, part.title, _declared(part.place), part.summary, line.refused_by, line.waits_for,
        [Note(text) for text in line.notes],
    )  # fmt: skip


def _flow(part: FlowPart, public: Collection[str]) -> tuple[str, str, str]:
    now, then = (reached(delivery, part.address, public) for delivery in (part.before, part.after))
    return part.address, now, then


def _declared(place: PlacePart | None) -> str:
    """`state/mailboxes.yaml:14, 9f3c21a by Klaus Beispiel`."""
    if place is None:
        return ""
    commit = committed(place.commit, place.author) if place.commit or place.author else ""
    return ", ".join(filter(None, (place_text(place), commit)))


def _steps(line: ReviewLine) -> Steps:
    texts = [f"{step.stage} {step.text}" for step in line.part.steps]
    return Steps(line.part.title, steps_in_words(len(texts)), texts, line.irreversible or line.removal)


def _facts(review: PlanReview, job: str) -> list[Fact]:
    document, base = review.document, review.document.base
    facts: list[Fact] = [(tr("site"), document.site), (tr("commit"), document.commit or tr("unknown"))]
    facts += [(tr("compared with"), f"{base.ref} ({base.commit or tr('unknown')})")] if base else []
    facts += [(tr("only about"), ", ".join(document.only))] if document.only else []
    facts += [(tr("plan"), document.digest), (tr("systems"), header_footer.reads(document.reads))]
    facts += [(tr("names"), tr("masked"))] if document.masked else []
    facts += [(tr("job"), job)] if job else []
    return [*facts, (tr("tool"), f"reconciler {__version__}"), (tr("read"), moment(document.made))]
