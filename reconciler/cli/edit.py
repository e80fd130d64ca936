"""Commands that edit the declared state: read it, change it in memory, load it with the change, and only then write.
No live system is asked and no secret is needed. What each command changes is in `edit_changes`.
"""

from __future__ import annotations

import difflib
import os
import shlex
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any

from reconciler.cli.exit_status import Status
from reconciler.cli.formats import Format
from reconciler.cli.read_site import read_site
from reconciler.cli.runner import write_findings
from reconciler.cli.streams import say, write
from reconciler.declared.git.commit_files import commit_files, refuse_uncommitted
from reconciler.declared.load import Declaration, load_state
from reconciler.declared.problems import Problems
from reconciler.declared.read.find import find_sources
from reconciler.declared.read.source import Source, shown
from reconciler.declared.section import sections
from reconciler.declared.write.edit import Edit
from reconciler.errors import UsageError
from reconciler.model.declared import DesiredState
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
    edit = Edit(declaration.state, sources, lambda name: _content(sources[name]))
    done = change(edit, settings)
    changed = edit.changed()
    if not changed:
        say(f"nothing to do: {done.what}; next: {done.next}")
        return Status.DONE
    paths = {name: sources[name].path if name in sources else folder.resolve() / name for name in changed}
    after = load_state(
        folder, settings, today=declaration.state.today, instead={name: new for name, (_, new) in changed.items()}
    )
    _refuse_more(declaration.state, after.state, done.subjects)
    message = _message(done, reason)
    if commit:
        _refuse_no_reason(done, reason)
        refuse_uncommitted(folder, list(paths.values()))
    for name, (old, _) in changed.items():
        _refuse_unwritable(paths[name], old, shown(folder / name))
    for name, (old, new) in changed.items():
        write("\n".join(_difference(shown(folder / name), old, new)))
    for name, (_, new) in changed.items():
        _replace(paths[name], new, shown(folder / name))
    _say_new_findings(declaration, after)
    for remark in edit.remarks:
        say(f"note: {remark}")
    if commit:
        say(f"{done.what}: committed as {commit_files(folder, list(paths.values()), message)}; next: {done.next}")
    else:
        names = " ".join(shlex.quote(shown(folder / name)) for name in changed)
        title = shlex.quote(message.partition("\n")[0])
        say(f"{done.what}: written; next: {done.next}, then: git add {names} && git commit -m {title}")
    return Status.DONE


def _content(source: Source) -> bytes:
    try:
        return source.path.read_bytes()
    except OSError as error:
        raise UsageError(f"{source.shown} cannot be read: {error.strerror}", hint="check its permissions") from None


def _message(done: Done, reason: str | None) -> str:
    why = "\n".join(text for text in (done.why, reason) if text)
    return f"{done.what}\n\n{why}\n" if why else done.what


def _refuse_no_reason(done: Done, reason: str | None) -> None:
    if not (done.why or reason):
        raise UsageError("the commit needs a reason", hint="add: --reason 'WHY'; it goes into the commit's message")


def _refuse_more(before: DesiredState, after: DesiredState, subjects: frozenset[str]) -> None:
    """An anchor, say, may make one entry change with another. Raises UsageError."""
    for name in sections():
        old, new = (Counter(_values(state.section(name))) for state in (before, after))
        others = {subject for subject, _ in (old - new) + (new - old)} - subjects
        if others:
            raise UsageError(
                f"the edit would change more in `{name}` than it is meant to: {', '.join(sorted(others)[:5])}",
                hint="nothing was written; edit the file by hand, then: reconciler validate",
            )


def _values(section: Any) -> Iterator[tuple[str, str]]:
    """What is declared, without where, and about whom."""
    for value in section.values() if isinstance(section, Mapping) else section:
        bare = replace(value, origin=None) if is_dataclass(value) else value._replace(origin=None)  # type: ignore[type-var]
        names = ("address", "old", "mailbox", "key", "subject")
        yield next(str(getattr(value, name)) for name in names if hasattr(value, name)), repr(bare)


def _refuse_unwritable(path: Path, old: bytes, name: str) -> None:
    """Before the first file is written. Raises UsageError."""
    if not path.exists():
        return
    if not path.stat().st_mode & 0o222 or not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise UsageError(f"{name} is read-only; nothing was written", hint="change its permissions, and run it again")
    if path.read_bytes() != old:
        raise UsageError(f"{name} was changed meanwhile; nothing was written", hint="run it again")


def _replace(path: Path, content: bytes, name: str) -> None:
    """The file with this content, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content)
            if path.exists():
                shutil.copymode(path, beside)
            else:
                Path(beside).chmod(0o666 & ~_umask())
            Path(beside).replace(path)
        except OSError:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"{name} cannot be written: {error.strerror}",
            hint="see what git diff shows of the others, and run it again",
        ) from None


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _difference(name: str, old: bytes, new: bytes) -> Iterator[str]:
    """As git shows it."""
    before, after = (_lines(content) for content in (old, new))
    from_name = name if old else "/dev/null"
    yield from (line.rstrip("\r\n") for line in difflib.unified_diff(before, after, from_name, name))


def _lines(content: bytes) -> list[str]:
    text = content.decode("utf-8").removeprefix("\ufeff")
    lines = text.split("\n")
    return lines[:-1] if not lines[-1] else [*lines[:-1], lines[-1] + "  (no newline at the end)"]


def _say_new_findings(before: Declaration, after: Declaration) -> None:
    known = {(finding.rule, finding.subject, finding.message) for finding in before.findings}
    new = tuple(f for f in after.findings if (f.rule, f.subject, f.message) not in known)
    if new:
        write_findings(new, Format.TEXT)
