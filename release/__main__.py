"""`python -m release dist FOLDER`, `python -m release deb FOLDER`: what `make dist` and `make deb` run."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from release.build import build
from release.source import NotARelease


def main() -> int:
    """Says what was written; status 1 when the version is not that of a release and one is asked for."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("what", choices=("dist", "deb"), help="everything, or the Debian package alone")
    parser.add_argument("folder", type=Path, help="where to; what is there of that name is overwritten")
    parser.add_argument(
        "--release", action="store_true", help="refuse unless HEAD is the clean, tagged, described commit"
    )
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="reconciler-release-") as scratch:
        try:
            built = build(asked.what, asked.folder, Path(scratch), release=asked.release)
        except NotARelease as error:
            sys.stderr.write(f"not a release: {error}\n")
            return 1
    for file in built:
        sys.stdout.write(f"{file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
