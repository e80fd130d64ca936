"""What a program printed, read piece by piece: as bytes would be."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from reconciler.errors import Unreadable
from reconciler.remote.host import Host
from reconciler.remote.local_host import LocalHost
from reconciler.remote.spool import _PIECE, Spool
from reconciler.remote.ssh_host import SshHost
from tests.remote.conftest import eventually
from tests.remote.test_ssh_host import runs
from tests.services.sshd import OddLogin, Sshd

LONG = b"".join(b"%d\n" % n for n in range(1, 200_001))


@pytest.mark.parametrize("size", [0, 1, _PIECE - 1, _PIECE, _PIECE + 1, 3 * _PIECE])
@pytest.mark.parametrize("wanted", [b"m", b"marker\n"])
def test_it_is_searched_and_cut_as_bytes_are(size: int, wanted: bytes) -> None:
    """Wherever a piece ends."""
    for before in {0, max(0, size - len(wanted)), max(0, size - 1), size // 2, size}:
        content = b"." * before + wanted + b"." * (size - before) + wanted
        spool = Spool.of(content)
        assert (len(spool), spool.find(wanted), spool.find(b"no")) == (len(content), content.find(wanted), -1)
        start = spool.find(wanted) + len(wanted)
        rest = spool[start:]
        assert rest.read() == content[start:]
        assert rest.endswith(content[start:])
        assert not rest.endswith(b"." + content[start:])
        assert rest[: -len(wanted)].read() == content[start : -len(wanted)]
        assert b"".join(rest[1:].open()) == content[start + 1 :]
        assert rest[5:2].read() == b""


def test_its_file_goes_with_the_last_view() -> None:
    spool = Spool.of(b"abc")
    descriptor, view = spool.fileno(), spool[1:]
    del spool
    assert view.read() == b"bc"
    reader = view.open()
    del view
    assert reader.read() == b"bc"
    del reader
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


async def test_it_has_all_that_a_program_printed(host: Host) -> None:
    done, spool = await host.spooled(["sh", "-c", "seq 200000; seq 200000 >&2; exit 3"])
    assert (done.status, done.stdout, done.stderr) == (3, b"", LONG)
    assert spool.read() == LONG
    done, spool = await host.spooled(["no-such-program"])
    assert (done.status, spool.read()) == (127, b"")
    with pytest.raises(Unreadable, match="was stopped after"):
        await host.spooled(["sh", "-c", "echo half; exec sleep 60"], timeout=0.5)


@pytest.mark.parametrize("start_file", ["echo Welcome", "head -c 200000 /dev/zero | tr '\\0' x", "exit 1"])
async def test_what_a_login_prints_is_no_part_of_it(odd_login: OddLogin, start_file: str) -> None:
    odd_login.bash(start_file)
    host = SshHost("mail.example", odd_login.server.login())
    try:
        if start_file == "exit 1":
            with pytest.raises(Unreadable, match="gave no answer: the login ended with status 1"):
                await host.spooled(["seq", "200000"])
        else:
            done, spool = await host.spooled(["seq", "200000"])
            assert (done, spool.read()) == ((0, b"", b""), LONG)
    finally:
        await host.close()


async def test_a_second_try_begins_with_nothing_of_the_first(own_sshd: Sshd, open_folder: Path) -> None:
    host = SshHost("mail.example", own_sshd.login())
    script = 'echo $$ >> "$1/runs"; seq 5000; while [ ! -e "$1/go" ]; do sleep 0.05; done; echo done'
    try:
        asked = asyncio.create_task(host.spooled(["sh", "-c", script, "sh", str(open_folder)], timeout=20))
        await eventually(lambda: runs(open_folder) == 1)
        await asyncio.sleep(0.3)
        own_sshd.cut()
        await eventually(lambda: runs(open_folder) == 2)
        (open_folder / "go").touch()
        _, spool = await asked
        assert spool.read() == b"".join(b"%d\n" % n for n in range(1, 5001)) + b"done\n"
    finally:
        await host.close()


async def test_of_a_long_answer_little_is_memory() -> None:
    """A list of 64 MB."""
    fields = Path("/proc/self/statm")
    pages = int(fields.read_text().split()[1])
    done, spool = await LocalHost().spooled(["head", "-c", str(2**26), "/dev/zero"])
    reader = spool.open()
    assert (done.status, len(spool), sum(map(len, iter(lambda: reader.read(2**16), b"")))) == (0, 2**26, 2**26)
    assert (int(fields.read_text().split()[1]) - pages) * os.sysconf("SC_PAGESIZE") < 2**24
