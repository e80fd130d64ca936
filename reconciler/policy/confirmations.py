"""`confirm`: lifts one gate for one subject until a date, and says so. Called by `gates` for every refusal."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from reconciler.model.addresses import domain_of
from reconciler.model.declared import CONFIRMABLE, Confirm
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.shard_facts import Confirmed
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
    return lifted(finding, confirmation_of(context, confirm))


def confirmation_of(context: GateContext, confirm: Confirm) -> Confirmed:
    """What is said of an entry."""
    return Confirmed(confirm.until, confirm.reason, context.locate(confirm.origin))


def lifted(finding: Finding, by: Confirmed) -> Finding:
    """What is left of a refusal, given the entry that lifts it."""
    message = tr("{message}; confirmed until {day}: {reason}", message=finding.message, day=by.until, reason=by.reason)
    hint = tr("remove the confirmation once this is applied")
    return finding._replace(severity=Severity.NOTE, message=message, hint=hint, place=by.place, entries=())


def with_confirm_entry(context: GateContext, finding: Finding) -> Finding:
    """A refusal with the exact entry that would allow it."""
    return with_entry(finding, context.desired.today) if _liftable(finding) else finding


def with_entry(finding: Finding, today: date) -> Finding:
    """The same of a refusal that an entry can lift."""
    return finding._replace(entries=(*finding.entries, confirm_entry(finding.rule, finding.subject, today)))


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
