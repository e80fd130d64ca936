"""The tools through a real sshd, as the restricted user: another user, a bare environment, secrets on stdin."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from reconciler.remote.ssh_host import SshHost
from reconciler.sandbox.openxchange.control import check_password
from reconciler.sandbox.openxchange.install import install
from tests.sandbox.openxchange.conftest import ADMIN_PASSWORD, ANNA, PASSWORD, Ox
from tests.services.sshd import Sshd

UTF_8 = {"LC_ALL": "C.UTF-8"}
ADMIN = {"ADMIN_PASSWORD": SecretStr(ADMIN_PASSWORD)}


@pytest.fixture
def remote_ox(open_folder: Path, sshd: Sshd) -> Ox:
    """A stand-in that belongs to the user who logs in."""
    folder = open_folder / "ox"
    install(folder, admin_password=ADMIN_PASSWORD, portable=True)
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, sshd.user)
    return Ox(folder)


@pytest.fixture
async def host(sshd: Sshd) -> AsyncIterator[SshHost]:
    line = SshHost("mail.example", sshd.login())
    yield line
    await line.close()


async def test_9_a_user_is_made_and_listed(remote_ox: Ox, host: SshHost) -> None:
    argv = remote_ox.argv("createuser", *ANNA, "--note", "Käse 'und' \"Brot\"\n$HOME")
    secrets = {**ADMIN, "NEW_USER_PASSWORD": SecretStr(PASSWORD)}
    made = await host.run(argv, env=UTF_8, secrets=secrets)
    assert (made.status, made.stdout, made.stderr) == (0, b"user 3 in context 1 created\n", b"")
    assert check_password(remote_ox.folder, "anna", PASSWORD)
    listed = await host.run(remote_ox.argv("listuser", "--csv"), env=UTF_8, secrets=ADMIN)
    assert '"Käse \'und\' ""Brot""\n$HOME"'.encode() in listed.stdout


async def test_2_3_over_ssh_without_a_locale_umlauts_are_gone(remote_ox: Ox, host: SshHost) -> None:
    remote_ox.create(*ANNA, "--note", "Käse")
    listed = await host.run(remote_ox.argv("listuser", "--csv"), env={"LC_ALL": "C"}, secrets=ADMIN)
    assert b'"K?se"' in listed.stdout
