"""What is shown to a host at the login: the named key first, its certificate before it, from the file or the agent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from reconciler.remote.host import Login
from tests.remote.conftest import enters, refusal
from tests.services.agent import PASSPHRASE, Agent, new_key, sign
from tests.services.sshd import Sshd, serve


class Strict(NamedTuple):
    """A server that lets only certificates in and gives one try; `login` is of a key that it does not know."""

    server: Sshd
    authority: Path
    login: Login

    @property
    def key(self) -> Path:
        """The key that the login names."""
        return Path(self.login.key_file)

    def knows(self, *keys: Path) -> None:
        """The keys of authorized_keys from now on."""
        public = "".join(Path(f"{key}.pub").read_text() for key in keys)
        (self.server.folder / "authorized_keys").write_text(public)

    def sign(self, *options: str, key: Path | None = None) -> Path:
        """A certificate for the user, unless the options say otherwise."""
        return sign(self.authority, key or self.key, *(options or ("-n", self.server.user)))


@pytest.fixture(scope="module")
def _strict_sshd() -> Iterator[tuple[Sshd, Path]]:
    for server in serve():
        authority = new_key(server.folder, "authority")
        server.configure(f"TrustedUserCAKeys {authority}.pub", "MaxAuthTries 1")
        yield server, authority


@pytest.fixture
def strict(_strict_sshd: tuple[Sshd, Path], tmp_path: Path, no_agent: None) -> Strict:
    server, authority = _strict_sshd
    login = server.login()._replace(key_file=str(new_key(tmp_path, "mine")), timezone="Europe/Berlin")
    made = Strict(server, authority, login)
    made.knows()
    return made


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
async def test_a_certificate_beside_the_key_opens_a_host_that_knows_only_its_authority(
    strict: Strict, tmp_path: Path, kind: str, agent: Agent
) -> None:
    key = new_key(tmp_path, kind, kind=kind)
    certificate = strict.sign(key=key)
    assert await enters(strict.login._replace(key_file=str(key)))
    agent.add(key)
    certificate.unlink()
    key.unlink()
    assert await enters(strict.login._replace(key_file=str(key)))


async def test_a_certificate_of_an_rsa_key_needs_two_tries(own_sshd: Sshd, tmp_path: Path, agent: Agent) -> None:
    """It is shown under its old name first, for hosts before OpenSSH 7.8."""
    authority, key = new_key(tmp_path, "authority"), new_key(tmp_path, kind="rsa")
    certificate = sign(authority, key, "-n", own_sshd.user)
    own_sshd.configure(f"TrustedUserCAKeys {authority}.pub", "MaxAuthTries 2")
    login = own_sshd.login()._replace(key_file=str(key))
    assert await enters(login)
    agent.add(key)
    certificate.unlink()
    key.unlink()
    assert await enters(login)


async def test_a_certificate_may_be_named(strict: Strict, tmp_path: Path) -> None:
    named = strict.sign().rename(tmp_path / "named-cert.pub")
    assert await enters(strict.login._replace(certificate=str(named)))
    named.unlink()
    assert "does not exist" in (await refusal(strict.login._replace(certificate=str(named)))).hint


async def test_an_expired_certificate_is_told_with_its_date(strict: Strict) -> None:
    certificate = strict.sign("-n", strict.server.user, "-V", "20251120090000Z:20251123110000Z")
    error = await refusal(strict.login)
    assert "refuses the login" in error.message
    assert f"the certificate {certificate} expired on 2025-11-23 12:00 +0100, and was not shown" in error.hint
    strict.knows(strict.key)  # a try is not wasted on it
    assert await enters(strict.login)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-n", "somebody", "-V", "20990101090000Z:20990123110000Z"), "valid from 2099-01-01 10:00 +0100 on only"),
        (("-h", "-n", "127.0.0.1"), "is one for a host, not for a user"),
        (("-n", "clara,bernd"), "was shown: the host has to trust its authority SHA256:"),
        (("-n", "clara,bernd"), "it is for clara, bernd only"),
    ],
)
async def test_a_certificate_that_does_not_fit_is_told(strict: Strict, options: tuple[str, ...], said: str) -> None:
    strict.sign(*options)
    assert said in (await refusal(strict.login)).hint


@pytest.mark.parametrize("content", ["", "ssh-ed25519-cert-v01@openssh.com AAAA broken\n", "\0\xff"])
async def test_a_broken_certificate_leaves_the_key_and_is_told(strict: Strict, content: str) -> None:
    Path(f"{strict.key}-cert.pub").write_text(content)
    assert f"the certificate {strict.key}-cert.pub cannot be read" in (await refusal(strict.login)).hint
    strict.knows(strict.key)
    assert await enters(strict.login)


async def test_another_key_s_certificate_is_told(strict: Strict, tmp_path: Path) -> None:
    strict.sign(key=new_key(tmp_path, "other")).rename(f"{strict.key}-cert.pub")
    assert f"belongs to another key than {strict.key}" in (await refusal(strict.login)).hint


async def test_of_a_crowded_agent_only_the_named_key_is_asked_for(strict: Strict, tmp_path: Path, agent: Agent) -> None:
    """The host gives one try. The public half is in the key file, also of one with a passphrase, or beside it."""
    locked = new_key(tmp_path, "locked", passphrase=PASSPHRASE)
    for number in range(10):
        agent.add(new_key(tmp_path, f"other-{number}"))
    agent.add(locked)
    strict.knows(locked, strict.key)
    assert await enters(strict.login)
    login = strict.login._replace(key_file=str(locked))
    public = Path(f"{locked}.pub").rename(tmp_path / "away.pub")
    assert await enters(login)
    public.rename(f"{locked}.pub")
    locked.unlink()
    assert await enters(login)


async def test_without_a_public_half_the_whole_agent_is_tried_and_told(
    strict: Strict, tmp_path: Path, agent: Agent
) -> None:
    for number in range(3):
        agent.add(new_key(tmp_path, f"other-{number}"))
    strict.key.unlink()
    Path(f"{strict.key}.pub").unlink()
    error = await refusal(strict.login)
    assert "refuses the login" in error.message
    assert "all 3 keys of the agent were candidates" in error.hint
    assert f"{strict.key}.pub" in error.hint
    strict.knows(tmp_path / "other-0")
    assert await enters(strict.login)


async def test_a_certificate_goes_with_a_key_that_the_agent_holds(strict: Strict, tmp_path: Path, agent: Agent) -> None:
    key = new_key(tmp_path, "locked", passphrase=PASSPHRASE)
    agent.add(key)
    certificate = strict.sign(key=key)
    login = strict.login._replace(key_file=str(key))
    assert await enters(login)
    agent.add(key)  # now it holds the certificate too
    certificate.unlink()
    assert await enters(login)


async def test_an_agent_that_lacks_the_key_is_told(strict: Strict, tmp_path: Path, agent: Agent) -> None:
    key = new_key(tmp_path, "locked", passphrase=PASSPHRASE)
    agent.add(new_key(tmp_path, "other"))
    error = await refusal(strict.login._replace(key_file=str(key)))
    assert f"has a passphrase, and the agent at {agent.socket} does not hold this key" in error.message
    assert f"ssh-add {key}" in error.hint


async def test_an_agent_that_does_not_sign_is_told(strict: Strict, tmp_path: Path, agent: Agent) -> None:
    key = new_key(tmp_path, "locked", passphrase=PASSPHRASE)
    agent.add(key, "-c")
    strict.knows(key)
    assert "the agent did not sign" in (await refusal(strict.login._replace(key_file=str(key)))).hint


async def test_a_dead_agent_is_one_line(strict: Strict, tmp_path: Path, agent: Agent) -> None:
    key = new_key(tmp_path, "locked", passphrase=PASSPHRASE)
    agent.stop()
    error = await refusal(strict.login._replace(key_file=str(key)))
    assert f"the agent at {agent.socket} (SSH_AUTH_SOCK) cannot be asked: " in error.message
    assert "refused" in error.message
    strict.knows(strict.key)
    assert await enters(strict.login)


async def test_an_agent_that_is_no_socket_or_says_nothing_is_one_line(
    strict: Strict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key(tmp_path, "locked", passphrase=PASSPHRASE)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    assert "No such file" in (await refusal(strict.login._replace(key_file=str(key)))).message
    monkeypatch.setenv("SSH_AUTH_SOCK", str(key))
    assert "cannot be asked" in (await refusal(strict.login._replace(key_file=str(key)))).message
