"""The Containerfile, as far as it can be looked at without building it: `make test-packages` does that."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.services.needs import require_installed

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")


def hadolint(text: str) -> str:
    command = [require_installed("hadolint"), "--no-color", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False).stdout


def test_hadolint_finds_nothing() -> None:
    assert hadolint(CONTAINERFILE) == ""
    assert "DL3020" in hadolint(CONTAINERFILE.replace("COPY state state", "ADD state state"))


def test_what_it_copies_is_what_builds_the_package() -> None:
    lines = [line.split() for line in CONTAINERFILE.splitlines() if line.startswith("COPY ") and "--from" not in line]
    copied = {name for _, *names, _ in lines for name in names}
    assert [name for name in sorted(copied) if not (ROOT / name).exists()] == []
    # setup.py puts the example state into the package
    assert copied >= {"pyproject.toml", "setup.py", "reconciler", "state", "README.md", "LICENSE"}
