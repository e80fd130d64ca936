"""`reconciler.pyz`: one file with everything, for each Python of `MINORS`, by pex."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from packaging import tags

from release.locked import platforms

MINORS = ("3.11", "3.13")
"""Of Debian 12 and 13."""
_FIRST_LINE = b"#!/bin/sh\n"


def build(version: str, wheels: Path, file: Path, scratch: Path) -> None:
    """Writes `file` from `wheels`, which hold reconciler's own, without asking an index."""
    targets = []
    for minor in MINORS:
        target = scratch / f"platform-{minor}.json"
        target.write_text(json.dumps(_platform(minor)), encoding="utf-8")
        targets += ["--complete-platform", str(target)]
    # a venv, since helpers and the demo start `sys.executable -m reconciler`; a shell, since it starts faster
    how = ["--venv", "prepend", "--sh-boot", "--console-script", "reconciler"]
    command = [sys.executable, "-m", "pex", "--pre-resolved-dists", str(wheels), f"reconciler=={version}", *targets]
    env = {**os.environ, "PEX_ROOT": str(scratch / "pex")}
    subprocess.run([*command, *how, "--output-file", str(file)], env=env, stdout=subprocess.DEVNULL, check=True)
    made = file.read_bytes()
    if not made.startswith(_FIRST_LINE):
        raise RuntimeError("pex wrote another first line than #!/bin/sh: its --sh-boot has changed")
    # a zip is read from its end, whatever stands before it
    file.write_bytes(_FIRST_LINE + _head().encode() + made.removeprefix(_FIRST_LINE))


def _head() -> str:
    text = (Path(__file__).parent / "parts" / "pyz-head.sh").read_text(encoding="utf-8")
    pythons = " ".join(f"python{minor}" for minor in MINORS)
    for name, value in (("PYTHONS", pythons), ("MINORS", " or ".join(MINORS)), ("MACHINE", platform.machine())):
        text = text.replace(f"@{name}@", value)
    return text


def _platform(minor: str) -> dict[str, object]:
    """What pex would find out from that Python, if it were on this machine."""
    numbers, name = [int(part) for part in minor.split(".")], "cp" + minor.replace(".", "")
    known = platforms()
    found = [*tags.cpython_tags(numbers, [name], known), *tags.compatible_tags(numbers, name, known)]
    markers = {
        "implementation_name": "cpython",
        "implementation_version": f"{minor}.0",
        "os_name": "posix",
        "platform_machine": platform.machine(),
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{minor}.0",
        "python_version": minor,
        "sys_platform": "linux",
    }
    return {"marker_environment": markers, "compatible_tags": [str(each) for each in found]}
