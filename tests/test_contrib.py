"""contrib/: units that systemd itself accepts, and lines that the command accepts."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_help import parsed
from tests.services.needs import require

CONTRIB = Path(__file__).parent.parent / "contrib"
UNITS = sorted((CONTRIB / "systemd").iterdir())


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """`verify` looks for what a unit starts, so that it starts something which is there."""
    (analyze,) = require("systemd", "systemd-analyze")
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace("/usr/bin/reconciler", "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    checked = subprocess.run(
        [analyze, "verify", "--man=no", *(tmp_path / unit.name for unit in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, _about_ours(checked.stderr)) == (0, [])
    broken = tmp_path / "reconciler-drift.timer"
    broken.write_text(broken.read_text().replace("OnCalendar=*", "OnCalendar=never *"), encoding="utf-8")
    again = subprocess.run([analyze, "verify", "--man=no", broken], capture_output=True, text=True, check=False)
    assert (again.returncode != 0) or _about_ours(again.stderr)


def test_the_page_s_lines_for_a_node_exporter_are_what_systemd_takes(tmp_path: Path) -> None:
    """They are written below the unit by `systemctl edit`."""
    (analyze,) = require("systemd", "systemd-analyze")
    page = (CONTRIB.parent / "docs" / "monitoring.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```ini\n(.*?)```", page, re.DOTALL)
    (command,) = re.findall(r"(?m)^ExecStopPost=-/usr/bin/(reconciler .*)$", lines)
    parsed(command)
    unit = tmp_path / "reconciler-drift.service"
    text = (CONTRIB / "systemd" / unit.name).read_text(encoding="utf-8")
    said = []
    for each in (lines, lines.replace("ReadWritePaths=-/", "ReadWritePaths=no/")):
        unit.write_text(f"{text}\n{each}".replace("/usr/bin/reconciler", "/bin/true"), encoding="utf-8")
        done = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False)
        said.append(_about_ours(done.stderr))
    assert said[0] == []
    assert said[1], "a line that is wrong is seen"


def _about_ours(said: str) -> list[str]:
    """Without what it says of other units of this machine."""
    return [line for line in said.splitlines() if "reconciler-" in line]


def test_the_units_and_cron_start_what_there_is() -> None:
    lines = []
    for unit in UNITS:
        lines += re.findall(r"(?m)^ExecStart=/usr/bin/(reconciler .*)$", unit.read_text(encoding="utf-8"))
    table = (CONTRIB / "cron" / "reconciler").read_text(encoding="utf-8")
    for line in re.findall(r"(?m)^\d.*$", table):
        assert "%" not in line
        assert re.match(r"(\S+ ){5}reconciler cd \S+ && reconciler ", line)
        lines.append(line.partition(" && ")[2])
    assert len(lines) == 4
    for line in lines:
        parsed(line)
        assert "--quiet" in line
        assert ("--remember /var/lib/reconciler/seen.json" in line) == ("drift" in line.split())


@pytest.mark.parametrize("name", ["drift", "apply"])
def test_a_unit_may_do_no_more_than_it_must(name: str) -> None:
    service = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=")
    service.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names are of both cases
    service.read(CONTRIB / "systemd" / f"reconciler-{name}.service", encoding="utf-8")
    found = service["Service"]
    assert found["User"] == "reconciler"
    for key in ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "RestrictNamespaces", "RestrictSUIDSGID"):
        assert found[key] == "yes"
    assert (found["ProtectSystem"], found["CapabilityBoundingSet"], found["UMask"]) == ("strict", "", "0077")
    # it must stay able to write what it keeps
    assert found["StateDirectory"] == "reconciler"
    for path in re.findall(r"--(?:out|remember) (\S+)", found["ExecStart"]):
        assert path.startswith("/var/lib/reconciler/")
    assert not re.search(r"(?i)password|token|https?:", found["ExecStart"])
