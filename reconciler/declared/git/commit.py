"""The commit of the state that is read."""

from __future__ import annotations

from pathlib import Path

from reconciler.declared.git.run_git import BARE, ask, refusal, repository
from reconciler.declared.problems import Problems, printable
from reconciler.declared.read.source import place_of
from reconciler.translation import tr

_NAMED = 5
_YAML = ("--", "*.yaml", "*.yml")


def read_commit(folder: Path, problems: Problems) -> str:
    """The commit that was read. What is wrong with it is a warning: people may try things before they commit."""
    commit, place = _commit_of(folder), place_of(folder)
    if not commit and (words := refusal(folder)):
        from shlex import quote

        # git compares with the top of the repository, letter for letter
        command = f"git config --global --add safe.directory {quote(str(repository(folder)))}"
        hint = tr("run: {command}", command=command)
        if BARE in words:
            hint = tr(
                "HEAD, objects, refs and config are there as in a repository: take them out of the state's folder"
            )
        problems.warn_at(place, "git", tr("git says nothing of the state: {words}", words=words), hint)
    if commit.endswith("+") and (names := _uncommitted(folder)):
        named = ", ".join(map(printable, names[:_NAMED]))
        if len(names) > _NAMED:
            named = tr("{names} and more", names=named)
        message = tr("not committed, and read all the same: {files}", files=named)
        hint = tr("commit before you apply; otherwise nobody reviewed it, and no commit says what was done")
        problems.warn_at(place, "uncommitted", message, hint)
    return commit


def _commit_of(folder: Path) -> str:
    """The commit of the folder's repository, with `+` when files in the folder differ from it; empty without git, and
    when git is told to ignore all of the folder's state."""
    # one call says it all where nothing is ignored: a process costs as much as reading a small state
    options = ("--porcelain=v2", "--branch", "--no-ahead-behind", "--untracked-files=normal", "--ignored")
    status = ask(folder, "status", *options, "--", ".")
    if status is None:
        commit = ask(folder, "rev-parse", "--verify", "HEAD")
        return commit.strip() + "+" if commit else ""
    lines = status.split("\n")[:-1]
    commit = next(line.split()[-1] for line in lines if line.startswith("# branch.oid "))
    if commit == "(initial)":
        return ""
    # `status` lists ignored files by folder, with what is no state
    some_ignored = any(line.startswith("!") for line in lines)
    ignored = some_ignored and ask(folder, "ls-files", "--others", "--ignored", "--exclude-standard", *_YAML)
    if ignored and not ask(folder, "ls-files", *_YAML):
        return ""
    return commit + ("+" if ignored or not all(line.startswith(("#", "!")) for line in lines) else "")


def _uncommitted(folder: Path) -> list[str]:
    """The YAML files below the folder that are not as the commit has them, by their paths in the repository: changed,
    new, ignored or deleted."""
    options = ("--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignored=matching")
    output = ask(folder, "status", *options, *_YAML) or ""
    return [entry[3:] for entry in output.split("\0") if entry]
