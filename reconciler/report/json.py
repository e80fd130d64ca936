"""Reports for programs: versioned JSON documents (`json_models`), each described by a schema in `schemas/`.

Dates are ISO 8601 with their offset. No password and no address from the member register is in them. Every document is
UTF-8, indented, and ends in one newline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from reconciler.planning.binding import Binding
from reconciler.planning.changes import Action
from reconciler.planning.command_status import plan_status, run_status
from reconciler.planning.declared_entries import plain
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.ledger_state import PastRun, PastStep
from reconciler.planning.mail_flow_before_after import FlowChange
from reconciler.planning.mail_resolution import Delivery
from reconciler.planning.plan import Plan, fingerprint
from reconciler.planning.run_outcome import Run
from reconciler.planning.transitions import Transition
from reconciler.report import json_models
from reconciler.report.address_facts import AddressFacts
from reconciler.report.address_history_text import PastChange
from reconciler.report.header_footer import by_place
from reconciler.report.history_view import change_of
from reconciler.report.json_history_models import HistoryDocument, PastChangePart, PastRunPart, PastStepPart
from reconciler.report.json_part import FindingPart, Part, Row
from reconciler.report.json_plan_models import (
    BasePart,
    ChangePart,
    CountsPart,
    DeliveryPart,
    FlowPart,
    HealedPart,
    PlanDocument,
    ReadPart,
    ShardPart,
    StepPart,
    TransitionPart,
)
from reconciler.report.plan_view import ChangeView, Line, plan_view, transition_line
from reconciler.report.run_view import RunLine, StepOutcome, after_run, run_view
from reconciler.report.sanitize import json_visible
from reconciler.translation import spoken

_NO_SUM = "0" * 64


def plan_json(plan: Plan) -> str:
    """The plan as a document that can be saved, reviewed and given to apply."""
    return written(plan_document(plan))


def plan_document(plan: Plan) -> PlanDocument:
    """What reports are written from."""
    view = plan_view(plan, "")
    number = Counter(line.transition.action for line in view.lines)
    counts = CountsPart.of(
        view,
        **{action.value: number[action] for action in Action},
        removals=sum(line.removal for line in view.lines),
        irreversible=sum(line.transition.irreversible for line in view.lines),
    )
    document = PlanDocument.of(
        plan,
        checksum=_NO_SUM,
        status=int(plan_status(plan)),
        language=spoken(),
        base=BasePart.model_validate(plan.base) if plan.base else None,
        shard=ShardPart.model_validate(plan.shard) if plan.shard else None,
        transitions=tuple(map(_transition, view.lines)),
        taken_back=tuple(_transition(transition_line(t)) for t in plan.taken_back),
        healed=tuple(HealedPart.of(h, id=h.owner.id, **h.owner._asdict()) for h in plan.healed),
        findings=_findings(view.findings),
        reads=_reads(plan),
        counts=counts,
        flow=tuple(map(_flow, plan.flow)),
        policy=dict(sorted(plan.policy.items())),
    )
    return document.with_checksum()


def run_json(run: Run) -> str:
    """How every transition that was open ended."""
    return written(run_document(run))


def run_document(run: Run) -> json_models.RunDocument:
    """What reports of a run are written from."""
    view = run_view(run, "")
    number = Counter(line.result.replace(" ", "_") for line in view.lines)
    results = {name: number[name] for name in ("done", "failed", "not_tried", "uncertain")}
    return json_models.RunDocument.of(
        run,
        site=run.plan.site,
        plan=run.plan.digest,
        commit=run.plan.commit,
        status=int(run_status(run)),
        language=spoken(),
        seconds=(run.finished - run.started).total_seconds(),
        transitions=tuple(map(_ended, view.lines)),
        findings=_findings(view.plan.findings),
        reads=_reads(run.plan),
        counts=json_models.RunCountsPart.of(view, **results),
        next=after_run(view),
        binding=_binding(run.binding) if run.binding is not None else None,
    )


def _binding(binding: Binding) -> json_models.BindingPart:
    def named(transition: Transition) -> dict[str, object]:
        line = transition_line(transition)
        return {"id": transition.id, "title": line.title, "summary": line.summary}

    differing = tuple(json_models.DifferingPart.of(d, **named(d.transition)) for d in binding.differing)
    due = binding.due
    left = tuple(json_models.LeftPart.model_validate(named(t) | {"due": t.id in due}) for t in binding.left)
    return json_models.BindingPart.of(binding, to=str(binding.to), differing=differing, left=left)


def findings_json(findings: Iterable[Finding]) -> str:
    return written(findings_document(findings))


def findings_document(findings: Iterable[Finding]) -> json_models.FindingsDocument:
    """By file and line."""
    listed = sorted(findings, key=by_place)
    number = Counter(finding.severity for finding in listed)
    counts = {str(severity): number[severity] for severity in Severity}
    return json_models.FindingsDocument(language=spoken(), findings=_findings(listed), counts=counts)


def address_facts_json(known: AddressFacts) -> str:
    """Everything that is known about what was asked."""
    document = json_models.ShowDocument.of(
        known,
        unknown=dict(sorted(known.unknown.items())),
        hints={name: hint for name, hint in sorted(known.hints.items()) if hint},
        flow=tuple(map(_flow, known.flow)),
    )
    return written(document)


def history_json(runs: Iterable[PastRun]) -> str:
    """Earlier runs, with the steps that they come with."""
    return written(HistoryDocument(runs=tuple(map(_past_run, runs))))


def address_history_json(changes: Iterable[PastChange]) -> str:
    """What happened to an address: the same document, with the runs' steps about it."""
    listed = list(changes)
    runs = {change.run.id: change.run for change in listed}
    parts = tuple(map(_past_change, listed))
    return written(HistoryDocument(runs=tuple(map(_past_run, runs.values())), changes=parts))


def written(part: Part) -> str:
    """A document as the text of a file."""
    return json_visible(part.model_dump_json(by_alias=True, indent=2)) + "\n"


def _reads(plan: Plan) -> tuple[ReadPart, ...]:
    return tuple(ReadPart.of(read, rows=dict(sorted(read.rows.items()))) for read in plan.reads)


def _findings(findings: Iterable[Finding]) -> tuple[FindingPart, ...]:
    return tuple(
        FindingPart.of(
            finding, owner=finding.owner.id if finding.owner else None, entries=tuple(map(str, finding.entries))
        )
        for finding in findings
    )


def _flow(change: FlowChange) -> FlowPart:
    return FlowPart(address=change.address, before=_delivery(change.before), after=_delivery(change.after))


def _delivery(delivery: Delivery) -> DeliveryPart:
    return DeliveryPart(**{name: tuple(sorted(ends)) for name, ends in delivery._asdict().items()})


def _transition(line: Line) -> TransitionPart:
    refused, changes = (*line.refused_by, *line.waits_for), tuple(map(_change, line.changes))
    return TransitionPart.of(
        line.transition,
        **_head(line),
        title=line.title,
        attention=line.attention,
        fingerprint=fingerprint(line.transition),
        refused=refused,
        changes=changes,
        steps=tuple(StepPart.of(step, system=step.change.system, text=step.change.text) for step in line.steps),
    )


def _head(line: Line) -> dict[str, object]:
    return {"summary": line.summary, **line.transition.owner._asdict()}


def _change(change: ChangeView) -> ChangePart:
    former = "" if change.former == change.key else change.former
    rows = {"before": _row(change.before), "after": _row(change.after)}
    return ChangePart.of(change, former_key=former, **rows)


def _row(fields: Mapping[str, object] | None) -> Row | None:
    return None if fields is None else {name: plain(value) for name, value in fields.items()}


def _ended(line: RunLine) -> json_models.TransitionRunPart:
    facts = {"title": line.line.title, "half_done": line.half_done, "removed": line.removed, "result": line.result}
    steps = tuple(map(_outcome, line.steps))
    return json_models.TransitionRunPart.of(line.line.transition, **_head(line.line), **facts, steps=steps)


def _outcome(outcome: StepOutcome) -> json_models.StepOutcomePart:
    step = outcome.step
    said = {"id": step.id, "stage": step.stage, "label": step.label}
    return json_models.StepOutcomePart.of(outcome, **said, system=step.change.system, text=step.change.text)


def _past_run(run: PastRun) -> PastRunPart:
    counts = dict(sorted((str(state), number) for state, number in run.counts.items()))
    return PastRunPart.of(run, plan=run.digest, counts=counts, steps=tuple(map(_past_step, run.steps)))


def _past_step(step: PastStep) -> PastStepPart:
    return PastStepPart.of(step, change=_change(change_of(step)))


def _past_change(change: PastChange) -> PastChangePart:
    run = {name: getattr(change.run, name) for name in ("started", "who", "host", "commit")}
    return PastChangePart.of(change, **run, run=change.run.id, transition=change.id, origin=change.place)
