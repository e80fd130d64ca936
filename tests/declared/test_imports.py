"""`validate` only reads files: this room imports nothing that talks to a live system, or that is slow to import."""

from __future__ import annotations

import subprocess
import sys

_NOT_NEEDED = ["sqlalchemy", "asyncssh", "asyncio", "ssl", "multiprocessing", "rich", "typer", "reconciler.systems"]
_IMPORT = (
    "import sys, reconciler.declared.load, reconciler.declared.site_file.load; "
    f"print(*(name for name in {_NOT_NEEDED} if name in sys.modules))"
)


def test_the_room_imports_nothing_that_validate_does_not_need() -> None:
    done = subprocess.run([sys.executable, "-c", _IMPORT], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "\n"
