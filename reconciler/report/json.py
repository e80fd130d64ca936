"""Reports for programs: versioned JSON documents (`json_models`), each described by a schema in `schemas/`.

Dates are ISO 8601 with their offset. No password is in them and no address of the member register. Every document is
UTF-8, indented, and ends in one newline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from reconciler.model.source_places import Place
from reconciler.planning.address_lookup import Sighting, SightingFact
from reconciler.planning.changes import Action, Result
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.ledger_state import PastRun, PastStep
from reconciler.planning.mail_flow_before_after import FlowChange
from reconciler.planning.mail_resolution import Delivery
from reconciler.planning.plan import Plan
from reconciler.planning.run_outcome import Run
from reconciler.report import json_models
from reconciler.report.address_history_text import PastChange
from reconciler.report.header_footer import by_place
from reconciler.report.history_view import change_of
from reconciler.report.json_history_models import HistoryDocument, PastChangePart, PastRunPart, PastStepPart
from reconciler.report.json_models import (
    ChangePart,
    FindingPart,
    Part,
    PlacePart,
    Row,
    StepOutcomePart,
    StepPart,
    TransitionPart,
    TransitionRunPart,
    Value,
)
from reconciler.report.plan_view import ChangeView, Line, plan_view
from reconciler.report.run_view import RunLine, run_view
from reconciler.report.sanitize import json_visible

_ENDS: Mapping[Result, Literal["done", "failed", "not tried", "uncertain"]] = {
    Result.DONE: "done",
    Result.FAILED: "failed",
    Result.NOT_TRIED: "not tried",
    Result.UNCERTAIN: "uncertain",
}
"""How a transition can end; skipping is for steps."""


_NO_SUM = "0" * 64


def plan_json(plan: Plan) -> str:
    """The plan as a document that can be saved, reviewed and given to apply."""
    view = plan_view(plan, "")
    number = Counter(line.action for line in view.lines)
    return _written(
        json_models.PlanDocument(
            site=view.site,
            digest=view.digest,
            checksum=_NO_SUM,
            commit=view.commit,
            made=view.made,
            transitions=tuple(_transition(line) for line in view.lines),
            findings=tuple(_finding(finding) for finding in view.findings),
            reads=tuple(
                json_models.ReadPart(
                    system=r.system, target=r.target, rows=_sorted(r.rows), unknown=r.unknown, hint=r.hint
                )
                for r in view.reads
            ),
            counts=json_models.CountsPart(
                create=number[Action.CREATE],
                update=number[Action.UPDATE],
                rename=number[Action.RENAME],
                delete=number[Action.DELETE],
                removals=sum(line.removal for line in view.lines),
                irreversible=sum(line.irreversible for line in view.lines),
                open=view.open,
                in_place=_sorted(view.in_place),
                unmanaged=_sorted(view.unmanaged),
                adopted=_sorted(view.adopted),
            ),
            flow=tuple(_flow(change) for change in view.flow),
            policy=dict(sorted(view.policy.items())),
            gates=view.gates,
        ).sealed()
    )


def run_json(run: Run) -> str:
    """How every transition that was open ended."""
    view = run_view(run, "")
    number = Counter(line.result for line in view.lines)
    return _written(
        json_models.RunDocument(
            site=view.plan.site,
            plan=view.plan.digest,
            started=view.started,
            finished=view.finished,
            seconds=(view.finished - view.started).total_seconds(),
            interrupted=view.interrupted,
            complete=view.complete,
            transitions=tuple(_ended(line) for line in view.lines),
            findings=tuple(_finding(finding) for finding in view.plan.findings),
            counts=json_models.RunCountsPart(
                done=number[Result.DONE],
                failed=number[Result.FAILED],
                not_tried=number[Result.NOT_TRIED],
                uncertain=number[Result.UNCERTAIN],
                refused=view.refused,
                waiting=view.waiting,
            ),
        )
    )


def findings_json(findings: Iterable[Finding]) -> str:
    """What there is to say, by file and line."""
    listed = sorted(findings, key=by_place)
    number = Counter(finding.severity for finding in listed)
    return _written(
        json_models.FindingsDocument(
            findings=tuple(_finding(finding) for finding in listed),
            counts={str(severity): number[severity] for severity in Severity},
        )
    )


def sighting_json(sighting: Sighting) -> str:
    """Everything that is known about what was asked."""
    return _written(
        json_models.ShowDocument(
            asked=sighting.asked,
            facts=tuple(_fact(fact) for fact in sighting.facts),
            unknown=dict(sorted(sighting.unknown.items())),
            hints={name: hint for name, hint in sorted(sighting.hints.items()) if hint},
            flow=tuple(_flow(change) for change in sighting.flow),
        )
    )


def _fact(fact: SightingFact) -> json_models.FactPart:
    fields = {name: getattr(fact, name) for name in ("system", "kind", "subject", "text", "missing")}
    return json_models.FactPart(**fields, place=_place(fact.place))


def history_json(runs: Iterable[PastRun]) -> str:
    """Earlier runs without their steps."""
    return _written(HistoryDocument(runs=tuple(_past_run(run) for run in runs)))


def address_history_json(changes: Iterable[PastChange]) -> str:
    """What happened to an address: the same json_models, with the runs' steps about it."""
    listed = list(changes)
    runs = {change.run.id: change.run for change in listed}
    parts = tuple(_past_change(change) for change in listed)
    return _written(HistoryDocument(runs=tuple(map(_past_run, runs.values())), changes=parts))


def run_history_json(run: PastRun) -> str:
    """One earlier run with its steps: the same json_models."""
    return history_json((run,))


def _written(part: Part) -> str:
    return json_visible(part.model_dump_json(by_alias=True, indent=2)) + "\n"


def _sorted(numbers: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(numbers.items()))


def _place(place: Place | None) -> PlacePart | None:
    return None if place is None else PlacePart(**place._asdict())


def _finding(finding: Finding) -> FindingPart:
    owner = finding.owner
    return FindingPart(
        severity=finding.severity.value,
        rule=finding.rule,
        subject=finding.subject,
        message=finding.message,
        hint=finding.hint,
        place=_place(finding.place),
        owner=f"{owner.scope}:{owner.subject}" if owner else None,
        entries=tuple(str(entry) for entry in finding.entries),
    )


def _flow(change: FlowChange) -> json_models.FlowPart:
    return json_models.FlowPart(address=change.address, before=_delivery(change.before), after=_delivery(change.after))


def _delivery(delivery: Delivery) -> json_models.DeliveryPart:
    return json_models.DeliveryPart(**{name: tuple(sorted(ends)) for name, ends in delivery._asdict().items()})


def _transition(line: Line) -> TransitionPart:
    return TransitionPart(
        id=line.id,
        scope=str(line.scope),
        subject=line.subject,
        action=line.action.value,
        effect=line.effect.value,
        irreversible=line.irreversible,
        summary=line.summary,
        reason=line.reason,
        place=_place(line.place),
        refused=(*line.refused_by, *line.waits_for),
        declared=tuple(json_models.DeclaredPart(section=e.section, fields=dict(e.fields)) for e in line.declared),
        changes=tuple(_change(change) for change in line.changes),
        steps=tuple(StepPart(id=step.id, stage=step.stage) for step in line.steps),
    )


def _change(change: ChangeView) -> ChangePart:
    return ChangePart(
        system=change.system,
        kind=change.kind,
        action=change.action.value,
        key=change.key,
        former_key="" if change.former == change.key else change.former,
        before=_row(change.before),
        after=_row(change.after),
    )


def _row(fields: Mapping[str, object] | None) -> Row | None:
    return None if fields is None else {name: _value(value) for name, value in fields.items()}


def _value(value: object) -> Value:
    match value:
        case tuple():
            return tuple(str(item) for item in value)
        case None | bool() | int():
            return value
        case _:
            return str(value)


def _ended(line: RunLine) -> TransitionRunPart:
    return TransitionRunPart(
        id=line.line.id,
        scope=str(line.line.scope),
        subject=line.line.subject,
        action=line.line.action.value,
        summary=line.line.summary,
        place=_place(line.line.place),
        result=_ENDS[line.result],
        steps=tuple(
            StepOutcomePart(
                id=s.step.id,
                stage=s.step.stage,
                result=s.result.value,
                message=s.message,
                hint=s.hint,
                temporary=s.temporary,
                raced=s.raced,
            )
            for s in line.steps
        ),
    )


def _past_run(run: PastRun) -> PastRunPart:
    return PastRunPart(
        id=run.id,
        site=run.site,
        plan=run.digest,
        commit=run.commit,
        who=run.who,
        host=run.host,
        pid=run.pid,
        started=run.started,
        finished=run.finished,
        state=run.state.value,
        counts=_sorted({str(state): number for state, number in run.counts.items()}),
        steps=tuple(_past_step(step) for step in run.steps),
    )


def _past_step(step: PastStep) -> PastStepPart:
    return PastStepPart(
        seq=step.seq,
        transition=step.transition,
        id=step.id,
        change=_change(change_of(step)),
        stage=int(step.stage),
        origin=step.origin,
        state=step.state.value,
        began=step.began,
        ended=step.ended,
        message=step.message,
        hint=step.hint,
    )


def _past_change(change: PastChange) -> PastChangePart:
    return PastChangePart(
        run=change.run.id,
        transition=change.id,
        subject=change.subject,
        started=change.run.started,
        who=change.run.who,
        host=change.run.host,
        commit=change.run.commit,
        summary=change.summary,
        why=change.why,
        origin=change.place,
        state=change.state.value,
    )
