"""The connection: opened once and late, cut in the middle, opened again, with as many sessions as sshd allows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

import pytest

from reconciler.errors import PermanentFailure, Unreadable, UsageError
from reconciler.remote.host import Login
from reconciler.remote.hosts import SiteHosts, default_login
from reconciler.remote.local_host import LocalHost
from reconciler.remote.ssh_host import SESSIONS, SshHost
from tests.remote.conftest import eventually, is_gone
from tests.services.needs import cannot
from tests.services.sshd import Sshd


@pytest.fixture
async def cut_host(own_sshd: Sshd) -> AsyncIterator[SshHost]:
    """A host whose sshd no other test uses."""
    host = SshHost("mail.example", own_sshd.login())
    yield host
    await host.close()


async def begun(host: SshHost, folder: Path, *, repeatable: bool) -> asyncio.Task[object]:
    """A command that is just running; it says so by a line in `runs` each time it is started, and waits for `go`."""
    script = 'echo $$ >> "$1/runs"; while [ ! -e "$1/go" ]; do sleep 0.05; done; echo done'
    argv = ["sh", "-c", script, "sh", str(folder)]
    running: asyncio.Task[object] = asyncio.create_task(host.run(argv, repeatable=repeatable, timeout=20))
    await eventually(lambda: runs(folder) == 1)
    return running


def runs(folder: Path) -> int:
    file = folder / "runs"
    return len(file.read_text().splitlines()) if file.exists() else 0


async def test_a_connection_that_is_cut_under_a_command_is_unreadable_and_nothing_is_repeated(
    cut_host: SshHost, own_sshd: Sshd, open_folder: Path
) -> None:
    running = await begun(cut_host, open_folder, repeatable=False)
    assert own_sshd.cut() > 0
    with pytest.raises(Unreadable, match="it is not known how far it got") as caught:
        await running
    assert "reconciler plan" in caught.value.hint
    assert runs(open_folder) == 1


async def test_what_may_be_repeated_is_repeated_once_on_a_new_connection(
    cut_host: SshHost, own_sshd: Sshd, open_folder: Path
) -> None:
    running = await begun(cut_host, open_folder, repeatable=True)
    own_sshd.cut()
    await eventually(lambda: runs(open_folder) == 2)
    (open_folder / "go").touch()
    assert await running == (0, b"done\n", b"")


async def test_the_second_cut_is_not_repeated(cut_host: SshHost, own_sshd: Sshd, open_folder: Path) -> None:
    running = await begun(cut_host, open_folder, repeatable=True)
    own_sshd.cut()
    await eventually(lambda: runs(open_folder) == 2)
    own_sshd.cut()
    with pytest.raises(Unreadable, match="the connection broke while sh ran"):
        await running
    assert runs(open_folder) == 2


async def test_a_command_of_a_cut_line_ends_with_its_own_time(
    cut_host: SshHost, own_sshd: Sshd, open_folder: Path
) -> None:
    """Who waits for the time limit of a lost command knows that it can do nothing more."""
    pid = open_folder / "pid"
    argv = ["sh", "-c", 'echo $$ > "$1"; exec sleep 300', "sh", str(pid)]
    running = asyncio.create_task(cut_host.run(argv, timeout=1.5))
    await eventually(lambda: pid.exists() and pid.read_text().endswith("\n"))
    own_sshd.cut()
    with pytest.raises(Unreadable):
        await running
    await eventually(lambda: is_gone(pid))


async def test_root_has_no_signals_through_sshd_and_their_command_ends_all_the_same(
    sshd: Sshd, open_folder: Path
) -> None:
    if sshd.user != "reconciler-test":
        cannot("needs root to log in as root")
    host, pid = SshHost("mail.example", sshd.login("root")), open_folder / "pid"
    with pytest.raises(Unreadable):
        await host.run(["sh", "-c", 'echo $$ > "$1"; exec sleep 300', "sh", str(pid)], timeout=0.5)
    await eventually(lambda: is_gone(pid))
    await host.close()


async def test_a_file_whose_line_is_cut_in_the_middle_stays_old(
    cut_host: SshHost, own_sshd: Sshd, open_folder: Path
) -> None:
    path = open_folder / "map"
    path.write_bytes(b"old")
    writing = asyncio.create_task(cut_host.replace(str(path), b"x" * 30_000_000))
    await eventually(lambda: any(p.name.startswith(".reconciler") for p in open_folder.iterdir()))
    own_sshd.cut()
    with pytest.raises((Unreadable, PermanentFailure)):
        await writing
    await eventually(lambda: [p.name for p in open_folder.iterdir()] == ["map"])
    assert path.read_bytes() == b"old"


async def test_all_commands_of_a_cut_connection_are_told(cut_host: SshHost, own_sshd: Sshd) -> None:
    tasks = [asyncio.create_task(cut_host.run(["sleep", "20"])) for _ in range(5)]
    await eventually(lambda: own_sshd.connections() == 1)
    await cut_host.run(["true"])
    own_sshd.cut()
    assert all(isinstance(e, Unreadable) for e in await asyncio.gather(*tasks, return_exceptions=True))
    assert (await cut_host.run(["echo", "back"])).stdout == b"back\n"


async def test_a_connection_that_was_cut_while_idle_is_opened_again(cut_host: SshHost, own_sshd: Sshd) -> None:
    """Nothing had been started, so this is no repetition: also a write goes through."""
    await cut_host.run(["true"])
    own_sshd.cut()
    assert (await cut_host.run(["echo", "again"], repeatable=False)).stdout == b"again\n"


async def test_a_server_that_went_away_is_unreadable_and_one_that_came_back_is_used(
    cut_host: SshHost, own_sshd: Sshd
) -> None:
    await cut_host.run(["true"])
    own_sshd.stop()
    with pytest.raises(Unreadable, match="cannot be reached"):
        await cut_host.run(["true"], repeatable=True)
    own_sshd.start()
    assert (await cut_host.run(["true"])).status == 0


async def test_nothing_is_opened_before_the_first_command_and_one_connection_serves_all(
    cut_host: SshHost, own_sshd: Sshd
) -> None:
    assert own_sshd.connections() == 0
    done = await asyncio.gather(*(cut_host.run(["true"]) for _ in range(20)))
    assert [d.status for d in done] == [0] * 20
    assert own_sshd.connections() == 1


async def test_all_who_wait_for_a_connection_that_fails_hear_of_it_at_once(own_sshd: Sshd) -> None:
    host = SshHost("mail.example", own_sshd.login()._replace(user="nobody-of-this-name"))
    answers = await asyncio.gather(*(host.run(["true"]) for _ in range(5)), return_exceptions=True)
    assert [type(a) for a in answers] == [Unreadable] * 5
    log = (own_sshd.folder / "sshd.log").read_text()
    assert log.count("Invalid user") == 1, "every waiter tried on its own"


async def test_more_commands_than_sessions_wait_for_each_other(ssh_host: SshHost, open_folder: Path) -> None:
    """sshd_config(5): MaxSessions is 10; the eleventh session at once would be refused."""
    script = 'touch "$1/$2"; ls "$1" | wc -l; sleep 0.1; rm "$1/$2"'
    argvs = [["sh", "-c", script, "sh", str(open_folder), str(n)] for n in range(30)]
    done = await asyncio.gather(*(ssh_host.run(argv) for argv in argvs))
    assert all(d.status == 0 for d in done)
    together = max(int(d.stdout) for d in done)
    assert 1 < together <= SESSIONS < 10


def restart_with(server: Sshd, line: str) -> None:
    server.stop()
    with (server.folder / "sshd_config").open("a") as config:
        config.write(f"{line}\n")
    server.start()


async def test_a_server_with_fewer_sessions_is_waited_for(cut_host: SshHost, own_sshd: Sshd) -> None:
    """sshd also counts a session that has just ended, so even MaxSessions 10 may refuse the eighth."""
    restart_with(own_sshd, "MaxSessions 1")
    done = await asyncio.gather(*(cut_host.run(["sh", "-c", "sleep 0.1; echo done"]) for _ in range(4)))
    assert done == [(0, b"done\n", b"")] * 4


async def test_a_server_without_sessions_says_what_to_change(
    cut_host: SshHost, own_sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.remote.ssh_host.PATIENCE", 0.2)
    restart_with(own_sshd, "MaxSessions 0")
    with pytest.raises(Unreadable, match="opened no session") as caught:
        await cut_host.run(["true"], repeatable=True)
    assert "MaxSessions" in caught.value.hint


async def test_closing_while_it_is_being_opened_and_twice_is_fine(own_sshd: Sshd) -> None:
    host = SshHost("mail.example", own_sshd.login())
    running = asyncio.create_task(host.run(["true"]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await host.close()
    await host.close()
    assert isinstance((await asyncio.gather(running, return_exceptions=True))[0], asyncio.CancelledError)


async def test_a_site_has_one_host_a_name_and_this_machine_without_one(sshd: Sshd) -> None:
    hosts = SiteHosts({"mail.example": sshd.login()})
    assert hosts.get("mail.example") is hosts.get("mail.example")
    assert hosts.get("mail.example").name == "mail.example"
    assert isinstance(hosts.get(None), LocalHost)
    assert (await hosts.get("mail.example").run(["id", "-un"])).stdout.decode().strip() == sshd.user
    await hosts.close()
    await hosts.close()


def test_a_host_without_an_entry_is_reached_as_ssh_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    expected = ("ox.example", 22, None, "/home/anna/.ssh/id_ed25519", "/home/anna/.ssh/known_hosts")
    assert default_login("ox.example") == Login(*expected)


async def test_a_user_without_a_name_is_told_what_to_write(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> NoReturn:
        raise KeyError(uid)

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(UsageError) as homeless:
        default_login("mail.example")
    assert "write `key_file` and `known_hosts`" in homeless.value.hint
    with pytest.raises(Unreadable) as nameless:
        await SshHost("mail.example", sshd.login()._replace(user=None)).run(["true"])
    assert "write the user in the site file under ssh: mail.example:" in nameless.value.hint
