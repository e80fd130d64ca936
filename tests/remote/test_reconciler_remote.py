"""The program on the mail host by itself: it runs the lines of its list, letter by letter, and nothing else."""

from __future__ import annotations

import ast
import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.remote import reconciler_remote
from reconciler.remote.read_only import VERSION, request, wire
from reconciler.remote.spool import Spool
from reconciler.sandbox.openxchange.install import install
from reconciler.systems.openxchange import tools
from reconciler.systems.openxchange.listuser_csv import COLUMNS, read_users
from tests.cli.running import eventually
from tests.services.needs import cannot

PROGRAM = Path(reconciler_remote.__file__)
FRAME = "reconciler-remote 1 30 0123456789abcdef fedcba9876543210 "
WORD = "0123456789abcdeffedcba9876543210"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A list that lets a file be shown, and a program that writes be called with one argument only."""
    if os.geteuid() != 0:
        cannot("the list must be root's")
    (tmp_path / "shown").write_text("content\n")
    lines = [wire(["cat", "--", f"{tmp_path}/shown"], {"LC_ALL": "C"}), wire(["touch", f"{tmp_path}/a b"], {})]
    listing(tmp_path, *(f"user {line}" for line in lines))
    return tmp_path


def listing(folder: Path, *lines: str) -> None:
    (folder / "commands").write_text("# what may run\n\n" + "".join(f"{line}\n" for line in lines))


def asked(folder: Path, request: str | bytes, **env: str) -> subprocess.CompletedProcess[bytes]:
    """As sshd runs it."""
    line = request if isinstance(request, bytes) else request.encode()
    environ = {**{name.encode(): value.encode() for name, value in env.items()}, b"SSH_ORIGINAL_COMMAND": line}
    argv = ["/usr/bin/python3", "-IS", str(PROGRAM), str(folder)]
    return subprocess.run(argv, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def test_a_line_of_the_list_is_run(folder: Path) -> None:
    done = asked(folder, f"{FRAME}LC_ALL=C cat -- {folder}/shown")
    assert done.returncode == 0, done
    assert done.stdout == f"{WORD}\ncontent\n{WORD} end 0\n".encode()
    assert done.stderr == f"{WORD}\n{WORD} end 0\n".encode()
    assert asked(folder, f"{FRAME}touch {folder}/a%20b").returncode == 0
    assert (folder / "a b").exists(), "one argument, with its blank"


@pytest.mark.parametrize(
    "command",
    [
        "",
        "cat -- {0}/shown",  # without the variable of the list
        "LC_ALL=C cat -- {0}/shown {0}/other",
        "LC_ALL=C cat -- {0}/shown;touch {0}/other",
        "LC_ALL=C cat -- {0}/shown\ntouch {0}/other",
        "LC_ALL=C cat -- {0}/shown\rtouch",
        "LC_ALL=C cat -- {0}/shown $(touch {0}/other)",
        "LC_ALL=C cat -- {0}/shown `touch {0}/other`",
        "LC_ALL=C cat -- {0}/shown && touch {0}/other",
        "LC_ALL=C cat -- {0}/shown ",
        "LC_ALL=C  cat -- {0}/shown",
        "LC_ALL=C cat -- {0}/../{1}/shown",
        "LC_ALL=C cat -- %2Fetc%2Fshadow",
        "LC_ALL=C cat -- {0}/show%6E",  # another spelling of the same
        "LC_ALL=C cat -- {0}/shown%00",
        "LD_PRELOAD={0}/x LC_ALL=C cat -- {0}/shown",
        "LC_ALL=C sh -c touch%20{0}/other",
        "LC_ALL=C cat -- {0}/shown\u2028touch",
        "touch {0}/other",
        "touch {0}/a b",
        "# what may run",
        "user LC_ALL=C cat -- {0}/shown",
        "--list-openxchange",
    ],
)
def test_everything_else_is_refused(folder: Path, command: str) -> None:
    before = sorted(folder.iterdir())
    done = asked(folder, FRAME + command.format(folder, folder.name))
    assert done.returncode == 77, done
    assert done.stdout == b""
    assert done.stderr.startswith(b"reconciler-remote: refused: ")
    assert b"content" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"internal-sftp",
        b"/usr/lib/openssh/sftp-server",
        b"scp -t /tmp",
        b"rsync --server . /tmp",
        b"sh",
        b"exec timeout -k 2 60.000 env -u BASH_ENV -u SHELLOPTS sh -c 'x' sh LC_ALL=C : 0a 1b -- cat -- /etc/passwd",
        FRAME.encode() + b"\xff\xfe",
        FRAME.encode() + b"x" * 100_000,
        FRAME.replace("0123456789abcdef", "$(touch other)").encode() + b"touch",
        FRAME.replace(" 30 ", " 99999 ").encode() + b"touch",
        FRAME.replace(" 30 ", " -1 ").encode() + b"touch",
    ],
)
def test_what_is_no_request_is_refused(folder: Path, line: bytes) -> None:
    done = asked(folder, line)
    assert (done.returncode, done.stdout) == (77, b""), done
    assert done.stderr.startswith(b"reconciler-remote: refused: this login answers")


def test_an_old_program_says_so(folder: Path) -> None:
    done = asked(folder, FRAME.replace(" 1 ", " 2 ") + "true")
    assert done.returncode == 77
    assert b"version 1 is installed here, and version 2 was asked for" in done.stderr
    assert str(VERSION) == reconciler_remote.VERSION


def test_the_session_passes_no_variable_on(folder: Path) -> None:
    listing(folder, "user LC_ALL=C env")
    (folder / "startup.py").write_text(f"open({str(folder / 'other')!r}, 'w')\n")
    env = {"PATH": str(folder), "PYTHONSTARTUP": "x", "PYTHONPATH": str(folder), "LC_ALL": "xx_XX", "SECRET": "s3cret"}
    done = asked(folder, f"{FRAME}LC_ALL=C env", **env)
    passed_on = set(done.stdout.decode().splitlines()[1:-1])
    assert passed_on == {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "LC_ALL=C"}


def test_it_waits_no_longer_than_it_was_asked_to(folder: Path) -> None:
    listing(folder, "user sleep 60")
    begun = time.monotonic()
    done = asked(folder, FRAME.replace(" 30 ", " 1 ", 1) + "sleep 60")
    assert done.returncode == 124
    assert done.stdout.endswith(f"{WORD} end 124\n".encode())
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    ("command", "status"), [("sh -c exit%203", 3), ("sh -c kill%20-9%20$$", 137), ("no-such", 127)]
)
def test_a_status_is_told(folder: Path, command: str, status: int) -> None:
    listing(folder, f"user {command}")
    done = asked(folder, FRAME + command)
    assert done.returncode == status
    assert done.stderr.endswith(f"{WORD} end {status}\n".encode())


@pytest.mark.parametrize("spoil", ["writable", "link", "other", "missing"])
def test_a_list_that_others_can_write_counts_for_nothing(folder: Path, spoil: str) -> None:
    commands = folder / "commands"
    if spoil == "writable":
        commands.chmod(0o664)
    elif spoil == "other":
        shutil.chown(commands, "nobody")
    else:
        commands.rename(folder / "elsewhere")
        if spoil == "link":
            commands.symlink_to(folder / "elsewhere")
    done = asked(folder, f"{FRAME}LC_ALL=C cat -- {folder}/shown")
    assert (done.returncode, done.stdout) == (77, b""), done
    assert b"commands" in done.stderr


PASSWORD = "on-the-mail-host-only-7"


@pytest.fixture
def openxchange(folder: Path) -> Path:
    """The half that root runs, with a stand-in."""
    sbin = install(folder / "ox", admin_password=PASSWORD)
    call = wire([f"{sbin}/listuser", "--nonl", "--contextid=1", "--adminuser=oxadmin", "--csv"], {"LC_ALL": "C.UTF-8"})
    listing(folder, f"root {call}", f"columns {','.join(COLUMNS)}")
    password = folder / "openxchange-password"
    password.touch(mode=0o600)
    password.write_text(f"{PASSWORD}\n")
    return folder


def as_root(folder: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    argv = ["/usr/bin/python3", "-IS", str(PROGRAM), str(folder), reconciler_remote.LIST]
    return subprocess.run(argv, env=env, capture_output=True, check=False)


def test_of_the_users_no_more_is_shown_than_is_compared(openxchange: Path) -> None:
    """Their CSV has hashes of passwords, and private addresses."""
    done = as_root(openxchange, ADMIN_PASSWORD="another", NEW_USER_PASSWORD="another")
    assert done.returncode == 0, done
    header, *_ = done.stdout.decode().splitlines()
    assert sorted(header.split(",")) == sorted(COLUMNS)
    assert [user.row.login for user in read_users(Spool.of(done.stdout), whole=True)] == ["oxadmin"]
    assert PASSWORD.encode() not in done.stdout + done.stderr


@pytest.mark.parametrize("spoil", ["readable", "link", "missing", "wrong"])
def test_a_password_that_others_can_read_is_not_used(openxchange: Path, spoil: str) -> None:
    password = openxchange / "openxchange-password"
    if spoil == "readable":
        password.chmod(0o640)
    elif spoil == "wrong":
        password.write_text("wrong-password-1\n")
    else:
        password.rename(openxchange / "elsewhere")
        if spoil == "link":
            password.symlink_to(openxchange / "elsewhere")
    done = as_root(openxchange)
    assert (done.returncode, done.stdout) == (101 if spoil == "wrong" else 77, b""), done
    assert PASSWORD.encode() not in done.stderr


@pytest.mark.parametrize(
    "script",
    [
        'printf \'Id,Name\\n"3","a\'',
        'printf \'Id,Name\\n"3","a"\'',
        "printf 'Id,Name\\n\"3\"\\n'",
        'printf \'Id,Name\\n"3","a"x\\n\'',
        "printf 'nothing that we know\\n'",
        "printf 'Id,Name,Name\\n3,a,b\\n'",
        "true",
    ],
)
def test_half_a_list_is_no_list(openxchange: Path, script: str) -> None:
    tool = openxchange / "listuser"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    listing(openxchange, f"root {tool}", "columns Id,Name")
    done = as_root(openxchange)
    assert done.returncode == 65, done
    assert b"is not whole" in done.stderr


def test_what_a_failing_tool_prints_is_not_shown(openxchange: Path) -> None:
    """`listuser --environment` prints passwords (facts/open-xchange.md 1.2), and some errors come with a usage text."""
    tool = openxchange / "listuser"
    tool.write_text('#!/bin/sh\necho "$ADMIN_PASSWORD"; echo words >&2; exit 104\n')
    tool.chmod(0o755)
    listing(openxchange, f"root {tool}", "columns Id,Name")
    done = as_root(openxchange)
    assert (done.returncode, done.stdout, done.stderr) == (104, b"", b"words\n")


def test_names_and_values_come_through_as_they_are(openxchange: Path) -> None:
    name, sbin = 'Jürgen "Jo", Ü\nzwei Zeilen', openxchange / "ox" / "sbin"
    passwords = {"ADMIN_PASSWORD": PASSWORD, "NEW_USER_PASSWORD": "from-before-7"}
    env = {**passwords, "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    options = ["-c", "1", "-A", "oxadmin", "-u", "jo", "-d", name, "-g", "Jürgen", "-s", "Ü", "-e", "jo@pirat.alt"]
    subprocess.run([sbin / "createuser", *options], env=env, capture_output=True, check=True)
    argv = [str(sbin / "listuser"), "--nonl", "--contextid=1", "--adminuser=oxadmin", "--csv"]
    whole = subprocess.run(argv, env=env, capture_output=True, check=True).stdout
    ours = sorted(user.row for user in read_users(Spool.of(as_root(openxchange).stdout), whole=True))
    assert ours == sorted(user.row for user in read_users(Spool.of(whole), whole=True))
    assert len(ours) == 2


def slow_tool(folder: Path, seconds: int) -> Path:
    """A tool that says that it has begun, and leaves a child as the start of Java does."""
    tool = folder / "listuser"
    tool.write_text(f"#!/bin/sh\ntouch {folder}/begun\nsleep {seconds}.123\nprintf 'Id,Name\\n3,a\\n'\n")
    tool.chmod(0o755)
    listing(folder, f"root {tool}", "columns Id,Name")
    return tool


def at_work(text: object) -> list[str]:
    """Processes with this in their command lines."""
    found = subprocess.run(["pgrep", "-f", "--", str(text)], capture_output=True, text=True, check=False)
    return found.stdout.split()


def test_a_list_that_nobody_waits_for_ends_with_its_tool(openxchange: Path) -> None:
    """While the tool runs, and while another one has to end first."""
    tool = slow_tool(openxchange, 300)
    argv = ["/usr/bin/python3", "-IS", str(PROGRAM), str(openxchange), reconciler_remote.LIST]
    halves = [subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) for _ in range(2)]
    eventually((openxchange / "begun").exists)
    assert at_work(tool)
    for half in halves:
        assert half.poll() is None
        assert half.stdin is not None
        half.stdin.close()
    assert [half.wait(10) for half in halves] == [124, 124]
    assert at_work(tool) == at_work("sleep 300.123") == []


def test_whoever_comes_second_does_not_wait_for_ever(openxchange: Path) -> None:
    slow_tool(openxchange, 5)
    hasty = openxchange / "hasty"
    hasty.write_text(
        PROGRAM.read_text("utf-8").replace("LOCK_SECONDS, LIST_SECONDS = 60,", "LOCK_SECONDS, LIST_SECONDS = 1,")
    )
    argv = ["/usr/bin/python3", "-IS", str(hasty), str(openxchange), reconciler_remote.LIST]
    first = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    eventually((openxchange / "begun").exists)
    second = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    assert (second.returncode, second.stdout) == (77, b"")
    assert b"another list of OX' users is under way" in second.stderr
    assert first.communicate(timeout=20)[0] == b"Id,Name\n3,a\n", "input that has ended is nobody who went"
    assert first.returncode == 0


def test_reconciler_waits_longer_than_the_other_side() -> None:
    assert reconciler_remote.LOCK_SECONDS + reconciler_remote.LIST_SECONDS < tools._LIST_SECONDS


def test_the_other_half_needs_root_and_one_line(openxchange: Path) -> None:
    listing(openxchange, "columns Id")
    assert as_root(openxchange).returncode == 77
    listing(openxchange, "root true", "root false", "columns Id")
    assert as_root(openxchange).returncode == 77


def test_it_is_small_and_runs_on_every_debian() -> None:
    """Debian 11 has Python 3.9; an administrator reads it before it is installed."""
    text = PROGRAM.read_text("utf-8")
    assert len(text.splitlines()) < 250
    tree = ast.parse(text, feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
    assert "\t" not in text, "a shell would complete it when it is pasted"


@pytest.mark.parametrize("size", [1, 7, 31, 32, 33, 1000])
def test_an_answer_is_taken_only_when_it_is_whole(size: int) -> None:
    """In whichever pieces it comes."""
    asking = request("mail.example", ["cat"], {}, {}, 30)
    word = asking.word

    def answer(text: bytes, status: int = 0) -> bytes | None:
        taken = io.BytesIO()
        frame = asking.frame(taken)
        for at in range(0, len(text), size):
            frame.write(text[at : at + size])
        return taken.getvalue() if frame.close(status) else None

    whole = word + b"\nhalf\n" + word + b" end 0\n"
    assert answer(b"noise" + whole) == b"half\n"
    assert answer(whole.replace(b" end 0\n", b" end -15\n"), -15) == b"half\n"
    assert not [cut for cut in range(len(whole)) if answer(whole[:cut]) is not None]
    for text, status in ((whole, 1), (whole + b"more", 0), (whole.replace(word, b"0" * 32), 0)):
        assert answer(text, status) is None


def test_no_secret_is_sent() -> None:
    from pydantic import SecretStr

    with pytest.raises(UsageError, match="this login only reads"):
        request("mail.example", ["listuser"], {}, {"ADMIN_PASSWORD": SecretStr("x")}, 30)
