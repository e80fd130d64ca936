"""What a program printed, kept where it is no memory of ours: the list of a big context is 70 MB long, and longer as
Python's objects.
"""

from __future__ import annotations

import fcntl
import io
import os
import tempfile
from typing import Any, Self

_PIECE = 2**16


class Spool:
    """Bytes that are written once and read in pieces; positions are Python's. A slice is another view of them. They go
    with the last view."""

    __slots__ = ("_end", "_file", "_start")

    def __init__(self) -> None:
        self._file = _File()
        self._start = 0
        self._end: int | None = None

    @classmethod
    def of(cls, content: bytes) -> Self:
        """One that holds this."""
        made = cls()
        made.write(content)
        return made

    def fileno(self) -> int:
        """The file's descriptor, for who writes: all that is written is added."""
        return self._file.descriptor

    def write(self, content: bytes) -> None:
        """Adds this."""
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self.fileno(), rest) :]

    def __len__(self) -> int:
        end = os.fstat(self.fileno()).st_size if self._end is None else self._end
        return end - self._start

    def __getitem__(self, part: slice) -> Spool:
        start, end, _ = part.indices(len(self))
        view = Spool.__new__(Spool)
        view._file, view._start, view._end = self._file, self._start + start, self._start + max(start, end)
        return view

    def find(self, wanted: bytes) -> int:
        """Where this begins for the first time; -1 when it is nowhere."""
        for at in range(0, len(self), _PIECE):
            found = self[at : at + _PIECE + len(wanted) - 1].read().find(wanted)
            if found >= 0:
                return at + found
        return -1

    def endswith(self, end: bytes) -> bool:
        return len(self) >= len(end) and self[len(self) - len(end) :].read() == end

    def read(self) -> bytes:
        """All of it, in memory."""
        # not `read`: the position is shared with whatever the program left running
        return os.pread(self.fileno(), len(self), self._start)

    def open(self) -> io.BufferedReader:
        """A file of its own to read it from."""
        return io.BufferedReader(_Reader(self), _PIECE)

    def taken(self, buffer: memoryview, at: int) -> int:
        """Fills the buffer from this position on; how many bytes there were."""
        return os.preadv(self.fileno(), [buffer[: max(0, len(self) - at)]], self._start + at)


class _Reader(io.RawIOBase):
    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        number = self._spool.taken(memoryview(buffer), self._at)
        self._at += number
        return number


class _File:
    """A file without a name; on Linux never on a disk, since it may hold password hashes."""

    __slots__ = ("descriptor",)

    def __init__(self) -> None:
        if not hasattr(os, "memfd_create"):
            with tempfile.TemporaryFile(buffering=0) as file:
                self.descriptor = os.dup(file.fileno())
            return
        self.descriptor = os.memfd_create("stdout", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        # a program that opens /dev/stdout anew adds to it, as to a pipe, and cannot empty it
        fcntl.fcntl(self.descriptor, fcntl.F_SETFL, os.O_APPEND)
        fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)

    def __del__(self) -> None:
        os.close(self.descriptor)
