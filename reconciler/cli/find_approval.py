"""The approval of a commit: which merge request brought it to this branch, and what our comment there showed."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.errors import UsageError
from reconciler.forge.approval import Approval, NotReviewed, approval_in
from reconciler.forge.client import Forge, MergeRequest
from reconciler.forge.connect import authors, connect_to_read
from reconciler.forge.job import Kind, job_of, said_by
from reconciler.forge.review_key import review_key


def find_approval(environ: Mapping[str, str], site: str, commit: str) -> Approval:
    """Asks the forge of this job. Raises NotReviewed, ForgeError, UsageError."""
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
        ours = authors(forge)
        own = [comment for comment in forge.comments(request.number) if comment.author in ours]
        return approval_in(request, own, site, review_key())


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
