"""The document of a run that carried nothing out, or of which nobody knows how it ended; for `apply --out`."""

from __future__ import annotations

from datetime import datetime

from reconciler.planning.command_status import Status
from reconciler.planning.finding import Finding
from reconciler.report.json import findings_document
from reconciler.report.json_models import ErrorPart, RunCountsPart, RunDocument
from reconciler.translation import spoken, tr

_NO_COUNTS = RunCountsPart(done=0, failed=0, not_tried=0, uncertain=0, refused=0, waiting=0)


def run_without_end(
    site: str,
    commit: str,
    began: tuple[datetime, datetime],
    *,
    status: Status,
    error: tuple[str, str],
    plan: str = "",
    findings: tuple[Finding, ...] = (),
    interrupted: bool = False,
) -> RunDocument:
    """`began`: when the command did, and now; `error`: why, and what to do about it; `plan`: the digest of the one that
    was to be carried out. `site` and `commit` are empty where the command did not come so far."""
    message, hint = error
    started, now = began
    return RunDocument(
        site=site,
        plan=plan,
        commit=commit,
        status=int(status),
        language=spoken(),
        started=started,
        finished=now,
        seconds=(now - started).total_seconds(),
        interrupted=interrupted,
        complete=False,
        transitions=(),
        findings=findings_document(findings).findings,
        reads=(),
        counts=_NO_COUNTS,
        next=tr("next: {command}", command=hint) if hint else "",
        error=ErrorPart(message=message, hint=hint),
    )
