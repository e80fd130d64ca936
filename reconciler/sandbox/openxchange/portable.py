"""A stand-in that every user of the machine can run, as a restricted SSH user has to. Called by `install.py`.

The checkout and the interpreter often stand in a home folder that is closed to others (/root, for one). A portable
stand-in has its own copy of the code and runs on a Python that all may execute; only the standard library is needed.
"""

from __future__ import annotations

import shutil
import stat
import sys
from pathlib import Path

from reconciler.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
_PACKAGE = Path(__file__).resolve().parent


def copy_code(folder: Path) -> Path:
    """Puts the code of the tools under `folder` and returns what PYTHONPATH must name."""
    library = folder / "lib"
    target = library / _PACKAGE.relative_to(ROOT)
    target.mkdir(parents=True, exist_ok=True)
    sources = [*_PACKAGE.glob("*.py"), ROOT / "reconciler" / "errors.py"]
    parents = [parent for parent in _PACKAGE.parents if parent.is_relative_to(ROOT / "reconciler")]
    for source in (*sources, *(parent / "__init__.py" for parent in parents)):
        shutil.copyfile(source, library / source.relative_to(ROOT))
    return library


def python_for_all() -> Path:
    """This interpreter if all may run it, else one of the system's. Raises UsageError when there is none."""
    for candidate in (Path(sys.executable).resolve(), *sorted(Path("/usr/bin").glob("python3.1[1-9]"))):
        if _open_to_all(candidate):
            return candidate
    raise UsageError(
        "no Python 3.11 or later that every user of this machine may run",
        hint="apt-get install python3, or leave out --portable",
    )


def _open_to_all(path: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in (path, *path.parents))
