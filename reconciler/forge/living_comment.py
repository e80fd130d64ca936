"""The one comment of a site in a merge request: written, brought up to date, or left alone.

Two jobs may do this at the same time, and each of them may die anywhere. So the list of comments is read right before
each write, an older plan does not replace a newer one, and of several the newest stays and the others say that they
are superseded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple, TypeVar

from reconciler.errors import ForgeError
from reconciler.forge.client import LONGEST, Comment, Forge, MergeRequest
from reconciler.forge.disarm import disarmed, fitted
from reconciler.forge.job import Job
from reconciler.forge.marker import BadMarker, Marker, marker_in, sealed_marker_in, with_marker
from reconciler.forge.said import Subject
from reconciler.report.read_document import Document
from reconciler.translation import marked, tr

Write = Callable[[Sequence[Document], int], tuple[str, bool]]
"""Markdown of documents in at most so many bytes, and whether something is left out."""

T = TypeVar("T")

_TRIES = 3
_SUPERSEDED = marked("Superseded: a newer comment says what is true now.")
OPENING = "<!-- reconciler "
"""How each marker begins."""


_ADDRESS = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~/%+-]*)?")


class Outcome(StrEnum):
    """What was done."""

    WRITTEN = "written"
    UPDATED = "brought up to date"
    SILENT = "not written: nothing changes, and nothing was said before"
    UNCHANGED = "left as it is: this run carried out nothing"
    MERGED = "left as it is: the merge request is merged, and what its reviewers saw stays"
    OUTDATED = "left as it is: it is about a newer state than this one"


class Told(NamedTuple):
    """What became of the comment, and what people should know beside it."""

    outcome: Outcome
    url: str = ""
    remarks: tuple[str, ...] = ()


class _Own(NamedTuple):
    comment: Comment
    marker: Marker
    as_written: bool


def tell(forge: Forge, job: Job, number: int, subject: Subject, write: Write, key: bytes | None = None) -> Told:
    """Says it in the merge request. A write whose answer was lost is looked for before it is tried again. Raises
    ForgeError."""
    return until_known(lambda: _tell_once(forge, job, number, subject, write, key))


def until_known(once: Callable[[], T]) -> T:
    """Looks and writes again where it is not known whether the write was done. Raises ForgeError."""
    for _ in range(_TRIES - 1):
        try:
            return once()
        except ForgeError as error:
            if not (error.uncertain and error.temporary):
                raise
    return once()


def body_of(subject: Subject, job: Job, write: Write, key: bytes | None = None) -> tuple[str, Marker]:
    """The words and the marker, together not longer than a forge takes."""
    now = datetime.now(UTC)
    marker = subject.marker(now=now, commit=job.commit, link=job.link, cut=False)
    free = LONGEST - len(with_marker("", marker, key).encode("utf-8")) - 10  # `true` may become `false`
    foot = _foot(job.link)
    text, left_out = write(subject.documents, free - len(foot))
    text, cut = fitted(text, free - len(foot))
    text += foot
    marker = marker.model_copy(update={"cut": left_out or cut})
    return with_marker(text, marker, key), marker


def _foot(link: str) -> str:
    """A way to the job's log; nothing where the environment holds no plain address."""
    words = tr("The job that wrote this")
    return f"\n[{words}]({link})\n" if _ADDRESS.fullmatch(link) else ""


def _tell_once(forge: Forge, job: Job, number: int, subject: Subject, write: Write, key: bytes | None) -> Told:
    remarks: list[str] = []
    found = list(_ours(forge, number, subject, remarks, key))
    body, marker = body_of(subject, job, write, key)
    if not found and not subject.says_something():
        return Told(Outcome.SILENT, remarks=tuple(remarks))
    request = forge.merge_request(number) if _speaks_of_the_branch(marker) else None
    if request is not None and request.merged is not None:
        return Told(Outcome.MERGED, found[-1].comment.url if found else "", tuple(remarks))
    if found:
        newest = found[-1]
        if not subject.settles(newest.marker):
            return Told(Outcome.UNCHANGED, newest.comment.url, tuple(remarks))
        if _is_older(job, request, marker, newest):
            return Told(Outcome.OUTDATED, newest.comment.url, tuple(remarks))
        changed = _changed(forge, newest.comment, body)
        if changed is not None:
            _supersede(forge, [own.comment for own in found[:-1]], remarks)
            return Told(Outcome.UPDATED, changed.url or newest.comment.url, tuple(remarks))
    added = forge.add_comment(number, body)
    if added.author != forge.user():
        message = f"the comment is written, but {forge.name} says another user wrote it than the token's: it would not"
        raise ForgeError(f"{message} be found again", hint="give it the token of a user (docs/forge.md)")
    return _after_adding(forge, number, subject, added, remarks, key)


def _ours(forge: Forge, number: int, subject: Subject, remarks: list[str], key: bytes | None) -> Iterator[_Own]:
    """The comments of the token's user about this, oldest first. Findings alone name no site: theirs is the only one
    there is; and a plan takes up what was said when its site was not known."""
    found, foreign, user = [], 0, forge.user()
    for comment in forge.comments(number):
        if OPENING not in comment.body:
            continue
        if comment.author != user:
            foreign += 1
            continue
        try:
            marker = marker_in(comment.body)
        except BadMarker as bad:
            remarks.append(f"comment {comment.id} of ours is left alone: {bad}")
            continue
        if marker is not None and marker.purpose == subject.purpose:
            found.append(_Own(comment, marker, _as_written(comment.body, key)))
    if foreign:
        remarks.append(f"{foreign} of the comments with our marker are by other users: they are left alone")
    sites = {own.marker.site for own in found} - {""}
    wanted = {subject.site, ""} if subject.site else sites | {""} if len(sites) < 2 else {""}
    yield from (own for own in found if own.marker.site in wanted)


def _as_written(body: str, key: bytes | None) -> bool:
    try:
        return sealed_marker_in(body, key) is not None
    except BadMarker:
        return False


def _is_older(job: Job, request: MergeRequest | None, ours: Marker, theirs: _Own) -> bool:
    """Whether what is there was said of a newer state. A job whose commit is not the head of the branch any more
    changes nothing: the newer one's comment is there, or will be. Clocks of runners differ, so they decide only between
    plans of the same commit. What somebody edited is no reason for anything."""
    if job.commit and request is not None and request.head:
        if request.head != job.commit:
            return True
        if theirs.marker.commit != ours.commit:
            return False
    return theirs.as_written and theirs.marker.made > ours.made


def _speaks_of_the_branch(marker: Marker) -> bool:
    """Whether it speaks of the source branch; a run is after the merge."""
    return marker.purpose == "plan"


def _changed(forge: Forge, comment: Comment, body: str) -> Comment | None:
    """The changed comment; None when it cannot be changed any more: gone, or not ours to change."""
    try:
        return forge.change_comment(comment, body)
    except ForgeError as error:
        if error.status in (403, 404) and not error.temporary:
            return None
        raise


def _after_adding(
    forge: Forge, number: int, subject: Subject, added: Comment, remarks: list[str], key: bytes | None
) -> Told:
    """Another job may have written one meanwhile: both look, and both come to the same end."""
    found = sorted(_ours(forge, number, subject, [], key), key=lambda own: (own.marker.made, int(own.comment.id)))
    _supersede(forge, [own.comment for own in found[:-1]], remarks)
    outdated = bool(found) and found[-1].comment.id != added.id
    return Told(Outcome.OUTDATED if outdated else Outcome.WRITTEN, added.url, tuple(remarks))


def _supersede(forge: Forge, comments: Sequence[Comment], remarks: list[str]) -> None:
    """Each says that it is superseded, and has no marker any more; the forge hides it where it can."""
    for comment in comments:
        try:
            forge.change_comment(comment, _superseded(comment.body))
        except ForgeError as error:
            remarks.append(f"comment {comment.id} cannot be marked as superseded: {error.message}")
            continue
        try:
            forge.hide_comment(comment)
        except ForgeError as error:  # its words say it already
            remarks.append(f"comment {comment.id} is superseded, and not hidden: {error.message}")


def _superseded(body: str) -> str:
    # somebody may have edited it: it is disarmed like any other text
    words = disarmed(body[: body.index(OPENING)] if OPENING in body else body)
    head, before = f"**{tr(_SUPERSEDED)}**", tr("What it said")
    folded = f"{head}\n\n<details><summary>{before}</summary>\n\n{words}\n</details>\n"
    return folded if len(folded.encode("utf-8")) <= LONGEST else f"{head}\n"
