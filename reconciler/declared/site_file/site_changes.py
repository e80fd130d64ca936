"""What a merge request changes of the site file and of the files that it names: where the tool connects, whom it trusts
and what it sends. All of it is read from the base (`git.pinned_files`), so this is for people, who approve it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from reconciler.declared.git.objects import Entry, Tree
from reconciler.declared.git.pinned_files import Found, PinnedFiles
from reconciler.declared.parse.exact import read_tree
from reconciler.declared.problems import printable
from reconciler.declared.read.source import SITE_PLACES
from reconciler.planning.review_facts import SiteChange
from reconciler.remote.database_url import files, split
from reconciler.settings import Settings
from reconciler.translation import marked, tr

_PATHS = frozenset({"csv", "outbox", "templates", "known_hosts", "ssh_config"})
_BIGGEST = 1024 * 1024
_MOST_KEYS = 10
_NOT_USED = marked("added by the merge request, and not used")
_FOUND_LATER = marked(
    "added by the merge request, and not used; after the merge, commands without --site may find it first"
)


def site_changes(settings: Settings, file: Path, pinned: PinnedFiles, *, searched: bool) -> tuple[SiteChange, ...]:
    """What differs between both commits, the site file first. `searched`: nothing named the site file, so that another
    one at a place that is looked at would be found after the merge."""
    found = pinned.find(file)
    changes = dict[str, str]()
    if found.in_base and (what := _changed(found, pinned)):
        changes[found.name or ""] = _keys(found.name or "", pinned) or what
    others = [pinned.find(place) for place in SITE_PLACES if searched]
    changes |= {other.name or "": tr(_FOUND_LATER) for other in others if other.planted}
    for each in map(pinned.find, map(settings.lies_at, _named(settings))):
        what = tr(_NOT_USED) if each.planted else _changed(each, pinned)
        if what and each.name is not None:
            changes.setdefault(each.name, what)
    return tuple(SiteChange(printable(name or "."), what) for name, what in changes.items())


def declared_folder(settings: Settings, file: Path, pinned: PinnedFiles) -> Path:
    """The state folder of the merge request, which may have moved it: `state` says only which folder of the repository
    holds what is declared. Where its site file says nothing that can be used, the base's folder."""
    found = pinned.find(file)
    data = _data(pinned.head, found.name or "") if found.in_base else None
    state = data.get("state", ".") if data else settings.state
    folder = settings.lies_at(state) if isinstance(state, str) and state.isprintable() else None
    try:
        inside = folder is not None and folder.is_dir() and folder.resolve().is_relative_to(pinned.base.top)
    except (OSError, RuntimeError):  # links in a circle
        inside = False
    return folder if folder is not None and inside else settings.lies_at(settings.state)


def _changed(found: Found, pinned: PinnedFiles) -> str:
    """How the file or folder differs; empty when it does not."""
    if not found.in_base:
        return ""
    before, after = (_entries(tree, found) for tree in (pinned.base, pinned.head))
    if before == after:
        return ""
    return tr("changed") if after else tr("taken out by the merge request, and used as the base has it")


def _entries(tree: Tree, found: Found) -> dict[str, Entry]:
    name = found.name or ""
    one = {name: tree.entries[name]} if name in tree.entries else {}
    return tree.below(name) | one | {link: tree.entries[link] for link in found.links if link in tree.entries}


def _named(settings: BaseModel) -> Iterator[str]:
    """The paths on this machine that the sections name."""
    for key, value in settings:
        if isinstance(value, BaseModel):
            yield from _named(value)
        elif isinstance(value, dict):
            yield from (path for each in value.values() if isinstance(each, BaseModel) for path in _named(each))
        elif isinstance(value, str) and (key in _PATHS or key.endswith("_file")):
            yield value
    if isinstance(settings, Settings):
        if settings.openxchange is not None and settings.openxchange.host is None:
            yield settings.openxchange.sbin
        for _, _, url in settings.database_urls():
            yield from files(split(url).query).values()


def _keys(name: str, pinned: PinnedFiles) -> str:
    """`changed: postfixadmin.url, ssh.mail.port`: only names, since a value may be a secret by mistake."""
    before, after = _data(pinned.base, name), _data(pinned.head, name)
    if after is None:
        unreadable = tr("changed, and it is no site file any more: reconciler validate says why")
        return unreadable if name in pinned.head.entries else ""
    old, new = _flat(before or {}), _flat(after)
    keys = sorted(key for key in old | new if old.get(key) != new.get(key))
    if not keys:
        return tr("changed in its comments or order")
    shown, more = printable(", ".join(keys[:_MOST_KEYS])), len(keys) - _MOST_KEYS
    if more > 0:
        return tr("changed: {keys} and {number} more", keys=shown, number=more)
    return tr("changed: {keys}", keys=shown)


def _data(tree: Tree, name: str) -> dict[str, Any] | None:
    """What a site file says; None for what is none."""
    entry = tree.entries.get(name)
    if entry is None or not entry.is_file or tree.sizes([name])[name] > _BIGGEST:
        return None
    try:
        read = read_tree(tree.content(name).decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None
    data = read.root.data() if read.root is not None and not read.remarks else None
    return data if isinstance(data, dict) and "site" in data else None


def _flat(section: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in section.items():
        path = f"{above}{key}"
        found |= _flat(value, f"{path}.") if isinstance(value, dict) and value else {path: value}
    return found
