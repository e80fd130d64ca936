"""`reconciler doctor` about sudo, through the command; tests/doctor/test_sudoers.py asks for a user without rights."""

from __future__ import annotations

import os
from pathlib import Path

from tests.cli.dns_site import DnsSite
from tests.services.needs import cannot


def test_the_login_and_its_folder(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        cannot("this is about root's login")
    site = DnsSite(tmp_path)
    site.main_cf(relayhost="[relay.example]")
    postfix = {"sender_access": f"hash:{tmp_path}/sender_access", "config_directory": str(tmp_path / "etc")}
    site.write(1, postfix={**postfix, "privilege": "direct"})
    assert {name: check["verdict"] for name, check in site.checks(area="sudoers").items()} == {"writing the map": "ok"}
    planner = site.checks("--account", "planner", area="sudoers")
    assert planner["writing the map"]["verdict"] == "warning"
    site.write(1, postfix=postfix)
    check = site.checks(area="sudoers")["login"]
    assert (check["verdict"], "root's" in check["saw"]) == ("warning", True)
