"""What is in git at both ends of a merge request: the site as the base has it, and both declared states."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast
from zoneinfo import ZoneInfo

from reconciler.cli.read_site import refuse_missing
from reconciler.cli.reading_line import ReadingLine
from reconciler.cli.state_cache import state_cache
from reconciler.declared.cache.entries import Cache
from reconciler.declared.git.base_commit import find_base
from reconciler.declared.git.objects import Tree, read_tree
from reconciler.declared.git.pinned_files import PinnedFiles
from reconciler.declared.lazy import PartlyRead
from reconciler.declared.load import Declaration, load_state, load_state_at
from reconciler.declared.read.source import SITE_VARIABLE, place_of, shown
from reconciler.declared.site_file.load import find_pinned, load_site
from reconciler.declared.site_file.site_changes import declared_folder, site_changes
from reconciler.errors import InvalidInput, UsageError
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.review_facts import Base
from reconciler.settings import Settings
from reconciler.translation import speak, tr, tr_number
from reconciler.workflow_values import AtBase


def read_site_at(
    path: Path | None, state: Path | None, ref: str, store: Path, *, lazily: bool = False
) -> tuple[Settings, Declaration, AtBase]:
    """The same for a merge request: the site file and what it names as the commit REF has them, what is declared here,
    and what REF declares. `store` is a folder of our own, for the files of REF. Raises UsageError and InvalidInput, and
    `lazily` Unsound, too."""
    refuse_missing(state)
    named = path or (Path(os.environ[SITE_VARIABLE]) if os.environ.get(SITE_VARIABLE) else None)
    folder = state or (named.parent if named else Path())
    top, base = find_base(folder, ref)
    pinned = PinnedFiles(base.ref, read_tree(top, base.commit), read_tree(top, "HEAD"), store)
    site, file = load_site(path, reads_state=state is None, pinned=pinned), find_pinned(path, pinned)
    speak(site.report.language)
    changes = site_changes(site, file, pinned, searched=named is None)
    here = state or declared_folder(site, file, pinned)
    if state is None and not _is_inside(here, top):
        hint = "put the state itself there: only what is in the repository is read"
        raise UsageError(f"the state folder {shown(here)} leads out of {shown(top)}", hint=hint)
    there = pinned.find(state or site.lies_at(site.state)).name
    if there is None:
        hint = "correct `state` in the site file there"
        raise UsageError(f"the state folder of {base.ref} is not in its repository", hint=hint)
    today = datetime.now(ZoneInfo(site.timezone)).date()
    with state_cache() as kept, ReadingLine().shown():
        cache = kept or Cache()
        declaration = _with_what_git_ignores(load_state(here, site, today=today, cache=cache, lazily=lazily))
        at_base = _at_base(
            pinned.base,
            there,
            replace(base, site_changes=changes, yaml_changed=_yaml(pinned.base) != _yaml(pinned.head)),
            site,
            today,
            cache,
            declaration.partly,
        )
    return site, declaration, at_base


def _with_what_git_ignores(declaration: Declaration) -> Declaration:
    """What git is told to ignore is in neither commit, and seems to be the merge request's."""
    if declaration.state.commit or any(finding.rule == "git" for finding in declaration.findings):
        return declaration
    place = place_of(declaration.folder)
    message = tr("git is told to ignore {folder}, so no commit has what is declared there", folder=place.file)
    hint = tr("take it out of .gitignore and commit it, or leave --base out")
    finding = Finding(Severity.WARNING, "uncommitted", place.file, message, hint, place)
    return declaration._replace(said=lambda: (*declaration.findings, finding))


def _is_inside(folder: Path, top: Path) -> bool:
    try:
        return folder.resolve().is_relative_to(top)
    except (OSError, RuntimeError):  # links in a circle: there is no such folder, as is said when it is read
        return True


def _yaml(tree: Tree) -> dict[str, str]:
    """The YAML files of a commit, by their content."""
    return {name: entry.sha for name, entry in tree.entries.items() if name.lower().endswith((".yaml", ".yml"))}


def _at_base(
    tree: Tree, folder: str, base: Base, site: Settings, today: date, cache: Cache, beside: PartlyRead | None
) -> AtBase:
    try:
        declaration = load_state_at(tree, folder, base.ref, site, today=today, cache=cache, beside=beside)
    except InvalidInput as error:
        first, *more = cast("tuple[Finding, ...]", error.findings)
        message = tr(
            "what {ref} declares is invalid, so nothing of it is carried out: {problem}",
            ref=base.ref,
            problem=first.message,
        )
        if more:
            others = tr_number("and {number} more problem", "and {number} more problems", len(more))
            message = f"{message}, {others}"
        hint = tr("everything in this plan comes with the merge request; what waited before cannot be told apart")
        finding = Finding(Severity.WARNING, "base", base.ref, message, hint, first.place)
        return AtBase(base, None, None, (finding,))

    def said() -> tuple[Finding, ...]:
        return tuple(f._replace(subject=_named_here(f.subject, base, tree)) for f in declaration.findings)

    return AtBase(base, declaration._replace(said=said), PlanContext.of(declaration.state))


def _named_here(subject: str, base: Base, tree: Tree) -> str:
    """What a remark is about, as the checkout has it: a file by its path, so that remarks of both can be compared."""
    name = subject.removeprefix(f"{base.ref}:")
    return subject if name == subject else shown(tree.top / name)


def own_folder() -> TemporaryDirectory[str]:
    """A folder that nobody else reads, for as long as the command takes. Raises UsageError."""
    try:
        return TemporaryDirectory(prefix="reconciler-base-")
    except OSError as error:
        hint = "make room there, or name another folder with TMPDIR"
        raise UsageError(f"no temporary folder can be made: {error.strerror or error}", hint=hint) from None
