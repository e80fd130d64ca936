"""The state files of a commit, from git's objects: what `read.find` would find if it were checked out."""

from __future__ import annotations

import posixpath

from reconciler.declared.git.objects import Kind, Tree
from reconciler.declared.problems import Problems, printable
from reconciler.declared.read.source import SITE_FILE, Source
from reconciler.declared.read.text import MAX_BYTES
from reconciler.model.source_places import Place

_MOST_LINKS = 40


def state_sources(tree: Tree, folder: str, ref: str, problems: Problems) -> dict[Source, bytes]:
    """Every YAML file below `folder` (a path in the repository; "" is its top) with its content, sorted by name, each
    real file once. People see `REF:path`, which `git show` takes."""
    found = {path: _source(path, folder, ref, tree) for path in _walk(tree, folder, ref, problems)}
    sizes = tree.sizes(found)
    small = {path: source for path, source in found.items() if sizes[path] <= MAX_BYTES}
    for path in found.keys() - small.keys():
        problems.error_at(found[path].place(), "file", "the file is too big to be state", "split it")
    tree.load(small)
    return {small[path]: tree.content(path) for path in sorted(small, key=lambda path: small[path].name)}


def _source(path: str, folder: str, ref: str, tree: Tree) -> Source:
    name = path.removeprefix(f"{folder}/") if folder else path
    return Source(printable(name), printable(f"{ref}:{path}"), tree.top / path)


def _walk(tree: Tree, root: str, ref: str, problems: Problems) -> set[str]:
    files, entered, open_folders, names = set[str](), {root}, [root], _names(tree)
    while open_folders:
        for path in names.get(open_folders.pop(), ()):
            place = Place(printable(f"{ref}:{path}"), 1)
            real = followed(tree, path)
            if real is None or not _inside(real, root):
                problems.error_at(place, "link", "this link leaves the state folder or leads nowhere", "remove it")
            elif tree.kind(real) is Kind.FOLDER:
                open_folders += [real] if real not in entered else []
                entered.add(real)
            elif tree.kind(real) is Kind.SUBMODULE:
                problems.error_at(place, "file", "state in a submodule is in no commit of this repository", "move it")
            elif posixpath.basename(path) != SITE_FILE and path.lower().endswith((".yaml", ".yml")):
                files.add(real)
    return files


def _names(tree: Tree) -> dict[str, list[str]]:
    """What stands right in each folder; hidden names are left out."""
    names: dict[str, list[str]] = {}
    for path in tree.entries:
        if not posixpath.basename(path).startswith("."):
            names.setdefault(posixpath.dirname(path), []).append(path)
    return names


def _inside(path: str, root: str) -> bool:
    return not root or path == root or path.startswith(f"{root}/")


def followed(tree: Tree, path: str) -> str | None:
    """Where a path leads when links are followed; None when that is outside of the commit, or nowhere."""
    parts, at = path.split("/"), ""
    for _ in range(_MOST_LINKS * 100):
        if not parts:
            return at
        part, *parts = parts
        if part in ("", "."):
            continue
        at = posixpath.join(at, part) if part != ".." else posixpath.dirname(at) if at else ".."
        if at == ".." or tree.kind(at) is None:
            return None
        if tree.kind(at) is Kind.LINK:
            target = tree.content(at).decode("utf-8", "surrogateescape")
            if target.startswith("/"):
                return None
            parts, at = target.split("/") + parts, posixpath.dirname(at)
    return None
