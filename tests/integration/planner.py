"""A mail host with the planner's way in, as `reconciler remote install` makes it: real users, sudo and sshd."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.running import Answer, reconciler
from tests.cli.site import OX_PASSWORD
from tests.integration.sites import MAIL_HOST, RealSite
from tests.services.sshd import Sshd

USER = f"rt-plan-{os.getpid()}"
"""Each test run has its own, with its own files: several may share one machine."""
LIB, ETC, HOME = (Path(top) / "reconciler-remote" / USER for top in ("/usr/local/lib", "/etc", "/var/lib"))
SUDOERS = Path(f"/etc/sudoers.d/reconciler-remote-{USER}")
PASSWORD = ETC / "openxchange-password"


def as_planner(site: RealSite, *arguments: str, **env: str) -> Answer:
    """`reconciler ARGUMENTS` in the job of a merge request: OX' password is in none of its variables."""
    return reconciler(site.folder, *arguments, env={"RECONCILER_ROLE": "planner", **env})


def allow_only(server: Sshd) -> None:
    """sshd as a host has it: with SFTP, forwarding and variables; the planner's keys in the usual place."""
    options = ("AllowTcpForwarding yes", "X11Forwarding yes", "PermitUserEnvironment yes", "PermitTunnel yes")
    more = ("Subsystem sftp internal-sftp", "AcceptEnv LANG LC_* SECRET", *options)
    server.configure(*more, f"Match User {USER}", "AuthorizedKeysFile .ssh/authorized_keys")


def new_key(folder: Path) -> Path:
    """The private half; the public one is beside it."""
    key = folder / "plan-key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "planner", "-f", key], check=True)
    return key


def run_as_root(script: str) -> subprocess.CompletedProcess[str]:
    """As a file, with no terminal."""
    return subprocess.run(
        ["setsid", "--wait", "sh", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def typed_password(text: str = OX_PASSWORD) -> None:
    """The password as the installation leaves it."""
    ETC.mkdir(parents=True, exist_ok=True)
    PASSWORD.touch(mode=0o600)
    PASSWORD.write_text(f"{text}\n")


@contextmanager
def installed(site: RealSite) -> Iterator[None]:
    """The planner's way in, as long as the block runs."""
    try:
        typed_password()
        printed = site.run("remote", "install", "--user", USER)
        assert printed.status == 0, printed
        done = run_as_root(printed.out)
        assert done.returncode == 0, done
        yield
    finally:
        taken = run_as_root(site.run("remote", "uninstall", "--user", USER).out)
        assert taken.returncode == 0, taken


def is_there(user: str) -> bool:
    """Whether the machine knows the user."""
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def with_planner(site: RealSite, key: Path) -> None:
    """The site file names the planner's login."""
    site.write(planner={"ssh": {MAIL_HOST: {"user": USER, "key_file": str(key)}}})
