"""Reads a commit from git's objects: what is in its tree, and the content of its files. Nothing is checked out.

Works in any clone: read-only, detached, shallow, of another user. What is asked here starts no program that the
repository's configuration names, and nothing is fetched, so `safe.directory` protects from nothing.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha1, sha256
from pathlib import Path
from typing import NamedTuple

from reconciler.declared.git.run_git import NEEDED, NO_BARE
from reconciler.errors import UsageError

_SECONDS = 60
_SHA1 = 40
"""Digits of an object's name; a repository with SHA-256 has 64."""


class Kind(StrEnum):
    """What stands under a name in a tree, by its mode."""

    FILE = "100644"
    PROGRAM = "100755"
    LINK = "120000"
    FOLDER = "040000"
    SUBMODULE = "160000"


class Entry(NamedTuple):
    """One name in a tree."""

    kind: Kind
    sha: str

    @property
    def is_file(self) -> bool:
        return self.kind in (Kind.FILE, Kind.PROGRAM)


@dataclass(frozen=True, slots=True)
class Tree:
    """Everything in one commit, by its path from the top of the repository; names that are no UTF-8 are as Python has
    those of files."""

    top: Path
    commit: str
    entries: Mapping[str, Entry]
    _read: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)

    def below(self, folder: str) -> dict[str, Entry]:
        """What stands somewhere below a folder; "" is the top."""
        if not folder:
            return dict(self.entries)
        return {name: entry for name, entry in self.entries.items() if name.startswith(f"{folder}/")}

    def kind(self, path: str) -> Kind | None:
        """What stands at a path; the top is a folder."""
        entry = self.entries.get(path)
        return entry.kind if entry else Kind.FOLDER if not path else None

    def content(self, path: str) -> bytes:
        """What is in a file, or where a link leads. Raises UsageError when the clone does not have it."""
        sha = self.entries[path].sha
        if sha not in self._read:
            self.load([path])
        return self._read[sha]

    def sizes(self, paths: Iterable[str]) -> dict[str, int]:
        """The bytes in these files, which are not read. Raises UsageError when the clone does not have them."""
        named = {path: self.entries[path].sha for path in paths}
        known = {sha: len(content) for sha, content in self._read.items()}
        known |= _sizes(self.top, self.commit, sorted(set(named.values()) - known.keys()))
        return {path: known[sha] for path, sha in named.items()}

    def know(self, contents: Iterable[bytes]) -> None:
        """Takes these, which are at hand, for the contents of files that have them: git is not asked for those."""
        name = next((sha1 if len(entry.sha) == _SHA1 else sha256 for entry in self.entries.values()), sha1)
        named = {name(b"blob %d\0" % len(content) + content).hexdigest(): content for content in contents}
        self._read.update({entry.sha: named[entry.sha] for entry in self.entries.values() if entry.sha in named})

    def load(self, paths: Iterable[str]) -> None:
        """Reads these files at once: a process costs as much as many of them."""
        missing = {self.entries[path].sha for path in paths} - self._read.keys()
        if missing:
            self._read.update(_blobs(self.top, self.commit, sorted(missing)))


def read_tree(top: Path, commit: str) -> Tree:
    """The tree of a commit, by its full name. Raises UsageError."""
    listed = git_bytes(top, "ls-tree", "-r", "-t", "-z", "--full-tree", commit)
    entries: dict[str, Entry] = {}
    for line in listed.split(b"\0"):
        if line:
            head, _, name = line.partition(b"\t")
            mode, _, sha = head.decode("ascii").split()
            kind = Kind.FILE if mode == "100664" else Kind(mode)  # which an old git wrote
            entries[os.fsdecode(name)] = Entry(kind, sha)
    return Tree(top, commit, entries)


def _blobs(top: Path, commit: str, shas: Sequence[str]) -> dict[str, bytes]:
    """`SHA blob SIZE`, a newline, the content, a newline; or `SHA missing`. Raises UsageError with the command that
    gets what a partial clone left out: `git archive` asks for all files of a commit."""
    done = git_done(top, "cat-file", "--batch", given="\n".join(shas).encode() + b"\n")
    found, answer, at = dict[str, bytes](), done.stdout, 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        sha, word, *size = answer[at:end].decode("ascii").split()
        if word == "missing":
            break
        at = end + 1 + int(size[0])
        found[sha] = answer[end + 1 : at]
        at += 1
    if done.returncode or len(found) < len(shas):
        raise _Partial(commit)
    return found


def _sizes(top: Path, commit: str, shas: Sequence[str]) -> dict[str, int]:
    """`SHA blob SIZE` a line, or `SHA missing`. Raises UsageError as `_blobs`."""
    if not shas:
        return {}
    done = git_done(top, "cat-file", "--batch-check", given="\n".join(shas).encode() + b"\n")
    lines = [line.split() for line in done.stdout.decode("ascii", "replace").splitlines()]
    if done.returncode or len(lines) < len(shas) or any(len(line) < 3 for line in lines):
        raise _Partial(commit)
    return {sha: int(size) for sha, _, size in lines}


class _Partial(UsageError):
    """A partial clone (`--filter`) left out a file that is needed."""

    def __init__(self, commit: str) -> None:
        message = f"this clone has only some of the files of {commit[:12]}, and they are not fetched here"
        super().__init__(message, hint=f"run: git archive --output=/dev/null --format=tar {commit}")


def git_bytes(top: Path, *arguments: str, given: bytes = b"") -> bytes:
    """What git answers. Raises UsageError with its words when it has no answer."""
    done = git_done(top, *arguments, given=given)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise UsageError(f"git {arguments[0]} in {top}: {said}", hint="see what git fsck says of this clone")
    return done.stdout


def git_done(top: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """How git ended. Raises UsageError when there is no git, and when it takes too long."""
    environment = {
        name: value for name, value in os.environ.items() if name in NEEDED or name.startswith("GIT_CONFIG_")
    }
    ours = (*NO_BARE, "-c", f"safe.directory={top}", "-c", "protocol.allow=never", "-c", "core.fsmonitor=false")
    try:
        return subprocess.run(
            ["git", *ours, "-C", str(top), "--no-replace-objects", *arguments],
            capture_output=True,
            input=given,
            timeout=_SECONDS,
            env={**environment, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
            check=False,
        )
    except FileNotFoundError:
        raise UsageError("there is no git here, and --base asks it", hint="install git") from None
    except subprocess.TimeoutExpired:
        message = f"git {arguments[0]} took longer than {_SECONDS} s in {top}"
        raise UsageError(message, hint="see what git does there by hand") from None
