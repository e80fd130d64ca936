"""`report --comment`, `report --issue` and `drift --issue`: what is said on the forge, and what of that here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from reconciler.cli.exit_status import Status, worst
from reconciler.cli.runner import complain, report_bug
from reconciler.cli.streams import say, write
from reconciler.errors import ForgeError, ReconcilerError, UsageError
from reconciler.forge.client import Forge
from reconciler.forge.connect import connect
from reconciler.forge.disarm import disarmed
from reconciler.forge.drift_issue import Kept, keep
from reconciler.forge.job import Job, Kind, Said, job_of, said_by
from reconciler.forge.living_comment import tell
from reconciler.forge.review_key import review_key
from reconciler.forge.said import Subject, subjects
from reconciler.report.documents.markdown import bounded_markdown, markdown_report
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import Document

_PATIENCE = 10.0
"""Seconds that the forge keeps `drift --issue`, all in all."""
_NO_FORGE = "no forge was found in the environment (docs/forge.md)"


class Named(NamedTuple):
    """What options or their variables name."""

    forge: str | None = None
    url: str | None = None
    project: str | None = None
    number: int | None = None
    ca_file: Path | None = None
    plain_http: bool = False

    def said(self) -> Said:
        """Raises UsageError for a forge that nobody knows."""
        if self.forge and self.forge not in list(Kind):
            raise UsageError(f"{self.forge} is no forge that is known", hint=f"it is one of {', '.join(Kind)}")
        return Said(Kind(self.forge) if self.forge else None, *self[1:])


def post(documents: Sequence[Document], named: Named, *, comment: bool, issue: bool, quiet: bool = False) -> Status:
    """What `report` is asked to say on the forge; when `quiet`, here only what failed. Raises UsageError."""
    said = named.said()
    statuses = [_comment(documents, said, quiet)] if comment else []
    statuses += [_issue(documents, said, quiet)] if issue else []
    return worst(*statuses)


def keep_issue(drift: PlanDocument, *, quiet: bool) -> None:
    """What `drift --issue` says. Whatever becomes of it is told, and changes no status; when `quiet`, only failures."""
    try:
        job = job_of(os.environ, said_by(os.environ))
        if job is None:
            say(f"no issue is kept: {_NO_FORGE}; RECONCILER_FORGE, _FORGE_URL and _FORGE_PROJECT name one")
            return
        with connect(job, seconds=_PATIENCE) as forge:
            kept = keep(forge, job, drift, _markdown, review_key())
    except ReconcilerError as error:
        complain(error)
        return
    except Exception as error:  # noqa: BLE001  # drift is shown and saved by now, and its status stays
        report_bug(error)
        return
    if not quiet:
        _say_kept(drift, kept)


def _comment(documents: Sequence[Document], said: Said, quiet: bool) -> Status:
    """One living comment for each site. Where there is no merge request it is printed, and that is no error."""
    job = job_of(os.environ, said)
    if job is None:
        return _print(documents, _NO_FORGE)
    with connect(job) as forge:
        found = [(subject, _number(forge, job, subject)) for subject in subjects(documents)]
        if all(number is None for _, number in found):
            return _print(documents, f"this job of {forge.name} belongs to no merge request")
        told = [number is None or _tell(forge, job, number, subject, quiet) for subject, number in found]
    return Status.DONE if all(told) else Status.UNREADABLE


def _issue(documents: Sequence[Document], said: Said, quiet: bool) -> Status:
    """One issue for each site whose drift is in the documents."""
    drifts = [each for each in documents if isinstance(each, PlanDocument) and each.purpose == "drift"]
    if not drifts:
        hint = "make one with: reconciler drift --out drift.json"
        raise UsageError("an issue is about drift, and none of these documents is", hint=hint)
    job = job_of(os.environ, said)
    if job is None:
        return _print(drifts, _NO_FORGE)
    with connect(job) as forge:
        kept = [_keep(forge, job, drift, quiet) for drift in drifts]
    return Status.DONE if all(kept) else Status.UNREADABLE


def _print(documents: Sequence[Document], why: str) -> Status:
    say(f"nothing is posted, and the report is below: {why}")
    write(disarmed(markdown_report(documents)))
    return Status.DONE


def _number(forge: Forge, job: Job, subject: Subject) -> int | None:
    """The job's own merge request; of a run the one that brought its commit."""
    if job.number is not None or subject.purpose != "run":
        return job.number
    found = forge.merged_by(job.commit) if job.commit else None
    return found.number if found else None


def _tell(forge: Forge, job: Job, number: int, subject: Subject, quiet: bool) -> bool:
    """Whether it worked; the others are told all the same."""
    try:
        told = tell(forge, job, number, subject, _markdown, review_key())
    except ForgeError as error:
        complain(error)
        return False
    of = f" of {subject.site}" if subject.site else ""
    if not quiet:
        say(f"comment{of} on merge request {number}: {told.outcome}" + (f" ({told.url})" if told.url else ""))
    for remark in told.remarks:
        say(f"  {remark}")
    return True


def _keep(forge: Forge, job: Job, drift: PlanDocument, quiet: bool) -> bool:
    try:
        kept = keep(forge, job, drift, _markdown, review_key())
    except ForgeError as error:
        complain(error)
        return False
    if not quiet:
        _say_kept(drift, kept)
    return True


def _say_kept(drift: PlanDocument, kept: Kept) -> None:
    say(f"issue about the drift of {drift.site}: {kept.outcome}" + (f" ({kept.url})" if kept.url else ""))


def _markdown(documents: Sequence[Document], limit: int) -> tuple[str, bool]:
    return bounded_markdown(documents, limit=limit)
