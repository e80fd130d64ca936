"""Reads the site file, `reconciler.yaml`: finds it, and says everything that is wrong with it at once.

Called by every command first. The models are `reconciler.settings`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reconciler.declared.fields.error_messages import Sentence, sentence
from reconciler.declared.git.pinned_files import PinnedFiles
from reconciler.declared.git.run_git import repository
from reconciler.declared.parse.exact import read_tree
from reconciler.declared.parse.tree import Mark, Node, Tree, node_at
from reconciler.declared.problems import Problems, printable
from reconciler.declared.read.source import SITE_FILE, SITE_PLACES, SITE_VARIABLE, Source, shown
from reconciler.declared.read.text import read_text
from reconciler.declared.registry import section_names
from reconciler.declared.site_file.planner import in_its_role
from reconciler.errors import InvalidInput, UsageError
from reconciler.remote.database_url import files, split, wrong_file
from reconciler.settings import Settings, Site

_SITE_LINE = r"""(?m)^["']?site["']?\s*:|\A\s*\{\s*["']?site["']?\s*:"""
"""At the left margin, or first in braces: other files may have such a key further in."""
_NO_SITE_FILE = ("this is not a site file: no key `site` can be read in it", "begin with `site: NAME`")
"""In none of the file's words: a wrong path may name a file of secrets."""


def load_site(path: Path | None, *, reads_state: bool = False, pinned: PinnedFiles | None = None) -> Settings:
    """The site file at `path`, else of RECONCILER_SITE, else ./reconciler.yaml or ./state/reconciler.yaml.
    `reads_state`: the folder that its `state` names is about to be read, so it must be one that may be. `pinned`: it
    and what it names are read as the base of a merge request has them.

    Raises UsageError when there is none, InvalidInput with every problem and its place.
    """
    file, problems = _find(path) if pinned is None else find_pinned(path, pinned), Problems()
    source = Source(file.name, shown(file), file) if pinned is None else _pinned_source(file, pinned)
    root = _parse(source, problems)
    checked = _checked(root.data() if root else {})
    _refuse(source, root, () if isinstance(checked, Site) else checked, problems)
    assert isinstance(checked, Site)
    place = pinned.path if pinned else None
    settings = Settings.model_construct(**dict(checked), folder=file.parent, file=source.shown, place=place)
    state = _state_outside(settings) if reads_state else ()
    wrong = [*state, *_database_files(settings)]
    if settings.ssh:  # what logs in somewhere is imported only then
        from reconciler.declared.site_file.ssh_configs import check_ssh_configs

        wrong += check_ssh_configs(settings, problems)
    _refuse(source, root, wrong, problems)
    return in_its_role(settings)


def site_of(data: Any, folder: Path) -> Settings | list[Sentence]:
    """What a site file in `folder` with this content says, or everything that is wrong with it."""
    checked = _checked(data)
    if not isinstance(checked, Site):
        return checked
    settings, problems = Settings.model_construct(**dict(checked), folder=folder), Problems()
    wrong = [*_state_outside(settings), *_database_files(settings)]
    if settings.ssh:
        from reconciler.declared.site_file.ssh_configs import check_ssh_configs

        wrong += check_ssh_configs(settings, problems)
        wrong += [Sentence(("ssh",), finding.message, finding.hint) for finding in problems.findings()]
    return wrong or settings


def _parse(source: Source, problems: Problems) -> Node | None:
    """The file's content; None when it is empty. Raises InvalidInput when there is nothing in it to look at."""
    text = read_text(source, problems)
    tree = read_tree(text) if text is not None else Tree(None, ())
    for remark in tree.remarks:
        quotable = text is not None and re.search(_SITE_LINE, text)
        message, hint = (remark.message, remark.hint) if quotable else _NO_SITE_FILE
        problems.error_at(source.place(*remark.mark), remark.rule, message, hint)
    if tree.root is None:
        _refuse(source, None, (), problems)
    return tree.root


def _refuse(source: Source, root: Node | None, wrong: Iterable[Sentence], problems: Problems) -> None:
    """Raises InvalidInput when anything is wrong, by now or here."""
    for seen in wrong:
        node = node_at(root, seen.path, on_key=seen.on_key) if root else None
        problems.error_at(source.place(*(node.mark if node else Mark(1, 1))), "site", seen.message, seen.hint)
    if problems.any_error:
        raise InvalidInput(problems.findings())


def _state_outside(settings: Settings) -> Iterator[Sentence]:
    """`state` leads out of the repository: whoever changes the site file in a merge request would have CI read any
    folder, and quote its files. Who calls the command may name any with `--state`."""
    top = repository(settings.folder)
    try:
        inside = settings.lies_at(settings.state).resolve().is_relative_to(top)
    except (OSError, RuntimeError):  # links in a circle: there is no such folder, as is said when it is read
        return
    if not inside:
        message = f"`state` leads out of {printable(str(top))}, and only what is in there is read"
        hint = "write a folder in there, relative to this file; who runs the command may name any: --state DIR"
        yield Sentence(("state",), message, hint)


def _database_files(settings: Settings) -> Iterator[Sentence]:
    """Files that options of database URLs name and that cannot be used."""
    for section, key, text in settings.database_urls():
        query = split(text).query
        for option, written in files(query).items():
            if wrong := wrong_file(query, settings.path(written), option):
                hint = "correct the path (relative ones start at the site file's folder)"
                yield Sentence((section, key), wrong, hint)


def find_pinned(path: Path | None, pinned: PinnedFiles) -> Path:
    """Where the site file lies that the base has, or that CI put there. Raises UsageError when there is none: nothing
    that a merge request adds says where to connect."""
    named = path or (Path(os.environ[SITE_VARIABLE]) if os.environ.get(SITE_VARIABLE) else None)
    places = SITE_PLACES if named is None else (named,)
    found = next((place for place in places if pinned.path(place).is_file()), None)
    if found is not None:
        return found
    if any(pinned.find(place).planted for place in places):
        hint = "review and merge it alone first (reconciler validate checks it); plans of merge requests follow then"
        ref = pinned.ref
        raise UsageError(f"{ref} has no site file, and one that only the merge request has is not used", hint=hint)
    return _find(path)  # which says why there is none


def _pinned_source(file: Path, pinned: PinnedFiles) -> Source:
    found = pinned.find(file)
    name = printable(f"{pinned.ref}:{found.name}") if found.in_base else shown(file)
    return Source(file.name, name, pinned.path(file))


def _find(path: Path | None) -> Path:
    named = path or (Path(os.environ[SITE_VARIABLE]) if os.environ.get(SITE_VARIABLE) else None)
    if named is not None:
        # the command line takes the variable for the option
        return _named(named, SITE_VARIABLE if str(named) == os.environ.get(SITE_VARIABLE) else "--site")
    found = next((place for place in SITE_PLACES if place.is_file()), None)
    if found is None:
        hint = f"go to the folder that holds {SITE_FILE}, or name it with --site PATH or {SITE_VARIABLE}"
        raise UsageError(f"no site file: neither {' nor '.join(map(str, SITE_PLACES))}", hint=hint)
    if not found.resolve().is_relative_to(repository(found.parent)):  # in a merge request it may lead anywhere
        hint = f"put the file itself there, or name the one that is meant with --site PATH or {SITE_VARIABLE}"
        raise UsageError(f"{found} is a link that leads out of the repository", hint=hint)
    return found


def _named(path: Path, where: str) -> Path:
    """The file that somebody named. Raises UsageError when it is none."""
    shown_path = printable(str(path))
    if os.path.isfile(path):  # noqa: PTH113  # false for any text that is no path
        return path
    if not os.path.isdir(path):  # noqa: PTH112  # as above
        hint = f"correct {where}: it names a file like {SITE_FILE}"
        raise UsageError(f"there is no site file {shown_path}", hint=hint)
    inside = next((path / place for place in SITE_PLACES if (path / place).is_file()), None)
    hint = f"write {printable(str(inside))}" if inside else f"it names a file like {SITE_FILE}"
    raise UsageError(f"{where} names the folder {shown_path}, not a site file", hint=hint)


def _checked(data: Any) -> Site | list[Sentence]:
    """The content, or what is wrong with it. The model is Site: `folder` is ours to add, not the file's to say."""
    if not isinstance(data, dict):
        return [Sentence((), *_NO_SITE_FILE)]
    if "site" not in data and (sections := data.keys() & set(section_names())):
        hint = f"name the site file, {SITE_FILE}; it says which folder holds the state"
        return [Sentence((min(sections),), "this is a state file, not a site file", hint, on_key=True)]
    if "site" not in data:
        return [Sentence((), *_NO_SITE_FILE)]
    wrong: list[Sentence] = []
    try:
        site = Site.model_validate(data)
    except ValidationError as error:
        wrong = [sentence(detail, Site) for detail in error.errors(include_url=False)]
    seen = {each.path for each in wrong}
    wrong += [each for each in _not_plain(data) if each.path not in seen]
    return wrong or site


_PATHS = frozenset(
    {"state", "sbin", "csv", "outbox", "templates", "config_directory", "known_hosts", "ssh_config", "sender_access"}
)


def _not_plain(section: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[Sentence]:
    """Texts that hold what nobody sees, and paths that no file system takes. Here, as a validator of each field of the
    models would be a sixth of what they cost."""
    for key, value in section.items():
        path = (*above, key)
        if isinstance(value, dict):
            yield from _not_plain(value, path)
        if not isinstance(value, str):
            continue
        if (unseen := next((c for c in value if not (c.isprintable() or c in "\n\t")), None)) is not None:
            message = f"`{key}`: the text contains the invisible character U+{ord(unseen):04X}"
            yield Sentence(path, message, "delete it")
        elif key in _PATHS or key.endswith("_file"):
            size, longest = len(value.encode()), max(len(part.encode()) for part in value.split("/"))
            if longest > 255 or size > 4095:
                message = f"`{key}`: longer than a path can be"
                yield Sentence(path, message, "a name in it has 255 bytes at most, all of it 4,095")
