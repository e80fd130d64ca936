"""What a login prints is no part of an answer, and a login that does not run the command is an error with its words."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from reconciler.errors import Unreadable
from reconciler.remote.command import for_ssh
from reconciler.remote.ssh_host import SshHost
from tests.services.sshd import OddLogin, Sshd

ASKED = ["sh", "-c", 'cat; echo "$SECRET"; echo words >&2; exit 3']
ANSWER = (3, b"input\nt i\\ger\n", b"words\n")


@pytest.fixture
async def host(odd_login: OddLogin) -> AsyncIterator[SshHost]:
    line = SshHost("mail.example", odd_login.server.login())
    yield line
    await line.close()


async def asked(host: SshHost) -> tuple[int, bytes, bytes]:
    return await host.run(ASKED, stdin=b"input\n", env={"LC_ALL": "C"}, secrets={"SECRET": SecretStr("t i\\ger")})


@pytest.mark.parametrize(
    "start_file",
    [
        "echo Welcome to mail.example",
        "printf 'spam@example.net\\tREJECT'",
        "echo out; echo err >&2",
        "export LC_ALL=xx_XX.UTF-8",  # bash: warning: setlocale: cannot change locale
        "export LC_CTYPE=xx_XX LANG=de_XX",
        "head -c 1000000 /dev/zero | tr '\\0' x",
        "seq 200000 >&2",
        b"echo 'Gr\xfc\xdfe'; printf '\\377\\376\\0'",
        "set -x",
        "set -v",
        "export SHELLOPTS; set -x",
        "export BASH_ENV=$HOME/.bashrc; echo again",
        "trap 'echo left' EXIT",
        "PROMPT_COMMAND='echo prompt'; alias sh='echo alias'",
    ],
)
async def test_what_bash_prints_when_it_starts_is_dropped(
    host: SshHost, odd_login: OddLogin, start_file: str | bytes
) -> None:
    odd_login.bash(start_file)
    assert await asked(host) == ANSWER


async def test_what_a_program_that_is_a_script_would_print_is_dropped_too(
    host: SshHost, odd_login: OddLogin, open_folder: Path
) -> None:
    """OX' tools are scripts for bash, which reads BASH_ENV before each."""
    odd_login.bash("export BASH_ENV=$HOME/.bashrc; echo again")
    tool = open_folder / "listuser"
    tool.write_text("#!/bin/bash\necho answer\n")
    tool.chmod(0o755)
    assert await host.run([str(tool)]) == (0, b"answer\n", b"")


@pytest.mark.parametrize("shell", ["bash", "dash", "sh", "zsh", "ksh", "fish", "csh", "tcsh", "busybox sh"])
async def test_the_login_shell_may_be_any(host: SshHost, odd_login: OddLogin, shell: str) -> None:
    """Those of this machine; the words of our line mean the same to each."""
    if shutil.which(shell.split()[0]) is None:
        line = for_ssh(["x", "it's", "\\\\", "a!b", "c\nd"], {}, {}, 1).line
        assert not set("\\!\n") & set(line.replace("\\0", "")), (
            "this shell is not here, and might read our line differently"
        )
        return
    odd_login.session(f'echo noise; exec {shell} -c "$SSH_ORIGINAL_COMMAND"')
    assert await asked(host) == ANSWER
    awful = ["", "a b", "it's", '"q"', "$HOME `id`", "a;b|c&d>e<f", "*", "~", "\\n\\\\", "a\nb\n", "!!", "Ünï", "=ls"]
    done = await host.run(["printf", "%s\\0", *awful])
    assert done.stdout.decode().split("\0")[:-1] == awful


async def refusal(host: SshHost) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        await asked(host)
    assert caught.value.message.startswith("mail.example: sh gave no answer: ")
    assert "docs/ssh.md" in caught.value.hint
    return caught.value


async def test_a_shell_that_lets_nobody_in_is_quoted(host: SshHost, odd_login: OddLogin) -> None:
    odd_login.session("exec /usr/sbin/nologin")
    assert "status 1 and said “This account is currently not available.”" in (await refusal(host)).message


async def test_a_forced_command_of_somebody_else_is_quoted(host: SshHost, odd_login: OddLogin) -> None:
    odd_login.session("echo backups only >&2; exit 77")
    assert "status 77 and said “backups only”" in (await refusal(host)).message


@pytest.mark.parametrize("start_file", ["exit 0", "exec >/dev/null", "exec 2>/dev/null", "exec 2>&1", "exec cat"])
async def test_start_files_that_end_the_shell_or_lead_its_output_elsewhere(
    host: SshHost, odd_login: OddLogin, start_file: str
) -> None:
    """Without one of the streams half an answer would look like a whole one; neither it nor a secret is shown."""
    odd_login.bash(start_file)
    message = (await refusal(host)).message
    assert not any(word in message for word in ("t i", "ger", "words"))


async def test_a_start_file_that_reads_the_input_is_no_wrong_secret(host: SshHost, odd_login: OddLogin) -> None:
    odd_login.bash("read -r first; read -r second")
    assert "a secret did not arrive" in (await refusal(host)).message


async def test_what_is_quoted_is_short_and_moves_no_cursor(host: SshHost, odd_login: OddLogin) -> None:
    odd_login.session("seq 100000; printf '\\033[2J\\007red\\n'; exit 1")
    message = (await refusal(host)).message
    assert "\x1b" not in message
    assert message.endswith("[2J red”")
    assert len(message) < 500


async def test_a_banner_and_a_locale_that_is_not_there_are_dropped(
    own_sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sshd's own banner and a greeting come before anything else; the host takes every variable, and is sent none."""
    monkeypatch.setenv("LC_ALL", "de_XX.UTF-8")
    (own_sshd.folder / "banner").write_text("\x1b[2JAuthorized use only\nmuster@muster.example REJECT\n" * 50)
    greet = "echo Last login: yesterday; env >&2"
    own_sshd.configure(
        f"Banner {own_sshd.folder}/banner",
        "AcceptEnv *",
        "SetEnv LC_CTYPE=xx_XX.UTF-8",
        f'ForceCommand bash -c "{greet}; exec bash -c \\"\\$SSH_ORIGINAL_COMMAND\\""',
    )
    host = SshHost("mail.example", own_sshd.login())
    assert await asked(host) == ANSWER
    answer = await host.run(["env"])
    assert b"LC_CTYPE=xx_XX.UTF-8" in answer.stdout
    assert b"de_XX" not in answer.stdout
    await host.close()
