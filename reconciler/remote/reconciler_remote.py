#!/usr/bin/python3 -IS
"""reconciler-remote: a login over SSH that lists what `reconciler plan` compares, and does nothing else.

`reconciler remote install` prints how it gets onto the mail host. sshd runs it for one key, by command= in a file that
root owns, as `reconciler-remote FOLDER`; what the other side asks for is in SSH_ORIGINAL_COMMAND:

    reconciler-remote 1 SECONDS HALF HALF COMMAND

COMMAND is compared letter by letter with the lines of FOLDER/commands, and the line that is equal is what runs: no
shell sees the request, and nothing in it becomes an argument. Words are percent-encoded; NAME=VALUE in front sets a
variable; no other variable of the session is passed on. A line of FOLDER/commands is one of

    user COMMAND            runs as the user who logged in
    root COMMAND            OX' listuser: runs as root through sudo, with the password in FOLDER/openxchange-password
    columns NAME,NAME,…     what of its answer is passed on: it holds password hashes and private addresses, too

An answer begins with both halves as one word, a line on standard output and on standard error, and ends with the line
`WORD end STATUS` on both. One without them is not whole, whatever came of it. What is refused is logged (auth.warning).
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
import re
import select
import signal
import stat
import subprocess
import sys
import syslog
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TextIO
from urllib.parse import unquote

VERSION = "1"
LIST = "--list-openxchange"  # the second argument of the half that sudo runs
LONGEST, MOST_SECONDS = 8192, 3600
LOCK_SECONDS, LIST_SECONDS = 60, 1700  # together less than the 1800 that reconciler waits
STEP = 0.5  # seconds between two looks whether anybody still waits for the answer
REQUEST = re.compile(r"reconciler-remote 1 ([0-9]{1,4}) ([0-9a-f]{16}) ([0-9a-f]{16}) ([!-~]+( [!-~]+)*)")
VARIABLE = re.compile(r"[A-Z_]+=")
BASE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"}
TIMED_OUT, REFUSED, CUT = 124, 77, 65


class Refused(Exception):
    """Nothing was run."""


def main(arguments: list[str]) -> int:
    syslog.openlog("reconciler-remote", syslog.LOG_PID, syslog.LOG_AUTH)
    try:
        if len(arguments) == 2 and arguments[1] == LIST:
            return list_openxchange(arguments[0])
        if len(arguments) != 1:
            raise Refused("it is called as reconciler-remote FOLDER")
        return serve(arguments[0], os.environb.get(b"SSH_ORIGINAL_COMMAND", b""))
    except Refused as refused:
        complain(f"reconciler-remote: {refused}")
        return REFUSED


def serve(folder: str, request: bytes) -> int:
    """The half that sshd runs, without rights."""
    asked = request[:LONGEST].decode("ascii", "backslashreplace")
    match = REQUEST.fullmatch(asked)
    if match is None or len(request) > LONGEST or not request.isascii():
        syslog.syslog(syslog.LOG_WARNING, f"refused: {asked[:300]!r}")
        version = re.match(r"reconciler-remote ([0-9]{1,9}) ", asked)
        if version and version[1] != VERSION:
            spoken = f"version {VERSION} is installed here, and version {version[1]} was asked for"
            raise Refused(f"{spoken}: install the one of that reconciler (reconciler remote install)")
        raise Refused("refused: this login answers `reconciler plan` and the like, and nothing else")
    seconds, command = min(int(match[1]), MOST_SECONDS), match[4]
    kinds = [kind for kind, line in lines(folder) if kind in ("user", "root") and line == command]
    if not kinds:
        syslog.syslog(syslog.LOG_WARNING, f"refused: {command[:300]!r}")
        first = next((unquote(word) for word in command.split(" ") if not VARIABLE.match(word)), "")
        raise Refused(f"refused: {folder}/commands, which lists what may run, has no such call of {first[:100]!a}")
    syslog.syslog(syslog.LOG_INFO, f"runs: {command[:300]!r}")
    word = match[2] + match[3]
    both(f"{word}\n")
    if kinds[0] == "root":
        sudo = ["/usr/bin/sudo", "-n", "--", os.path.abspath(__file__), folder, LIST]
        status = run(sudo, BASE, seconds, stdin=subprocess.PIPE)  # it ends with us: see `list_openxchange`
    else:
        status = run(*parted(command), seconds)
    both(f"{word} end {status}\n")
    return status


def list_openxchange(folder: str) -> int:
    """The half that sudo runs as root: of what the other side sent it sees nothing. The other half may not kill it; the
    pipe that is its standard input is closed when that one ends, and then this one ends, with the tool."""
    known = lines(folder)
    commands = [line for kind, line in known if kind == "root"]
    columns = [name for kind, line in known if kind == "columns" for name in line.split(",")]
    if os.geteuid() != 0 or len(commands) != 1:
        raise Refused(f"{folder}/commands must have one line `root …`, and sudo must run this as root")
    argv, variables = parted(commands[0])
    with trusted(f"{folder}/openxchange-password", secret=True) as file:
        lock(file)
        variables["ADMIN_PASSWORD"] = file.read().rstrip("\r\n")
        child = subprocess.Popen(
            argv, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
        )
        try:
            answer = output(child)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)  # the tool is a script, which has started Java
                child.wait()
    if child.returncode != 0:
        return child.returncode if child.returncode > 0 else 128 - child.returncode
    try:
        sys.stdout.buffer.writelines(picked(answer, columns))
        sys.stdout.flush()
    except (csv.Error, ValueError) as error:
        complain(f"reconciler-remote: the answer of listuser is not whole: {error}")
        return CUT
    return 0


def lock(file: TextIO) -> None:
    """One list at a time, however many sessions ask."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(TIMED_OUT))
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise Refused("another list of OX' users is under way: ask again when it has ended") from None
        leave_if_hung_up(0)
        time.sleep(STEP)


def output(child: subprocess.Popen[bytes]) -> bytes:
    """What it prints until it ends; leaves when that takes too long, or nobody waits for it."""
    until = time.monotonic() + LIST_SECONDS
    while time.monotonic() < until:
        try:
            return child.communicate(timeout=STEP)[0]
        except subprocess.TimeoutExpired:
            leave_if_hung_up(0)
    sys.exit(TIMED_OUT)


def leave_if_hung_up(stream: int) -> None:
    """Ends this process when the other end of the pipe or socket is closed; anything else never is."""
    poll = select.poll()
    poll.register(stream, 0)  # POLLHUP and POLLERR are told unasked (poll(2)): input that has ended is neither
    if poll.poll(0):
        sys.exit(TIMED_OUT)


def picked(answer: bytes, columns: Iterable[str]) -> Iterator[bytes]:
    """Lines of the CSV with these columns alone; raises ValueError and csv.Error for what is no whole table."""
    csv.field_size_limit(2**26)
    text = io.TextIOWrapper(io.BytesIO(answer), encoding="utf-8", errors="surrogateescape", newline="")
    rows = csv.reader(text, strict=True)
    header = next(rows, [])
    if not answer.endswith(b"\n") or any(header.count(name) != 1 for name in columns):
        raise ValueError("it lacks its last line end, or its first line does not name each column once")
    keep = [header.index(name) for name in columns]
    for cells in chain([header], filter(None, rows)):
        if len(cells) != len(header):
            raise ValueError(f"a line has {len(cells)} of {len(header)} values")
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([cells[number] for number in keep])
        yield line.getvalue().encode("utf-8", "surrogateescape")


def lines(folder: str) -> list[tuple[str, str]]:
    """(kind, rest) of each line of the list of commands."""
    with trusted(f"{folder}/commands") as file:
        parts = [line.rstrip("\n").partition(" ") for line in file if line.strip() and not line.startswith("#")]
    return [(kind, rest) for kind, _, rest in parts]


def trusted(path: str, *, secret: bool = False) -> TextIO:
    """Opens a file that nobody but root can have written; a secret also must not be readable for others."""
    try:
        file = open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8")
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    found = os.fstat(file.fileno())
    if found.st_uid != 0 or not stat.S_ISREG(found.st_mode) or found.st_mode & (0o077 if secret else 0o022):
        raise Refused(f"{path} must be a file of root's that nobody else can {'read' if secret else 'write'}")
    return file


def parted(command: str) -> tuple[list[str], dict[str, str]]:
    """Arguments and variables of a line."""
    words = [unquote(word) for word in command.split(" ")]
    count = next((number for number, word in enumerate(words) if not VARIABLE.match(word)), len(words))
    return words[count:], {**BASE, **dict(word.split("=", 1) for word in words[:count])}


def run(argv: list[str], variables: dict[str, str], seconds: int, stdin: int | None = None) -> int:
    """The exit status; more than 128 for a signal, 124 after this many seconds, 127 where there is no such program."""
    try:
        child = subprocess.Popen(argv, env=variables, stdin=stdin)
    except OSError as error:
        complain(f"{argv[0]}: {error.strerror}")
        return 127
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            try:
                status = child.wait(min(STEP, max(0.0, until - time.monotonic())))
                return status if status >= 0 else 128 - status
            except subprocess.TimeoutExpired:
                leave_if_hung_up(1)  # sshd ends no command whose client has gone
        return TIMED_OUT
    finally:
        stop(child)


def stop(child: subprocess.Popen[bytes]) -> None:
    """Ends it, if it has not ended; root's half by the end of its input, since sudo takes no signal from a user."""
    if child.stdin is not None:
        child.stdin.close()
    elif child.poll() is None:
        child.kill()


def both(text: str) -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.write(text)
        stream.flush()


def complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
