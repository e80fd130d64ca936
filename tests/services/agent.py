"""A real ssh-agent, and keys and certificates made by ssh-keygen."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.needs import require

PASSPHRASE = "tiger-9-im-tank"


def new_key(folder: Path, name: str = "new", kind: str = "ed25519", passphrase: str = "") -> Path:
    """A key pair; its public half is beside it."""
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", path], check=True)
    return path


def sign(authority: Path, key: Path, *options: str) -> Path:
    """A certificate beside the key, where ssh looks for it."""
    public = Path(f"{key}.pub")
    subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "test", *options, public], check=True)
    return Path(f"{key}-cert.pub")


class Agent:
    """The agent that SSH_AUTH_SOCK names."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "agent"
        (program,) = require("openssh-client", "ssh-agent")
        env = {**os.environ, "SSH_ASKPASS": "/bin/false", "DISPLAY": ":0"}  # nobody confirms anything
        argv = [program, "-D", "-a", str(self.socket)]
        self._process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, env=env)
        while not self.socket.exists():
            assert self._process.poll() is None

    def add(self, key: Path, *options: str) -> None:
        """Takes a key, whose passphrase is PASSPHRASE or none."""
        answer = key.parent / "askpass"
        answer.write_text(f"#!/bin/sh\necho {PASSPHRASE}\n")
        answer.chmod(0o700)
        env = {**os.environ, "SSH_ASKPASS": str(answer), "SSH_ASKPASS_REQUIRE": "force"}
        argv = ["ssh-add", "-q", *options, str(key)]
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)

    def stop(self) -> None:
        """Ends it; its socket stays, as after a crash."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    """An agent without a key."""
    with tempfile.TemporaryDirectory(prefix="reconciler-agent-") as folder:  # a socket's path is 107 bytes at most
        made = Agent(Path(folder))
        monkeypatch.setenv("SSH_AUTH_SOCK", str(made.socket))
        yield made
        made.stop()


@pytest.fixture
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have one."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
