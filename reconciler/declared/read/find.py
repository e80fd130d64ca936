"""The files of a state folder: which ones are read, and in which order. Every complaint is a Problem with a place."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from reconciler.declared.problems import Problems, printable
from reconciler.declared.read.source import SITE_FILE, Source, place_of, shown
from reconciler.declared.read.unread import warn_if_state, warn_of_state_above
from reconciler.errors import UsageError


def find_sources(folder: Path, problems: Problems) -> list[Source]:
    """Every YAML file below `folder`, each real file once, sorted by name. Raises UsageError without a folder."""
    try:
        root = folder.resolve(strict=True)
    except (OSError, RuntimeError):
        root = folder
    if not root.is_dir():
        beside = folder.parent.iterdir() if folder.parent.is_dir() else ()
        near = get_close_matches(folder.name, [path.name for path in beside if path.is_dir()], n=1)
        hint = f"did you mean `state: {near[0]}`? Otherwise make it" if near else "make it"
        raise UsageError(
            f"there is no state folder {printable(str(folder))}",
            hint=f"{hint}, or name another one with `state:` in the site file",
        )
    warn_of_state_above(root, problems)
    sources = [
        Source(printable(str(path.relative_to(root))), shown(folder / path.relative_to(root)), path)
        for path in _walk(root, problems)
    ]
    return sorted(sources, key=lambda source: source.name)


def _walk(root: Path, problems: Problems) -> set[Path]:
    """The real path of every YAML file; each real folder is entered once, however many links lead to it."""
    files: set[Path] = set()
    entered = {root}
    open_folders: list[tuple[Path, tuple[Path, ...]]] = [(root, (root,))]
    while open_folders:
        folder, above = open_folders.pop()
        for entry in _entries(folder, problems):
            path = _real(entry, root, above, problems)
            if path is None:
                continue
            if path.is_dir():
                if path not in entered:
                    entered.add(path)
                    open_folders.append((path, (*above, path)))
            elif entry.name != SITE_FILE and entry.name.lower().endswith((".yaml", ".yml")):
                files.add(path)
            else:
                warn_if_state(entry, path, problems)
    return files


def _entries(folder: Path, problems: Problems) -> list[Path]:
    """What lies in the folder; hidden entries are left out, after a word about those that look like state."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        message = f"this folder cannot be read: {error.strerror}"
        problems.error_at(place_of(folder), "file", message, "check its permissions")
        return []
    hidden = [path for path in entries if path.name.startswith(".")]
    for path in hidden:
        warn_if_state(path, path, problems)
    return [path for path in entries if path not in hidden]


def _real(path: Path, root: Path, above: tuple[Path, ...], problems: Problems) -> Path | None:
    """Where `path` really is; None after a complaint about a link that loops, leaves the folder or leads nowhere."""
    if not path.is_symlink():
        return path
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        message, hint = "this link leads nowhere or in a circle", "remove the link or fix its target"
    else:
        if real.is_relative_to(root) and real not in above:
            return real
        message, hint = "this link leads back to a folder that it is in", "remove the link"
        if real not in above:
            message = "this link leaves the state folder"
            hint = "put the file itself here: git shows only what is inside"
    problems.error_at(place_of(path), "link", message, hint)
    return None
