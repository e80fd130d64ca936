"""Which program read a file: what it makes of one changes with our code, with the libraries that it asks, and with
Python's tables of characters. A development checkout changes without a new version, so the sources themselves count."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from reconciler.declared import registry

_PACKAGE = Path(__file__).parents[2]
_READS = ("declared", "model", "locale", "setting_values.py", "translation.py")
"""What turns a text into values, and says something of them. More is in there, for which a cache begins anew."""
_LIBRARIES = ("idna", "pydantic", "pydantic_core", "ruamel.yaml", "ruamel.yaml.clib")


def reader() -> bytes | None:
    """A digest of all that; None where the sources cannot be read, and then nothing is kept."""
    digest = sha256(sys.version.encode())
    try:
        for name in _LIBRARIES:
            digest.update(f"\0{name} {version(name)}".encode())
        for file in (Path(__file__), *sorted(_sources())):
            content = file.read_bytes()
            digest.update(f"\0{file.name} {len(content)}\0".encode() + content)
    except (OSError, PackageNotFoundError):
        return None
    return digest.digest()


def _sources() -> Iterator[Path]:
    """The files of our code, and those of sections that somebody else adds. Raises OSError when one has none."""
    for name in _READS:
        path = _PACKAGE / name
        yield from (*path.rglob("*.py"), *path.rglob("*.mo")) if path.is_dir() else (path,)
    for module in registry.SECTIONS:
        found = find_spec(module)
        if found is None or found.origin is None:
            raise FileNotFoundError(module)
        yield Path(found.origin)
