"""The forced command that docs/ssh.md prints lets `plan` see OX, and nobody do anything else."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.cli.site import ANNA_DECLARED, OX_ENV, StandInSite
from tests.integration.sites import MAIL_HOST
from tests.integration.test_noisy_login import ssh_section
from tests.services.mail import cannot
from tests.services.sshd import OddLogin

PAGE = Path(__file__).parents[2] / "docs" / "ssh.md"


def test_the_forced_command_in_the_docs_is_enough_for_plan_and_for_nothing_else(
    tmp_path: Path, odd_login: OddLogin
) -> None:
    if odd_login.server.user != "reconciler-test":
        cannot("only root may log in as root")
    found = re.search(r"```sh\n(#!/bin/sh\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    site = StandInSite(tmp_path)
    sbin = tmp_path / "ox" / "sbin"
    script = tmp_path / "list-ox-users"
    script.write_text(found[1].replace("/opt/open-xchange/sbin", str(sbin)))
    script.chmod(0o755)
    odd_login.session(f"exec {script}")
    site.write(
        openxchange={"host": MAIL_HOST, "sbin": str(sbin), "admin_password_env": OX_ENV},
        ssh={MAIL_HOST: ssh_section(odd_login)},
    )
    site.declare(ANNA_DECLARED)
    planned = site.run("plan")
    assert (planned.status, "openxchange ✓" in planned.words) == (4, True), planned.words
    allowed = f"{sbin}/listuser --nonl --contextid=1 --adminuser=oxadmin --csv"
    start = "x LC_ALL=C.UTF-8 ADMIN_PASSWORD : 0a 1b"
    for line in (
        f"id -- {allowed}",
        f"{start} -- {allowed}; id",
        f"{start}\nid -- {allowed}",
        f"{sbin}/createuser",
        "",
    ):
        done = subprocess.run([script], env={"SSH_ORIGINAL_COMMAND": line}, input=b"", capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"this key only lists users\n"), line
