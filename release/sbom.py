"""The bill of materials, CycloneDX in JSON: each package inside, its version, its licence, who needs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from release.source import Source


def write(source: Source, environment: Path, file: Path) -> None:
    """Of what is installed in `environment` (tree.build)."""
    how = ["--output-reproducible", "--mc-type", "application", "--pyproject", str(source.folder / "pyproject.toml")]
    command = [sys.executable, "-m", "cyclonedx_py", "environment", *how, "--output-file", str(file)]
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(source.epoch)}
    subprocess.run([*command, str(environment / "bin" / "python")], env=env, check=True)
