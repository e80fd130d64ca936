"""The commit that a merge request is compared with: what REF of `plan --base REF` names, whether HEAD has all of it,
and the `git fetch` that brings what a shallow clone left out."""

from __future__ import annotations

import os
import re
from pathlib import Path
from shlex import quote

from reconciler.declared.git.objects import Kind, git_done, read_tree
from reconciler.declared.git.run_git import repository
from reconciler.declared.problems import printable
from reconciler.errors import UsageError
from reconciler.planning.review_facts import Base

_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_PART = re.compile("[0-9a-f]{4,39}")
"""What may be the beginning of a commit's name, or a branch."""


def find_base(folder: Path, ref: str) -> tuple[Path, Base]:
    """The top of the repository that holds `folder`, and the base. Raises UsageError with the command that helps."""
    top = _top(folder)
    if top is None:
        hint = "run it in a clone of the state's repository, or leave --base out"
        raise UsageError(f"{folder} is in no git repository, and --base names a commit of one", hint=hint)
    shown = printable(ref)
    if not ref or ref.startswith("-") or "\0" in ref:
        hint = "write a branch or a commit: --base origin/main"
        raise UsageError(f"--base {shown!r} names no commit", hint=hint)
    if _commit(top, "HEAD") is None:
        raise _without_head(top)
    _refuse_ambiguous(top, ref, shown)
    commit = _commit(top, _whole_name(top, ref))
    if commit is None and (fetched := _as_fetched(top, ref)):
        ref, shown, commit = fetched, printable(fetched), _commit(top, _whole_name(top, fetched))
    if commit is None:
        raise UsageError(f"--base: this clone does not have {shown}", hint=_how_to_get(top, ref))
    contained = _contained(top, commit)
    fetch = _fetch(top, commit if _PART.fullmatch(ref) else ref) if contained is None else ""
    return top, Base(ref=shown, commit=commit, contained=contained, fetch=fetch)


def _without_head(top: Path) -> UsageError:
    """That there is no commit, or why git cannot read it, in its words."""
    words = git_done(top, "for-each-ref", "--format=%(objecttype)").stderr.decode("utf-8", "replace")
    if said := printable(words.strip().partition("\n")[0]):
        hint = f"correct what this complains of: git -C {quote(str(top))} log -1"
        return UsageError(f"git cannot read {top}: {said}", hint=hint)
    return UsageError(f"{top} has no commit yet, and --base compares commits", hint="commit, or leave --base out")


def _as_fetched(top: Path, ref: str) -> str:
    """`origin/main` for a `main` that this clone has under that name alone, as a clone of another branch does; empty
    when it has not. A commit's name is no branch's: whoever may push can make one that is called like a commit."""
    name = ref.removeprefix("refs/heads/")
    if _whole_name(top, ref) != ref or _SHA.fullmatch(name) or _PART.fullmatch(name):
        return ""
    return f"{_remote(top)}/{name}" if _commit(top, f"refs/remotes/{_remote(top)}/{name}") else ""


def _how_to_get(top: Path, ref: str) -> str:
    if not _remotes(top):
        return "it has no remote that could: git remote add origin URL"
    run = f"run: {_fetch(top, ref)}"
    return f"write all digits of the commit, or {run}" if _PART.fullmatch(ref) else run


def _remote(top: Path) -> str:
    """The remote that is meant where none is named."""
    remotes = _remotes(top)
    return "origin" if "origin" in remotes or not remotes else remotes[0]


def _whole_name(top: Path, ref: str) -> str:
    """What REF names. `origin/main` is what the remote `origin` has as `main`; git would first take a tag or a branch
    of that name, which whoever may push to the repository can make."""
    return f"refs/remotes/{ref}" if any(ref.startswith(f"{remote}/") for remote in _remotes(top)) else ref


def _refuse_ambiguous(top: Path, ref: str, shown: str) -> None:
    """Raises UsageError where a branch, here or of the remote, and a tag of this name are different commits: git would
    take the tag."""
    if _whole_name(top, ref) != ref or (tag := _commit(top, f"refs/tags/{ref}")) is None:
        return
    here, there = f"refs/heads/{ref}", _as_fetched(top, ref)
    branch, name = (_commit(top, here), here) if _commit(top, here) else (_commit(top, f"refs/remotes/{there}"), there)
    if branch is not None and branch != tag:
        hint = f"write the branch's whole name: --base {printable(name)}"
        raise UsageError(f"--base: {shown} is a branch and a tag, of different commits", hint=hint)


def _remotes(top: Path) -> list[str]:
    return git_done(top, "remote").stdout.decode("utf-8", "replace").split()


def _top(folder: Path) -> Path | None:
    """The repository that holds `folder`, None without one. Not one that a merge request put in its way: where an outer
    repository tracks the way there as a submodule or a link, it is that one, whose base decides what is there."""
    here = Path(os.path.abspath(folder))  # noqa: PTH100  # Path.resolve would follow links of the merge request
    holding = [path for path in (here, *here.parents) if os.path.lexists(path / ".git")]
    if not holding:
        return repository(folder) if os.path.lexists(repository(folder) / ".git") else None
    inner, *outer = holding
    for path in outer:
        if _leads_elsewhere(path.resolve(), inner.relative_to(path)):
            inner = path
    return inner.resolve()


def _leads_elsewhere(top: Path, way: Path) -> bool:
    """Whether HEAD tracks a part of this way as something that is no folder."""
    if _commit(top, "HEAD") is None:
        return False
    tree = read_tree(top, "HEAD")
    return any(tree.kind(str(path)) not in (None, Kind.FOLDER) for path in (way, *way.parents))


def _commit(top: Path, ref: str) -> str | None:
    """The full name of a commit that this clone has; None when it has none of that name."""
    done = git_done(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    commit = done.stdout.decode("ascii", "replace").strip() if done.returncode == 0 else ""
    return commit if _SHA.fullmatch(commit) else None


def _contained(top: Path, commit: str) -> bool | None:
    """Whether HEAD has all of the commit. The history of a shallow clone is cut off, so there "no" is not known."""
    answer = git_done(top, "merge-base", "--is-ancestor", commit, "HEAD").returncode
    if answer == 1 and not _is_shallow(top):
        return False
    return True if answer == 0 else None


def _is_shallow(top: Path) -> bool:
    return git_done(top, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"


def _fetch(top: Path, ref: str) -> str:
    """The command that brings the base with its history: of a branch into the name that REF has, since a clone of one
    branch fetches no other by itself. What may be a part of a commit's name cannot be asked for: all branches."""
    remotes = _remotes(top)
    remote, slash, branch = ref.removeprefix("refs/remotes/").partition("/")
    if not (slash and remote in remotes):
        remote = _remote(top)
        branch = "" if _SHA.fullmatch(ref) else "*" if _PART.fullmatch(ref) else ref.removeprefix("refs/heads/")
    wanted = f"+refs/heads/{branch}:refs/remotes/{remote}/{branch}" if branch else ref
    deep = " --unshallow" if _is_shallow(top) else ""
    return f"git fetch{deep} {quote(remote)} {quote(wanted)}"
