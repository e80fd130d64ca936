"""A host behind one or two jump hosts of an ssh_config: each of them is verified, and what fails is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from reconciler.errors import Unreadable
from reconciler.remote.host import ConfigFile, Login
from reconciler.remote.ssh_host import SshHost
from tests.remote.conftest import enters, eventually, refusal
from tests.services.agent import new_key
from tests.services.sshd import Sshd, serve

pytestmark = pytest.mark.usefixtures("no_agent")


class Way(NamedTuple):
    """Two jump hosts `gate` and `inner` and the host behind them, all of one known_hosts."""

    gate: Sshd
    inner: Sshd
    target: Sshd
    folder: Path

    @property
    def login(self) -> Login:
        """Of a site file that names the key, known_hosts and the ssh_config only."""
        key = str(self.target.folder / "client_key")
        config = ConfigFile(str(self.folder / "ssh_config"), "mail.example", frozenset({"key_file", "known_hosts"}))
        return Login("mail.example", 22, None, key, str(self.folder / "known_hosts"), config=config)

    def write(self, jumps: str, more: str = "") -> None:
        """The ssh_config; the gate has a key of its own."""
        hosts = [("gate", self.gate), ("inner", self.inner), ("mail.example", self.target)]
        lines = [f"# jump hosts\n{more}\n"]
        for name, server in hosts:
            lines.append(f"Host {name}\n\tHostName 127.0.0.1\n  Port={server.port}\n  User {server.user}\n")
            lines.append(f'  IdentityFile "{server.folder}/client_key"\n')
        (self.folder / "ssh_config").write_text("".join([*lines, f"  ProxyJump {jumps}\n"]))

    def trust(self, *servers: Sshd) -> None:
        """The keys of known_hosts."""
        text = "".join((server.folder / "known_hosts").read_text() for server in servers)
        (self.folder / "known_hosts").write_text(text)


@pytest.fixture(scope="module")
def _jump_hosts() -> Iterator[tuple[Sshd, Sshd]]:
    for gate in serve():
        for inner in serve():
            yield gate, inner


@pytest.fixture
def way(_jump_hosts: tuple[Sshd, Sshd], sshd: Sshd, tmp_path: Path) -> Way:
    made = Way(*_jump_hosts, sshd, tmp_path)
    for server in made[:3]:
        (server.folder / "authorized_keys").write_bytes((server.folder / "client_key.pub").read_bytes())
    made.trust(*made[:3])
    return made


@pytest.mark.parametrize("jumps", ["gate", "gate,inner", "inner,gate"])
async def test_through_one_and_two_jump_hosts(way: Way, jumps: str) -> None:
    way.write(jumps)
    # the site file's own key_file counts for the host, the ssh_config's for the jump hosts
    host = SshHost("mail.example", way.login._replace(key_file=str(way.target.folder / "client_key")))
    assert (await host.run(["echo", "there"])).stdout == b"there\n"
    used = {name for name, server in (("gate", way.gate), ("inner", way.inner)) if server.connections()}
    assert used == set(jumps.split(","))
    await host.close()
    await eventually(lambda: not way.gate.connections() and not way.inner.connections())


async def test_the_first_jump_host_may_have_one_of_its_own(way: Way) -> None:
    """And what stands first in the file counts, as for ssh."""
    way.write("inner", f"Host inner\n  ProxyJump {way.gate.user}@gate:{way.gate.port}\nHost gate inner\n  Port 1\n")
    text = (way.folder / "ssh_config").read_text()
    assert f"port 1 cannot be reached through 127.0.0.1 port {way.gate.port}" in (await refused(way)).message
    (way.folder / "ssh_config").write_text(text.replace("  Port 1\n", ""))
    assert await enters(way.login)


async def test_what_the_site_file_says_counts_first(way: Way) -> None:
    way.write("gate")
    assert way.login.config is not None
    login = way.login._replace(port=1, config=way.login.config._replace(written=frozenset({"port"})))
    assert "mail.example: 127.0.0.1 port 1 cannot be reached through 127.0.0.1 port" in (await refusal(login)).message


@pytest.mark.parametrize("changed", [False, True])
async def test_the_host_key_of_a_jump_host_is_verified(way: Way, changed: bool) -> None:
    way.write("gate,inner")
    way.trust(way.gate, way.target)
    if changed:
        other = Path(f"{new_key(way.folder)}.pub").read_text()
        with (way.folder / "known_hosts").open("a") as known:
            known.write(f"[127.0.0.1]:{way.inner.port} {other}")
    error = await refused(way)
    where = f"127.0.0.1 port {way.inner.port}"
    said = f"THE HOST KEY HAS CHANGED: {where}" if changed else f"the host key of {where} is not in"
    assert error.message.startswith(f"mail.example, jump host inner: {said}")
    scan = f"ssh -p {way.gate.port} {way.gate.user}@127.0.0.1 ssh-keyscan -p {way.inner.port} 127.0.0.1 >> "
    assert scan in error.hint


async def test_the_host_behind_it_is_verified_too(way: Way) -> None:
    way.write("gate,inner")
    way.trust(way.gate, way.inner)
    error = await refused(way)
    assert error.message.startswith(f"mail.example: the host key of 127.0.0.1 port {way.target.port} is not in")
    assert f"ssh -J {way.gate.user}@127.0.0.1:{way.gate.port} -p {way.inner.port} " in error.hint


async def test_a_jump_host_that_is_down_is_named(way: Way) -> None:
    way.write("gate,inner:1")
    error = await refused(way)
    assert error.message == (
        "mail.example, jump host inner: 127.0.0.1 port 1 cannot be reached through 127.0.0.1 port"
        f" {way.gate.port}: Connection refused"
    )
    assert f"{way.folder}/ssh_config, `Host inner`" in error.hint
    way.write("gate:1,inner")
    assert (await refused(way)).message.startswith("mail.example, jump host gate: 127.0.0.1 port 1 cannot be reached:")


async def test_a_jump_host_that_lets_nobody_in_is_named(way: Way) -> None:
    way.write("gate")
    (way.gate.folder / "authorized_keys").write_text("")
    error = await refused(way)
    assert error.message.startswith(
        f"mail.example, jump host gate: 127.0.0.1 port {way.gate.port} refuses the login of"
    )
    assert f"put {way.gate.folder}/client_key.pub into" in error.hint


async def test_a_jump_host_that_forwards_nothing_is_named(way: Way) -> None:
    way.write("gate")
    public = (way.gate.folder / "client_key.pub").read_text()
    (way.gate.folder / "authorized_keys").write_text(f"restrict {public}")
    error = await refused(way)
    forwards = f"its sshd does not forward to 127.0.0.1 port {way.target.port}"
    assert error.message.startswith(f"mail.example, jump host gate: {forwards}")
    assert "AllowTcpForwarding" in error.hint


async def test_a_jump_host_that_ends_ends_the_line_and_the_next_command_opens_it_anew(way: Way) -> None:
    way.write("gate")
    host = SshHost("mail.example", way.login)
    assert (await host.run(["true"])).status == 0
    assert way.gate.cut()
    assert (await host.run(["true"], repeatable=True)).status == 0
    await host.close()


async def test_a_file_that_went_bad_or_away_is_told_by_whom_it_concerns(way: Way) -> None:
    way.write("gate", "ProxyCommand nc %h %p")
    error = await refused(way)
    assert error.message == f"mail.example: {way.folder}/ssh_config:2:1: ProxyCommand is not allowed"
    (way.folder / "ssh_config").unlink()
    assert f"the ssh_config {way.folder}/ssh_config cannot be read: No such file" in (await refused(way)).message


async def refused(way: Way) -> Unreadable:
    """Why nobody gets in, when no line is left open."""
    host = SshHost("mail.example", way.login)
    with pytest.raises(Unreadable) as caught:
        await host.run(["true"])
    await eventually(lambda: not way.gate.connections() and not way.inner.connections())
    return caught.value
