"""`confirm`: lifts one gate for one subject until a date, and says so. Called by `gates` for every refusal."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from reconciler.model.addresses import domain_of
from reconciler.model.declared import CONFIRMABLE, Confirm
from reconciler.planning.finding import Finding, Severity
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import confirm_entry, note
from reconciler.translation import tr


def confirmed(context: GateContext, finding: Finding) -> Confirm | None:
    """The entry that lifts this refusal; the one for a domain lifts `missing-domain` for all of its addresses."""
    if not _liftable(finding):
        return None
    names = (finding.subject, domain_of(finding.subject)) if finding.rule == "missing-domain" else (finding.subject,)
    return context.confirmation(finding.rule, *names)


def allowed(context: GateContext, finding: Finding, confirm: Confirm) -> Finding:
    """What is left of a refusal that somebody confirmed: a note with the reason."""
    message = tr(
        "{message}; confirmed until {day}: {reason}",
        message=finding.message,
        day=confirm.until,
        reason=confirm.reason,
    )
    hint = tr("remove the confirmation once this is applied")
    place = context.locate(confirm.origin)
    return finding._replace(severity=Severity.NOTE, message=message, hint=hint, place=place, entries=())


def with_confirm_entry(context: GateContext, finding: Finding) -> Finding:
    """A refusal with the exact entry that would allow it."""
    if not _liftable(finding):
        return finding
    entry = confirm_entry(finding.rule, finding.subject, context.desired.today)
    return finding._replace(entries=(*finding.entries, entry))


def unused(context: GateContext, used: Collection[Confirm]) -> Iterator[Finding]:
    """Confirmations that nothing needs. Those that ended are the loader's notes."""
    for confirm in context.desired.confirm:
        if confirm.until >= context.desired.today and confirm not in used:
            message = tr(
                "nothing needs the confirmation of {gate} for {subject}", gate=confirm.gate, subject=confirm.subject
            )
            hint = tr("remove the entry, unless a later plan needs it")
            yield note(context, "unused-confirm", confirm.subject, message, hint, confirm.origin)


def _liftable(finding: Finding) -> bool:
    return finding.severity is Severity.REFUSAL and finding.rule in CONFIRMABLE and not finding.final
