"""Both hosts, so that one suite proves the same of each."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from reconciler.errors import Unreadable
from reconciler.remote.host import Host, Login
from reconciler.remote.local_host import LocalHost
from reconciler.remote.ssh_host import SshHost
from tests.services.sshd import Sshd


@pytest.fixture
async def ssh_host(sshd: Sshd) -> AsyncIterator[SshHost]:
    """The restricted user on the real sshd."""
    host = SshHost("mail.example", sshd.login())
    yield host
    await host.close()


@pytest.fixture(params=["local", "ssh"])
def host(request: pytest.FixtureRequest) -> Host:
    """Each of the two in turn."""
    if request.param == "local":
        return LocalHost()
    return request.getfixturevalue("ssh_host")  # type: ignore[no-any-return]  # pytest's Any


async def eventually(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Waits until `true()`; fails when it does not become so."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


def is_gone(pid_file: Path) -> bool:
    """Whether the process that wrote its id there has ended (Z: ended, and not yet collected by its parent)."""
    try:
        stat = Path(f"/proc/{pid_file.read_text().strip()}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def command_lines() -> bytes:
    """What any user of the machine sees of all processes: `ps` reads the same files."""
    found = b""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += file.read_bytes() + b"\n"
        except OSError:  # ended meanwhile
            continue
    return found


@pytest.fixture
def login(sshd: Sshd, tmp_path: Path) -> Login:
    """A login whose files a test may spoil."""
    for name in ("client_key", "known_hosts"):
        shutil.copy2(sshd.folder / name, tmp_path / name)
    return sshd.login()._replace(key_file=str(tmp_path / "client_key"), known_hosts=str(tmp_path / "known_hosts"))


async def refusal(login: Login) -> Unreadable:
    """Why nobody gets in."""
    host = SshHost("mail.example", login)
    with pytest.raises(Unreadable) as caught:
        await host.run(["true"])
    await host.close()
    assert caught.value.message.startswith("mail.example: ")
    assert caught.value.hint
    return caught.value


async def enters(login: Login) -> bool:
    """Logs in; anything else is raised."""
    host = SshHost("mail.example", login)
    try:
        return (await host.run(["true"])).status == 0
    finally:
        await host.close()
