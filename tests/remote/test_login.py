"""Every way in which a login can fail says what to do; an unknown host key is never accepted."""

from __future__ import annotations

import logging
import socket
import threading
from pathlib import Path

import asyncssh
import pytest

from reconciler.remote.host import Login
from reconciler.remote.ssh_host import SshHost
from tests.remote.conftest import refusal
from tests.services.agent import PASSPHRASE, new_key, sign
from tests.services.sshd import Sshd

pytestmark = pytest.mark.usefixtures("no_agent")


async def test_the_right_files_log_in(login: Login) -> None:
    host = SshHost("mail.example", login)
    assert (await host.run(["true"])).status == 0
    await host.close()


async def test_an_unknown_host_key_is_refused(login: Login) -> None:
    Path(login.known_hosts).write_text("")
    error = await refusal(login)
    assert "is not in" in error.message
    assert f"ssh-keyscan -p {login.port} 127.0.0.1 >> {login.known_hosts}" in error.hint
    assert "ssh-keygen -lf" in error.hint


async def test_a_host_of_which_we_know_one_of_two_keys_shows_that_one(own_sshd: Sshd, tmp_path: Path) -> None:
    """Else a host with a second, newer key would look like a changed one."""
    second = new_key(tmp_path, kind="ecdsa")
    own_sshd.stop()
    with (own_sshd.folder / "sshd_config").open("a") as config:
        config.write(f"HostKey {second}\n")
    own_sshd.start()
    known = tmp_path / "known_hosts"
    for key in (own_sshd.folder / "host_key.pub", second.with_suffix(".pub")):
        known.write_text(f"[127.0.0.1]:{own_sshd.port} {key.read_text()}")
        host = SshHost("mail.example", own_sshd.login()._replace(known_hosts=str(known)))
        assert (await host.run(["true"])).status == 0
        await host.close()


async def test_a_host_whose_key_is_signed_by_a_known_authority_is_trusted(own_sshd: Sshd, tmp_path: Path) -> None:
    authority = new_key(tmp_path)
    sign(authority, own_sshd.folder / "host_key", "-h", "-n", "127.0.0.1")
    own_sshd.stop()
    with (own_sshd.folder / "sshd_config").open("a") as config:
        config.write(f"HostCertificate {own_sshd.folder}/host_key-cert.pub\n")
    own_sshd.start()
    known = tmp_path / "known_hosts"
    known.write_text(f"@cert-authority * {authority.with_suffix('.pub').read_text()}")
    host = SshHost("mail.example", own_sshd.login()._replace(known_hosts=str(known)))
    assert (await host.run(["true"])).status == 0
    await host.close()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
async def test_a_changed_host_key_is_refused_loudly(login: Login, tmp_path: Path, kind: str) -> None:
    other = new_key(tmp_path, kind=kind).with_suffix(".pub").read_text()
    Path(login.known_hosts).write_text(f"[127.0.0.1]:{login.port} {other}")
    error = await refusal(login)
    assert "HOST KEY HAS CHANGED" in error.message
    assert f"ssh-keygen -R '[127.0.0.1]:{login.port}' -f {login.known_hosts}" in error.hint


async def test_a_revoked_host_key_is_refused(login: Login) -> None:
    known = Path(login.known_hosts)
    known.write_text(f"{known.read_text()}@revoked {known.read_text()}")
    assert "revoked" in (await refusal(login)).message


async def test_nobodys_ssh_config_softens_the_check(
    login: Login, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With this alias ssh would compare with the key of another name."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host *\n  HostKeyAlias other.example\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    Path(login.known_hosts).write_text(f"other.example {(sshd.folder / 'host_key.pub').read_text()}")
    assert "is not in" in (await refusal(login)).message


async def test_a_missing_known_hosts_file_trusts_nobody(login: Login) -> None:
    Path(login.known_hosts).unlink()
    error = await refusal(login)
    assert f"{login.known_hosts}: No such file" in error.message
    assert "ssh-keyscan" in error.hint


async def test_a_broken_known_hosts_file_trusts_nobody(login: Login) -> None:
    """Its words are not repeated: the site file may name a file with a password, by mistake or not."""
    key = Path(login.known_hosts).read_bytes().split(b" ", 1)[1]
    for content in (b"geheim-9\n", b"# hosts\n\nMuster\xff geheim-9\n", b"|1|geheim-9|x= " + key):
        Path(login.known_hosts).write_bytes(content)
        error = await refusal(login)
        line = content.count(b"\n")
        assert error.message == f"mail.example: {login.known_hosts}: line {line} is not valid in known_hosts(5)"


async def test_a_refused_user_is_named(login: Login) -> None:
    error = await refusal(login._replace(user="nobody-of-this-name"))
    assert "refuses the login of nobody-of-this-name" in error.message
    assert "authorized_keys" in error.hint


async def test_a_refused_key_is_named(login: Login, tmp_path: Path) -> None:
    key = new_key(tmp_path)
    error = await refusal(login._replace(key_file=str(key)))
    assert f"{key}.pub" in error.hint


async def test_a_missing_key_file_says_how_to_make_one(login: Login) -> None:
    Path(login.key_file).unlink()
    error = await refusal(login)
    assert f"there is no key file {login.key_file}" in error.message
    assert "ssh-keygen" in error.hint


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620])
async def test_a_key_file_that_others_can_touch_is_refused_as_by_ssh(login: Login, mode: int) -> None:
    Path(login.key_file).chmod(mode)
    error = await refusal(login)
    assert error.hint == f"chmod 600 {login.key_file}"


async def test_a_folder_as_key_file_is_refused(login: Login, tmp_path: Path) -> None:
    assert "Is a directory" in (await refusal(login._replace(key_file=str(tmp_path)))).message


async def test_a_public_key_as_key_file_is_refused(login: Login, sshd: Sshd) -> None:
    Path(login.key_file).write_text((sshd.folder / "client_key.pub").read_text())
    error = await refusal(login)
    assert "is not a private key" in error.message
    assert ".pub" in error.hint


async def test_a_passphrase_without_an_agent_says_how_to_start_one(login: Login, tmp_path: Path) -> None:
    key = new_key(tmp_path, passphrase=PASSPHRASE)
    error = await refusal(login._replace(key_file=str(key)))
    assert "has a passphrase and no agent runs" in error.message
    assert f"ssh-add {key}" in error.hint


async def test_a_closed_port_is_unreachable(login: Login) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        error = await refusal(login._replace(port=probe.getsockname()[1]))
    assert error.message.endswith("cannot be reached: Connection refused")
    assert "ssh -p" in error.hint


async def test_an_unknown_name_is_unreachable(login: Login) -> None:
    message = (await refusal(login._replace(address="nothing.invalid"))).message
    assert "nothing.invalid port" in message
    assert not message.endswith("cannot be reached: ")


async def test_a_server_that_speaks_something_else_is_unreachable(login: Login) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            client.sendall(b"220 mail.example ESMTP\r\n" * 2000)
            client.close()

        thread = threading.Thread(target=answer)
        thread.start()
        error = await refusal(login._replace(port=server.getsockname()[1]))
        thread.join()
    assert "cannot be reached" in error.message


async def test_a_server_that_says_nothing_is_given_up(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.remote.login.LOGIN_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        error = await refusal(login._replace(port=server.getsockname()[1]))
    assert "cannot be reached" in error.message


async def test_no_password_is_tried(login: Login, sshd: Sshd) -> None:
    """A host that takes no key, but every password and every answer, gets neither."""
    tried: list[str] = []

    class Greedy(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            tried.append(f"begins as {username}")
            return True

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            tried.append("key")
            return False

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            tried.append("password")
            return True

        def kbdint_auth_supported(self) -> bool:
            return True

        def get_kbdint_challenge(self, *_: str) -> bool:
            tried.append("question")
            return True

    server = await asyncssh.listen("127.0.0.1", 0, server_factory=Greedy, server_host_keys=[sshd.folder / "host_key"])
    port = server.get_port()
    key = (sshd.folder / "host_key.pub").read_text()
    Path(login.known_hosts).write_text(f"[127.0.0.1]:{port} {key}")
    try:
        assert "refuses the login" in (await refusal(login._replace(port=port, user="anna"))).message
    finally:
        server.close()
    assert set(tried) == {"begins as anna", "key"}


async def test_the_library_writes_no_log_of_its_own(login: Login, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Path(login.known_hosts).write_text("")
    await refusal(login)
    assert [r for r in caplog.records if r.name.startswith("asyncssh")] == []
