"""`RECONCILER_CACHE`: a folder in which a command leaves what it read state files as, for the next one.

What is wrong with it is said and stops nothing: then files are read as they are without it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.streams import say
from reconciler.errors import UsageError
from reconciler.report.vocabulary import count

if TYPE_CHECKING:
    from reconciler.declared.cache.entries import Cache

VARIABLE = "RECONCILER_CACHE"


@contextmanager
def state_cache() -> Iterator[Cache | None]:
    """The cache, where there is one. Raises UsageError for a name that is no whole path."""
    name = os.environ.get(VARIABLE)
    if not name:
        yield None
        return
    from reconciler.declared.cache.entries import Cache
    from reconciler.declared.cache.folder import Folder, Unsafe
    from reconciler.declared.cache.reader import reader

    path = Path(name)
    if not path.is_absolute():
        raise UsageError(f"{VARIABLE} is {name}, no absolute path", hint=f"write it like {VARIABLE}=/var/cache/mail")
    read_by = reader()
    try:
        if os.environ.get("CI"):
            raise Unsafe("in a job, other jobs may have written there (CI is set)")
        if read_by is None:
            raise Unsafe("the program's own files cannot be read")
        folder = Folder(path)
    except (OSError, Unsafe) as error:
        say(f"{VARIABLE}: {path} is not used: {error.strerror if isinstance(error, OSError) else error}")
        yield None
        return
    yield Cache(folder, read_by)
    if folder.unsafe:
        files = count(folder.unsafe, "file")
        say(f"{VARIABLE}: {files} in {path} not read: of another user, or others may write them; remove the folder")
