"""A folder of entries that nobody else can have written: small files of ours, each whole or not there.

What it cannot do it leaves: a full disk, a folder that is read-only or was removed meanwhile only mean that files are
read again.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from weakref import finalize

MOST_BYTES = 2**30
"""Of all entries together; those of a million mailboxes have a third of it."""
MOST_DAYS = 30
"""After so many without being asked for, an entry goes."""
_DAY = 86_400
_OURS = re.compile(r"[0-9a-f]{64}(?:\.[0-9a-f]{16})?")
"""An entry, and one that is being written."""
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Unsafe(Exception):
    """Somebody else could have written what is there; the text says what is wrong."""


class Folder:
    """The open folder, until nobody has it any more. It goes by its descriptor: it stays the one that was looked at."""

    def __init__(self, path: Path) -> None:
        """Makes it where it is missing. Raises OSError and Unsafe."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        finalize(self, os.close, self._folder)
        self.unsafe = 0
        """Entries that were left alone for their owner or their mode."""
        self._added = 0
        self._takes_more = True
        if problem := _problem(os.fstat(self._folder)):
            raise Unsafe(problem)

    def read(self, name: str) -> bytes | None:
        """The whole entry; None when there is none, or it is not safe."""
        with suppress(OSError), open(name, "rb", opener=self._opened) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or _problem(status):
                self.unsafe += 1
                return None
            content = file.read()
            if time.time() - status.st_mtime > _DAY:
                with suppress(OSError):
                    os.utime(file.fileno())
            return content
        return None

    def write(self, name: str, content: bytes) -> None:
        """Puts the entry there, or leaves all as it is; after a failure no more is tried."""
        if not self._takes_more:
            return
        new = f"{name}.{secrets.token_hex(8)}"
        try:
            try:
                with open(new, "xb", opener=self._opened) as file:
                    file.write(content)
                os.replace(new, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            except BaseException:
                self._remove(new)
                raise
        except OSError:
            self._takes_more = False
        self._added += 1

    def _opened(self, name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600, dir_fd=self._folder)

    def tidy(self) -> None:
        """After something was added: takes out what nobody asked for in MOST_DAYS, and the oldest beyond MOST_BYTES."""
        if not self._added:
            return
        with suppress(OSError):
            total, now = 0, time.time()
            for name, status in sorted(self._entries(), key=lambda item: -item[1].st_mtime):
                total += status.st_size
                days = MOST_DAYS if len(name) == 64 else 1
                if total > MOST_BYTES or now - status.st_mtime > days * _DAY:
                    self._remove(name)

    def _entries(self) -> Iterator[tuple[str, os.stat_result]]:
        with os.scandir(self._folder) as listing:
            for each in listing:
                if _OURS.fullmatch(each.name):
                    with suppress(FileNotFoundError):  # another process tidies, too
                        yield each.name, each.stat(follow_symlinks=False)

    def _remove(self, name: str) -> None:
        with suppress(OSError):
            os.unlink(name, dir_fd=self._folder)


def _problem(status: os.stat_result) -> str:
    """Why somebody else could have written it; empty when nobody can."""
    if status.st_uid != os.geteuid():
        return "it belongs to another user"
    return "others may write there" if status.st_mode & _WRITABLE_BY_OTHERS else ""
