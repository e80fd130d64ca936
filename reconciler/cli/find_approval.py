"""The approval of a commit: which merge request brought it to this branch, and what our comment there showed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from reconciler.declared.git.run_git import ask
from reconciler.errors import UsageError
from reconciler.forge.approval import Approval, NotReviewed, approval_in
from reconciler.forge.client import Forge, MergeRequest
from reconciler.forge.connect import authors, connect_to_read
from reconciler.forge.job import Kind, job_of, said_by
from reconciler.forge.review_key import review_key

_MOST = 10
"""How many merge requests before this one are looked at."""


class Applied(NamedTuple):
    """What the ledger knows: the commit of the last run (empty without one), whether there was one of this commit, the
    commit of the last run that left nothing undone (empty without one), and those of the runs since, newest first."""

    last: str
    this_one: bool
    whole: str = ""
    partly: tuple[str, ...] = ()


def find_approvals(
    environ: Mapping[str, str], site: str, folder: Path, commit: str, applied: Applied
) -> list[Approval]:
    """Asks the forge of this job: the approval of this commit first, and behind it those of the merges since the last
    run that left nothing undone: their jobs were cancelled, skipped, or failed. Raises NotReviewed, ForgeError,
    UsageError."""
    if not commit or commit.endswith("+"):
        what = "has changes that are not committed" if commit else "is not in a git repository"
        raise UsageError(f"the declared state {what}, so nobody reviewed it", hint="run this in the job after a merge")
    job = job_of(environ, said_by(environ))
    if job is None:
        hint = "run this in a CI job of GitLab, GitHub, Forgejo or Gitea, or set RECONCILER_FORGE (docs/forge.md)"
        raise UsageError("no forge is known that could say what was reviewed", hint=hint)
    branch = _branch(job.kind, environ)
    with connect_to_read(job) as forge:
        request = _merged(forge, commit, branch)
        if applied.last not in ("", commit):
            _refuse_outdated(forge, folder, commit, request, applied)
        ours, key = authors(forge), review_key()

        def approval(of: MergeRequest) -> Approval:
            own = [comment for comment in forge.comments(of.number) if comment.author in ours]
            return approval_in(of, own, site, key)

        found = [approval(request)]
        for earlier in _between(folder, applied, commit):
            # what only an unreviewed one brought is named as not reviewed
            with suppress(NotReviewed):
                found.append(approval(_merged(forge, earlier, branch)))
        return found


def _between(folder: Path, applied: Applied, commit: str) -> list[str]:
    """The commits of the branch after that of the last run that left nothing undone, without this one, newest first;
    where git does not know them (a shallow clone), those alone that a run began since."""
    since = (applied.whole or next(reversed(applied.partly), "")).removesuffix("+")
    listed = ""
    if since not in ("", commit):
        listed = ask(folder, "rev-list", "--first-parent", f"--max-count={_MOST + 1}", f"{since}..{commit}") or ""
    found = dict.fromkeys((*listed.split(), *applied.partly))
    # of what was not committed nobody is asked: nobody reviewed it
    return [earlier for earlier in found if earlier not in ("", commit) and not earlier.endswith("+")][:_MOST]


def _refuse_outdated(forge: Forge, folder: Path, commit: str, request: MergeRequest, applied: Applied) -> None:
    """A job of an older commit that somebody runs again would undo what was merged and applied since. Asked are git,
    then the forge, and where neither knows that commit, the ledger. Raises NotReviewed."""
    last = applied.last.removesuffix("+")
    if ask(folder, "cat-file", "-e", f"{last}^{{commit}}") is not None:
        newer = ask(folder, "merge-base", "--is-ancestor", commit, last) is not None
    else:
        merged = [other.merged for other in forge.merge_requests_of(last) if last in other.landed and other.merged]
        newer = any(moment > request.merged for moment in merged if request.merged) if merged else applied.this_one
    if newer:
        message = f"commit {last[:12]} was applied since, and it is newer than {commit[:12]}: this job is outdated"
        raise NotReviewed(message, hint="run the job of the newest commit; open a merge request to go back")


def _merged(forge: Forge, commit: str, branch: str) -> MergeRequest:
    """The merge request that brought this commit to this branch; of several the newest."""
    landed = [r for r in forge.merge_requests_of(commit) if r.merged is not None and commit in r.landed]
    here = [request for request in landed if request.target_branch == branch]
    if here:
        return max(here, key=lambda request: (request.merged, request.number))
    if landed:
        other = landed[0]
        message = f"merge request {other.number} brought commit {commit[:12]} to {other.target_branch}, not to {branch}"
    else:
        message = f"no merge request brought commit {commit[:12]} to {branch}: it was pushed there directly"
    hint = "open a merge request: its comment shows what is pending, and who merges it agrees (docs/reviewed-apply.md)"
    raise NotReviewed(message, hint=hint)


def _branch(kind: Kind, environ: Mapping[str, str]) -> str:
    """The branch that this job runs for. Raises UsageError: of a merge request's job, say, or of one of a tag."""
    if kind is Kind.GITLAB:
        name = environ.get("CI_COMMIT_BRANCH", "")
    elif environ.get("GITHUB_REF", "").startswith("refs/heads/"):
        name = environ["GITHUB_REF"].removeprefix("refs/heads/")
    else:
        name = ""
    if not name:
        raise UsageError("this job runs for no branch, so nothing was merged for it", hint="run it after the merge")
    return name
