"""A virtual environment with reconciler and every locked package, as it is in /usr/lib/reconciler."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from release.locked import compatible, pip


def build(folder: Path, wheels: Path, minor: str) -> None:
    """Lays it out in `folder`. Its Python is Debian's, whatever else this machine has."""
    site = folder / "lib" / f"python{minor}" / "site-packages"
    # by name and version: of a path pip would write down where it was
    found = ["==".join(wheel.name.split("-")[:2]) for wheel in sorted(wheels.glob("*.whl"))]
    # --target: no script with a path of this machine gets in, as it would into an environment that is made here
    pip(
        "install",
        "--no-index",
        "--find-links",
        str(wheels),
        "--no-deps",
        "--no-compile",
        *compatible(minor),
        "--target",
        str(site),
        *found,
    )
    shutil.rmtree(site / "bin", ignore_errors=True)
    for record in site.glob("*.dist-info/RECORD"):
        kept = [line for line in record.read_text(encoding="utf-8").splitlines() if not line.startswith("../../bin/")]
        record.write_text("\n".join(kept) + "\n", encoding="utf-8")
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(f"/usr/bin/python{minor}")
    settings = f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {minor}\n"
    (folder / "pyvenv.cfg").write_text(settings, encoding="utf-8")


def compile_all(folder: Path, installed: str, minor: str) -> None:
    """Compiles every module, for the path where it will be: no start as root shall write files that no package owns.

    The files are taken without a look at their sources: two builds have the same bytes, and dpkg alone changes them.
    """
    how = ["-q", "-f", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", installed]
    env = {**os.environ, "PYTHONHASHSEED": "0"}
    subprocess.run([f"/usr/bin/python{minor}", "-I", "-m", "compileall", *how, str(folder)], env=env, check=True)
