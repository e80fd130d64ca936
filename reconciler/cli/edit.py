"""Commands that edit the declared state: read it, change it in memory, load it with the change, and only then write.
No live system is asked and no secret is needed. What each command changes is in `edit_changes`.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.cli.exit_status import Status
from reconciler.cli.formats import Format
from reconciler.cli.read_site import read_site
from reconciler.cli.runner import write_findings
from reconciler.cli.state_files import content_of, difference, refuse_unwritable, write_file
from reconciler.cli.streams import say, write
from reconciler.declared.git.commit_files import commit_files, refuse_uncommitted
from reconciler.declared.load import Declaration, load_state
from reconciler.declared.problems import Problems
from reconciler.declared.read.find import find_sources
from reconciler.declared.read.source import shown
from reconciler.declared.section import SECTIONS
from reconciler.declared.write.edit import Edit, subject_of
from reconciler.errors import InvalidInput, UsageError
from reconciler.model.declared import DesiredState
from reconciler.model.source_places import without_place
from reconciler.settings import Settings


@dataclass(frozen=True, slots=True)
class Done:
    """What a command changed: the first line of a commit's message, why it was done, and about whom it is; nothing else
    may be declared otherwise afterwards."""

    what: str
    subjects: frozenset[str]
    why: str = ""
    next: str = "reconciler plan"


Change = Callable[[Edit, Settings], Done]


def edit_state(site: Path | None, state: Path | None, change: Change, *, reason: str | None, commit: bool) -> Status:
    """Carries out one change of the state, shows it, and commits it when that is asked for. Raises UsageError and
    InvalidInput; nothing is written then."""
    settings, declaration = read_site(site, state)
    folder = declaration.folder
    sources = {source.name: source for source in find_sources(folder, Problems())}
    edit = Edit(declaration.state, sources, lambda name: content_of(sources[name]))
    done = change(edit, settings)
    changed = edit.changed()
    if not changed:
        say(f"nothing to do: {done.what}\nnext: {done.next}")
        return Status.DONE
    paths = {name: sources[name].path if name in sources else folder.resolve() / name for name in changed}
    try:
        after = load_state(
            folder, settings, today=declaration.state.today, instead={name: new for name, (_, new) in changed.items()}
        )
    except InvalidInput:
        say(f"nothing was written: the state would be invalid (lines as they would be) after this: {done.what}")
        raise
    refuse_more(declaration.state, after.state, done.subjects)
    message = _message(done, reason)
    if commit:
        _refuse_no_reason(done, reason)
        refuse_uncommitted(folder, list(paths.values()))
    for name, (old, _) in changed.items():
        refuse_unwritable(paths[name], old, shown(folder / name))
    for name, (old, new) in changed.items():
        write("\n".join(difference(shown(folder / name), old, new)))
    for name, (_, new) in changed.items():
        write_file(paths[name], new, shown(folder / name))
    _say_new_findings(declaration, after)
    for remark in edit.remarks:
        say(f"note: {remark}")
    if commit:
        say(f"{done.what}: committed as {commit_files(folder, list(paths.values()), message)}\nnext: {done.next}")
    else:
        names = " ".join(shlex.quote(shown(folder / name)) for name in changed)
        title = shlex.quote(message.partition("\n")[0])
        say(f"{done.what}: written\nnext: {done.next}\nthen: git add {names} && git commit -m {title}")
    return Status.DONE


def _message(done: Done, reason: str | None) -> str:
    why = "\n".join(text for text in (done.why, reason) if text)
    return f"{done.what}\n\n{why}\n" if why else done.what


def _refuse_no_reason(done: Done, reason: str | None) -> None:
    if not (done.why or reason):
        raise UsageError("the commit needs a reason", hint="add: --reason 'WHY'; it goes into the commit's message")


def refuse_more(before: DesiredState, after: DesiredState, subjects: frozenset[str]) -> None:
    """An anchor, say, may make one entry change with another. Raises UsageError."""
    for name in SECTIONS:
        old, new = (Counter(_values(state.section(name))) for state in (before, after))
        others = {subject for subject, _ in (old - new) + (new - old)} - subjects
        if others:
            raise UsageError(
                f"the edit would change more in `{name}` than it is meant to: {', '.join(sorted(others)[:5])}",
                hint="nothing was written; edit the file by hand, then: reconciler validate",
            )


def _values(section: Any) -> Iterator[tuple[str, str]]:
    """What is declared, without where, and about whom."""
    values = section.values() if isinstance(section, Mapping) else section
    for value in values:
        yield subject_of(value), repr(without_place(value))


def _say_new_findings(before: Declaration, after: Declaration) -> None:
    known = {(finding.rule, finding.subject, finding.message) for finding in before.findings}
    new = tuple(f for f in after.findings if (f.rule, f.subject, f.message) not in known)
    if new:
        write_findings(new, Format.TEXT)
