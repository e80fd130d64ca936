"""The values of state files that were read before, with the same content: by this process, or by this very program with
a folder to keep them in (`RECONCILER_CACHE`).

Who reads a file asks with `get`, and hands over with `put` what it made of one that was not there. A file about which
there is anything to say is never handed over: it is read anew each time, with all that there is to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256

from reconciler.declared.cache.folder import Folder
from reconciler.declared.cache.remarks import read, written
from reconciler.declared.cache.rows import batches, rows
from reconciler.declared.fields.state_file import SiteFacts
from reconciler.declared.problems import Problem
from reconciler.declared.section import Batch
from reconciler.settings import Settings, Site
from reconciler.translation import spoken

_SUM = 32


class Cache:
    """What is known of files: of those of this process the very objects, else what lies in `folder`, if there is one,
    for `reader` (`reader.reader`). An entry there begins with a sum over its name and content."""

    def __init__(self, folder: Folder | None = None, reader: bytes = b"") -> None:
        self.folder = folder
        self._reader = reader
        self._here: dict[tuple[str, str], Sequence[Batch]] = {}

    @staticmethod
    def digest(content: bytes) -> bytes:
        """SHA-256 of a file's content."""
        return sha256(content).digest()

    def entry(self, digest: bytes, site: SiteFacts) -> str:
        """The name of what is known of a file whose content has this SHA-256, on such a site."""
        return sha256(repr((self._reader, tuple(site), digest)).encode()).hexdigest()

    def load_name(self, files: Mapping[str, str], site: Settings, today: date) -> str:
        """The name of what is known of these entries together, in the order of their files."""
        settings = [(name, getattr(site, name)) for name in Site.model_fields]
        said = (self._reader, settings, today, spoken(), list(files.items()))
        return sha256(repr(said).encode()).hexdigest()

    def get(self, file: str, entry: str) -> Sequence[Batch] | None:
        """The values, for a file that is called so; None where there are none, or not as they were written."""
        here = self._here.get((file, entry))
        if here is not None or self.folder is None:
            return here
        kept = self._kept(entry)
        if kept is None:
            return None
        values = self._here[file, entry] = batches(kept, file)
        return values

    def put(self, file: str, entry: str, values: Sequence[Batch]) -> None:
        """Keeps what was made of a file."""
        self._here[file, entry] = values
        if self.folder is not None and (content := rows(values)) is not None:
            self._keep(entry, content)

    def remarks(self, load: str) -> Sequence[Problem] | None:
        """What was said of all entries of a load together (`load_name`); None where that is not known."""
        kept = self._kept(load)
        return read(kept) if kept is not None else None

    def put_remarks(self, load: str, remarks: Sequence[Problem]) -> None:
        """Keeps it."""
        if (content := written(remarks)) is not None:
            self._keep(load, content)

    def tidy(self) -> None:
        """Takes out of the folder what is old, when something was added."""
        if self.folder is not None:
            self.folder.tidy()

    def _kept(self, entry: str) -> bytes | None:
        kept = self.folder.read(entry) if self.folder is not None else None
        return kept[_SUM:] if kept is not None and kept[:_SUM] == _sum(entry, kept[_SUM:]) else None

    def _keep(self, entry: str, content: bytes) -> None:
        if self.folder is not None:
            self.folder.write(entry, _sum(entry, content) + content)


def _sum(entry: str, content: bytes) -> bytes:
    return sha256(entry.encode() + content).digest()
