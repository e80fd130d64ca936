"""What a program prints in great numbers: piece by piece, and little of it in memory."""

from __future__ import annotations

import asyncio
import io
import os
import time
from pathlib import Path

import pytest

from reconciler.errors import Unreadable
from reconciler.remote.command import Frame
from reconciler.remote.host import Host
from reconciler.remote.local_host import LocalHost
from reconciler.remote.spool import Spool
from reconciler.remote.ssh_host import SshHost
from tests.remote.conftest import eventually
from tests.remote.test_ssh_host import runs
from tests.services.sshd import OddLogin, Sshd

LONG = b"".join(b"%d\n" % n for n in range(1, 200_001))


def test_a_spool_goes_with_the_last_who_reads_it() -> None:
    spool = Spool.of(LONG)
    assert spool.read() == LONG
    descriptor, pieces = spool.fileno(), spool.pieces()
    first = next(pieces)
    del spool
    assert first + b"".join(pieces) == LONG
    del pieces
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize("size", [1, 5, 6, 7, 10_000])
@pytest.mark.parametrize("before", [b"", b"mark", b"mmmark", b"x" * 200_000])
def test_what_is_behind_a_marker(size: int, before: bytes) -> None:
    text, taken = before + b"marker\nand marker\n", io.BytesIO()
    frame = Frame(taken, b"marker\n")
    for at in range(0, len(text), size):
        frame.write(text[at : at + size])
    assert frame.close(0)
    assert taken.getvalue() == b"and marker\n"
    assert before.endswith(frame.before)
    assert frame.before.endswith(before[-1000:])


async def test_it_has_all_that_a_program_printed(host: Host) -> None:
    done, sink = await host.streamed(["sh", "-c", "seq 200000; seq 200000 >&2; exit 3"], io.BytesIO)
    assert (done.status, done.stdout, done.stderr) == (3, b"", LONG)
    assert sink.getvalue() == LONG
    done, sink = await host.streamed(["no-such-program"], io.BytesIO)
    assert (done.status, sink.getvalue()) == (127, b"")
    with pytest.raises(Unreadable, match="was stopped after"):
        await host.streamed(["sh", "-c", "echo half; exec sleep 60"], io.BytesIO, timeout=0.5)


class Seen:
    """When pieces came."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def write(self, piece: bytes) -> None:
        self.at.append(time.monotonic())


async def test_it_comes_while_the_program_runs(host: Host) -> None:
    began = time.monotonic()
    _, seen = await host.streamed(["sh", "-c", "echo first; sleep 2; echo last"], Seen)
    assert seen.at[-1] - seen.at[0] > 1.5, (began, seen.at)


async def test_a_child_that_keeps_the_output_does_not_hold_us() -> None:
    """What it writes later is no part of the answer."""
    script = "echo answer; (exec 2>&- <&-; sleep 30; echo more) & exit 0"
    began = time.monotonic()
    done, sink = await LocalHost().streamed(["sh", "-c", script], io.BytesIO)
    assert (done.status, sink.getvalue()) == (0, b"answer\n")
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("start_file", ["echo Welcome", "head -c 200000 /dev/zero | tr '\\0' x", "exit 1"])
async def test_what_a_login_prints_is_no_part_of_it(odd_login: OddLogin, start_file: str) -> None:
    odd_login.bash(start_file)
    host = SshHost("mail.example", odd_login.server.login())
    try:
        if start_file == "exit 1":
            with pytest.raises(Unreadable, match="gave no answer: the login ended with status 1"):
                await host.streamed(["seq", "200000"], io.BytesIO)
        else:
            done, sink = await host.streamed(["seq", "200000"], io.BytesIO)
            assert (done, sink.getvalue()) == ((0, b"", b""), LONG)
    finally:
        await host.close()


async def test_a_second_try_begins_with_nothing_of_the_first(own_sshd: Sshd, open_folder: Path) -> None:
    host = SshHost("mail.example", own_sshd.login())
    script = 'echo $$ >> "$1/runs"; seq 5000; while [ ! -e "$1/go" ]; do sleep 0.05; done; echo done'
    sinks: list[io.BytesIO] = []

    def sink() -> io.BytesIO:
        sinks.append(io.BytesIO())
        return sinks[-1]

    try:
        asked = asyncio.create_task(host.streamed(["sh", "-c", script, "sh", str(open_folder)], sink, timeout=20))
        await eventually(lambda: runs(open_folder) == 1 and len(sinks[0].getvalue()) > 1000)
        own_sshd.cut()
        await eventually(lambda: runs(open_folder) == 2)
        (open_folder / "go").touch()
        _, last = await asked
        assert last is sinks[-1]
        assert last.getvalue() == b"".join(b"%d\n" % n for n in range(1, 5001)) + b"done\n"
    finally:
        await host.close()


class Counted:
    """Nothing of it is kept; how much memory was used meanwhile."""

    def __init__(self) -> None:
        self.size = self.peak = 0

    def write(self, piece: bytes) -> None:
        self.size += len(piece)
        self.peak = max(self.peak, resident())


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def test_of_a_long_answer_little_is_memory(host: Host) -> None:
    """A list of 64 MB."""
    await host.run(["true"])
    before = resident()
    done, sink = await host.streamed(["head", "-c", str(2**26), "/dev/zero"], Counted)
    assert (done.status, sink.size) == (0, 2**26)
    assert sink.peak - before < 2**24
