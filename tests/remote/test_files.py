"""Reading and replacing a file, on this machine and through a real sshd by a user without SFTP alike."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from reconciler.errors import PermanentFailure, Unreadable
from reconciler.remote.host import Completed, Host
from reconciler.remote.local_host import LocalHost
from reconciler.remote.ssh_host import SshHost
from tests.services.needs import cannot
from tests.services.sshd import Sshd

OLD, NEW = b"old\n" * 1000, bytes(range(256)) * 40_000
AWFUL = ["sender_access", "it's a map", "-n", "$HOME", "Ünicode", "new\nline", "*", '"', "x" * 240]


def make(path: Path, content: bytes = OLD) -> Path:
    path.write_bytes(content)
    path.chmod(0o644)
    return path


def left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("name", AWFUL)
async def test_what_was_put_is_read_and_nothing_else_is_left(host: Host, open_folder: Path, name: str) -> None:
    path = str(open_folder / name)
    assert await host.read(path) is None
    await host.replace(path, NEW)
    assert await host.read(path) == NEW
    await host.replace(path, b"")
    assert await host.read(path) == b""
    assert left(open_folder) == [name]


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o640])
async def test_a_new_file_has_the_mode_whatever_the_old_one_had(host: Host, open_folder: Path, mode: int) -> None:
    await host.replace(str(open_folder / "map"), b"1", mode)
    assert (open_folder / "map").stat().st_mode & 0o7777 == mode
    (open_folder / "map").chmod(0o666)
    await host.replace(str(open_folder / "map"), b"2", mode)
    assert (open_folder / "map").stat().st_mode & 0o7777 == mode


async def test_a_missing_folder_is_unknown_and_not_an_absent_file(host: Host, open_folder: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        await host.read(str(open_folder / "no" / "map"))


async def test_a_link_that_leads_nowhere_is_unknown(host: Host, open_folder: Path) -> None:
    (open_folder / "map").symlink_to("nowhere")
    with pytest.raises(Unreadable):
        await host.read(str(open_folder / "map"))


async def test_a_folder_is_no_file(host: Host, open_folder: Path) -> None:
    (open_folder / "map").mkdir()
    with pytest.raises(Unreadable, match="Is a directory"):
        await host.read(str(open_folder / "map"))
    with pytest.raises(PermanentFailure):
        await host.replace(str(open_folder / "map"), b"x")
    assert left(open_folder) == ["map"]


async def test_a_path_below_a_file_is_unknown(host: Host, open_folder: Path) -> None:
    make(open_folder / "map")
    with pytest.raises(Unreadable, match="Not a directory"):
        await host.read(str(open_folder / "map" / "x"))


async def test_a_link_is_replaced_and_its_target_left(host: Host, open_folder: Path) -> None:
    make(open_folder / "target")
    (open_folder / "map").symlink_to("target")
    await host.replace(str(open_folder / "map"), b"new")
    assert not (open_folder / "map").is_symlink()
    assert (open_folder / "target").read_bytes() == OLD


async def test_a_reader_sees_the_old_or_the_new_file_and_never_a_part(host: Host, open_folder: Path) -> None:
    path = make(open_folder / "map")
    seen = set()
    writing = asyncio.create_task(host.replace(str(path), NEW))
    while not writing.done():
        seen.add(path.read_bytes())
        await asyncio.sleep(0)
    await writing
    assert seen <= {OLD, NEW}
    assert OLD in seen, "the reader came too late to prove anything"
    assert path.read_bytes() == NEW


async def test_two_writers_leave_one_whole_file(host: Host, open_folder: Path) -> None:
    path = make(open_folder / "map")
    contents = [b"%d" % n * 300_000 for n in range(6)]
    await asyncio.gather(*(host.replace(str(path), content) for content in contents))
    assert path.read_bytes() in contents
    assert left(open_folder) == ["map"]


class _Cut:
    """A Host over whose line only the first half of the content comes."""

    def __init__(self, host: Host) -> None:
        self.name = host.name
        self._host = host

    async def run(self, argv: list[str], *, stdin: bytes, env: dict[str, str]) -> Completed:
        return await self._host.run(argv, stdin=stdin[: len(stdin) // 2], env=env)


async def test_half_a_content_is_not_put_in_place(host: Host, open_folder: Path) -> None:
    """A line that is cut looks like the end of the input to the far side."""
    path = make(open_folder / "map")
    with pytest.raises(PermanentFailure, match="only a part of the content arrived"):
        await Host.replace(_Cut(host), str(path), NEW, 0o644)  # type: ignore[arg-type]  # enough of a Host
    assert path.read_bytes() == OLD
    assert left(open_folder) == ["map"]


class _Tool:
    """A Host where one of the standard tools is `script`."""

    def __init__(self, host: Host, folder: Path, tool: str, script: str) -> None:
        self.name = host.name
        self._host = host
        self._path = f"{folder}/bin:/usr/bin:/bin"
        (folder / "bin").mkdir()
        (folder / "bin" / tool).write_text(f"#!/bin/sh\n{script}\n")
        (folder / "bin" / tool).chmod(0o755)

    async def run(self, argv: list[str], *, stdin: bytes, env: dict[str, str]) -> Completed:
        return await self._host.run(argv, stdin=stdin, env={**env, "PATH": self._path})


TOOLS = ["mktemp", "cat", "wc", "chmod", "sync", "mv"]


@pytest.mark.parametrize("tool", TOOLS)
async def test_a_failure_on_the_way_leaves_the_old_file_and_nothing_else(
    host: Host, open_folder: Path, tool: str
) -> None:
    path = make(open_folder / "map")
    hindered = _Tool(host, open_folder, tool, "echo no space >&2; exit 1")
    with pytest.raises(PermanentFailure, match="map was not replaced: ") as caught:
        await Host.replace(hindered, str(path), NEW, 0o644)  # type: ignore[arg-type]  # enough of a Host
    assert "write in" in caught.value.hint
    assert path.read_bytes() == OLD
    assert left(open_folder) == ["bin", "map"]


@pytest.mark.parametrize("tool", TOOLS)
async def test_a_writer_that_is_killed_leaves_the_old_file_and_the_next_one_works(
    host: Host, open_folder: Path, tool: str
) -> None:
    path = make(open_folder / "map")
    hindered = _Tool(host, open_folder, tool, "kill -9 $PPID; exit 1")
    with pytest.raises((Unreadable, PermanentFailure)):
        await Host.replace(hindered, str(path), NEW, 0o644)  # type: ignore[arg-type]  # enough of a Host
    assert path.read_bytes() == OLD
    await host.replace(str(path), NEW)
    assert path.read_bytes() == NEW


async def test_a_writer_that_died_by_a_signal_leaves_it_open_whether_it_was_done(host: Host, open_folder: Path) -> None:
    hindered = _Tool(host, open_folder, "mv", '/bin/mv "$@"; kill -9 $PPID')
    with pytest.raises(Unreadable, match="signal 9"):
        await Host.replace(hindered, str(open_folder / "map"), NEW, 0o644)  # type: ignore[arg-type]  # enough of a Host
    assert (open_folder / "map").read_bytes() == NEW


@pytest.fixture
def closed_folder(open_folder: Path) -> Path:
    """A folder that the restricted user may not even look into."""
    if os.geteuid() != 0:
        cannot("needs root: nobody else can be shut out")
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    return closed


async def test_a_folder_that_cannot_be_searched_is_unknown(ssh_host: SshHost, closed_folder: Path) -> None:
    """Both cases look alike from outside, so neither may be called absent."""
    make(closed_folder / "map")
    for name in ("map", "other"):
        with pytest.raises(Unreadable, match="Permission denied") as caught:
            await ssh_host.read(str(closed_folder / name))
        assert "readable" in caught.value.hint


async def test_an_unreadable_file_is_unknown(ssh_host: SshHost, open_folder: Path) -> None:
    make(open_folder / "map").chmod(0)
    with pytest.raises(Unreadable, match="Permission denied"):
        await ssh_host.read(str(open_folder / "map"))


async def test_a_folder_that_can_be_searched_but_not_listed_is_unknown(ssh_host: SshHost, closed_folder: Path) -> None:
    closed_folder.chmod(0o711)
    with pytest.raises(Unreadable):
        await ssh_host.read(str(closed_folder / "map"))


async def test_a_folder_without_the_right_to_write_refuses(ssh_host: SshHost, closed_folder: Path) -> None:
    closed_folder.chmod(0o755)
    path = make(closed_folder / "map")
    with pytest.raises(PermanentFailure, match="Permission denied"):
        await ssh_host.replace(str(path), NEW)
    assert path.read_bytes() == OLD


async def test_a_new_file_belongs_to_the_user_who_writes(ssh_host: SshHost, sshd: Sshd, open_folder: Path) -> None:
    path = make(open_folder / "map")
    await ssh_host.replace(str(path), NEW)
    assert path.owner() == sshd.user


async def test_the_same_file_read_through_both_lines_is_the_same(ssh_host: SshHost, open_folder: Path) -> None:
    path = make(open_folder / "map", NEW)
    assert await ssh_host.read(str(path)) == await LocalHost().read(str(path)) == NEW
