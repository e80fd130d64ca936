"""Which commit took an entry out, for what goes because nothing declares it any more. One question to git for all.

Reads the history newest first. Where the newest commit that touched an entry's key did not remove it, or git knows
nothing (no git, a shallow clone that is cut off after it, a merge that did it alone), it is unknown, and said so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from reconciler.declared.git.run_git import ask
from reconciler.declared.section import SECTIONS
from reconciler.model.records import Owner, Scope
from reconciler.translation import marked, tr

_MOST_KEYS = 50
_MOST_COMMITS = 500
_SPECIAL = re.compile(r"([.\[\]{}()*+?^$|\\])")
_FILES = ("*.yaml", "*.yml")
UNKNOWN = marked("commit unknown")
_NOT_COMMITTED = marked("not committed yet")


class _Commit(NamedTuple):
    answer: str
    lines: tuple[str, ...]
    """What it took away and put in, with their signs."""


def taken_out(folder: Path, commit: str, owners: Iterable[Owner]) -> Mapping[Owner, str]:
    """What took out the entry of each alias and block: `9f3c21a, Anna Beispiel, 2026-11-20: Board is gone`. `commit` is
    the one that was read, with `+` where files differ from it."""
    asked = list(owners)
    patterns = {owner: _pattern(owner) for owner in asked[:_MOST_KEYS]} if commit else {}
    commits = tuple(_history(folder, patterns.values())) if patterns else ()
    answer = {owner: _last_word(pattern, commits) for owner, pattern in patterns.items()}
    for owner in patterns if commit.endswith("+") else ():
        if answer[owner] == UNKNOWN and ask(folder, "grep", "-qiE", patterns[owner], "HEAD", "--", *_FILES) is not None:
            answer[owner] = _NOT_COMMITTED
    ours = (UNKNOWN, _NOT_COMMITTED)
    said = {owner: answer.get(owner, UNKNOWN) for owner in asked}
    return {owner: tr(words) if words in ours else words for owner, words in said.items()}


def once_beside(folder: Path, commit: str, renames: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The targets of these renames (old, new) that git declared beside the old address once: then they were two
    accounts. Looks at the commits that touched the target's key and at what was before each of them; without git, and
    in a shallow clone that is cut off, it does not know."""
    return frozenset(new for old, new in renames if commit and _were_two(folder, commit, old, new))


def _were_two(folder: Path, commit: str, old: str, new: str) -> bool:
    keys = [_pattern(Owner(Scope.ACCOUNT, address)) for address in (old, new)]
    wanted = ("--regexp-ignore-case", f"-G{keys[1]}", "--", *_FILES)
    touched = ask(folder, "log", f"--max-count={_MOST_KEYS}", "--format=%H %P", *wanted) or ""
    revisions = dict.fromkeys([*(["HEAD"] if commit.endswith("+") else []), *touched.split()])
    return any(
        all(ask(folder, "grep", "-qiE", key, revision, "--", *_FILES) is not None for key in keys)
        for revision in revisions
    )


def _last_word(pattern: str, commits: Iterable[_Commit]) -> str:
    """The newest commit that touched the key, when it took it out."""
    key = re.compile(pattern, re.IGNORECASE)
    for each in commits:
        signs = [line[0] for line in each.lines if key.search(line[1:])]
        if signs:
            return each.answer if signs.count("-") > signs.count("+") else UNKNOWN
    return UNKNOWN


def _pattern(owner: Owner) -> str:
    """An extended regular expression for the line that declares it, for git and for us."""
    section = SECTIONS.get(owner.scope.section)
    if section is not None and section.named_by:
        return f"({'|'.join(section.named_by)})[\"']?[ ]*:[ ]*[\"']?{_escaped(owner.subject)}([^A-Za-z0-9.-]|$)"
    local, _, domain = owner.subject.partition("@")
    return f"(^|[^A-Za-z0-9._+-]){_escaped(local)}(@{_escaped(domain)})?[\"']?[ ]*:"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _history(folder: Path, patterns: Iterable[str]) -> Iterator[_Commit]:
    """The commits that touched a line like these, newest first."""
    options = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--unified=0", "--patch")
    form = "--format=%x00%h, %an, %as: %s%x00"
    wanted = ("--regexp-ignore-case", f"-G{'|'.join(f'({pattern})' for pattern in patterns)}")
    answer = ask(folder, "log", f"--max-count={_MOST_COMMITS}", *options, form, *wanted, "--", *_FILES) or ""
    _, *parts = answer.split("\0")
    for head, patch in zip(parts[::2], parts[1::2], strict=False):
        lines = filter(None, patch.split("\n"))
        yield _Commit(head, tuple(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")))
