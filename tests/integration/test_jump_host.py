"""OX behind a jump host, through the command: the ssh_config beside the site file says the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.site import ANNA_DECLARED, OX_ENV, StandInSite
from tests.integration.sites import MAIL_HOST
from tests.services.agent import PASSPHRASE, new_key, sign
from tests.services.needs import cannot
from tests.services.sshd import Sshd, serve


@pytest.fixture(scope="module")
def gate() -> Iterator[Sshd]:
    """The jump host; whoever logs in there may go on, and run nothing."""
    for server in serve():
        server.configure("ForceCommand /bin/false", "Banner /etc/hostname")
        yield server


@pytest.fixture
def far_site(tmp_path: Path, gate: Sshd, sshd: Sshd) -> StandInSite:
    if sshd.user != "reconciler-test":
        cannot("only root may log in as root")
    site = StandInSite(tmp_path)
    (tmp_path / "ssh_config").write_text(
        f"Host {MAIL_HOST}\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User root\n  ProxyJump gate\n"
        f"Host gate\n  HostName 127.0.0.1\n  Port {gate.port}\n  User {gate.user}\n"
        f"  IdentityFile {gate.folder}/client_key\n"
    )
    known = [(server.folder / "known_hosts").read_text() for server in (gate, sshd)]
    (tmp_path / "known_hosts").write_text("".join(known))
    key_file = str(sshd.folder / "client_key")
    site.write(
        openxchange={"host": MAIL_HOST, "sbin": str(tmp_path / "ox" / "sbin"), "admin_password_env": OX_ENV},
        ssh={MAIL_HOST: {"key_file": key_file, "known_hosts": "known_hosts", "ssh_config": "ssh_config"}},
    )
    site.declare(ANNA_DECLARED)
    return site


def test_the_plan_goes_through_the_jump_host(far_site: StandInSite) -> None:
    planned = far_site.run("plan")
    assert planned.status == 4, planned.words
    assert "openxchange ✓" in planned.words


def test_a_jump_host_that_is_not_known_is_one_line_of_the_plan(far_site: StandInSite, gate: Sshd) -> None:
    known = far_site.folder / "known_hosts"
    known.write_text(known.read_text().split("\n", 1)[1])
    answer = far_site.run("plan")
    assert answer.status == 9
    assert f"{MAIL_HOST}, jump host gate: the host key of 127.0.0.1 port {gate.port} is not in" in answer.words
    gate.stop()
    try:
        answer = far_site.run("plan")
    finally:
        gate.start()
    assert answer.status == 9
    assert f"{MAIL_HOST}, jump host gate: 127.0.0.1 port {gate.port} cannot be reached" in answer.words


def test_what_is_wrong_with_certificate_or_agent_is_said_by_the_plan(
    far_site: StandInSite, gate: Sshd, tmp_path: Path
) -> None:
    """The date is in the site's time zone."""
    key = new_key(tmp_path, "mine")
    sign(new_key(tmp_path, "authority"), key, "-V", "20260120090000Z:20260723110000Z")
    config = tmp_path / "ssh_config"
    config.write_text(config.read_text().replace(f"{gate.folder}/client_key", str(key)))
    words = far_site.run("plan", COLUMNS="500").words
    assert f"{MAIL_HOST}, jump host gate: 127.0.0.1 port {gate.port} refuses the login of {gate.user}" in words
    assert f"the certificate {key}-cert.pub expired on 2026-07-23 13:00 +0200" in words
    locked = new_key(tmp_path, "locked", passphrase=PASSPHRASE)
    config.write_text(config.read_text().replace(str(key), str(locked)))
    answer = far_site.run("plan", SSH_AUTH_SOCK="/nonexistent/agent", COLUMNS="500")
    assert answer.status == 9
    assert f"the key file {locked} has a passphrase, and the agent at /nonexistent/agent" in answer.words
