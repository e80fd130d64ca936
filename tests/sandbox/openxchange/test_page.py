"""docs/openxchange-standin.md names every switch with its default and every kind of fault, and its commands work."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from reconciler.sandbox.openxchange.switches import KINDS, Fault, Switches

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "openxchange-standin.md").read_text(encoding="utf-8")


def _table(after: str) -> dict[str, str]:
    """The first two columns of the first table after a text."""
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE.split(after, 1)[1].split("\n## ")[0], re.MULTILINE)
    return dict(rows)


def test_every_switch_stands_there_with_its_default() -> None:
    switches = _table("| switch | default |")
    defaults = {name: value for name, value in switches.items() if name not in KINDS}
    assert list(defaults) == list(Switches._fields)
    for name, default in Switches._field_defaults.items():
        text = json.dumps(default)
        assert defaults[name] == ("OX's" if name == "CHECK_USER_UID_REGEXP" else f"`{text}`")


def test_every_kind_of_fault_stands_there() -> None:
    assert tuple(_table("| kind | what happens |")) == KINDS
    example = re.search(r"A fault is `(\{.*?\})`", PAGE)
    assert example is not None
    assert Fault(**json.loads(example[1])) == Fault("down", tool="createuser", first=2)


def test_the_commands_of_the_page_work(tmp_path: Path) -> None:
    script = PAGE.split("```\n", 2)[1].replace("python -m", f"{sys.executable} -m")
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-e"], input=script, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert " 2 oxadmin Context Admin oxadmin@example.org -1 " in done.stdout
