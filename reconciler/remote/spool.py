"""What a program printed, kept where it is no memory of ours: the list of a big context is 70 MB long, and longer as
Python's objects.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from typing import Self

_PIECE = 2**16


class Spool:
    """Bytes that are written once, and read in pieces as often as one wants. They go with the last who reads them."""

    __slots__ = ("_file",)

    def __init__(self) -> None:
        self._file = _File()

    @classmethod
    def of(cls, content: bytes) -> Self:
        """One that holds this."""
        made = cls()
        made.write(content)
        return made

    def fileno(self) -> int:
        """The file's descriptor: all that is written there is added."""
        return self._file.descriptor

    def write(self, piece: bytes) -> None:
        """Adds this."""
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(self.fileno(), rest) :]

    def read(self) -> bytes:
        """All of it, in memory."""
        return os.pread(self.fileno(), os.fstat(self.fileno()).st_size, 0)

    def pieces(self) -> Iterator[bytes]:
        """All of it; like `read` by positions of its own, since the file's is shared with whoever still writes."""
        file, at = self._file, 0
        while piece := os.pread(file.descriptor, _PIECE, at):
            at += len(piece)
            yield piece


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
