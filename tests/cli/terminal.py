"""A command on a terminal of its own, with somebody at the keyboard. The fixture `terminal` starts them."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import time
from pathlib import Path

from tests.cli.running import COMMAND, environment
from tests.cli.site import OX_ENV, OX_PASSWORD
from tests.services.nursery import nursery

INTERRUPT = "\x03"
_PATIENCE = 5.0
"""Seconds."""


class Terminal:
    """A command on a terminal of its own. The terminal shows standard output and standard error as one."""

    def __init__(self, folder: Path, *arguments: str, program: str = COMMAND[2], **env: str) -> None:
        self._terminal, theirs = pty.openpty()
        self.seen = ""
        env = environment(**{"TERM": "xterm-256color", OX_ENV: OX_PASSWORD, **env})
        self.pid = nursery().start(program, arguments, folder, env, (theirs, theirs, theirs), terminal=True)
        self._status: int | None = None
        os.close(theirs)
        os.set_blocking(self._terminal, False)

    def read_until(self, text: str | None, seconds: float = 60) -> str:
        """Reads until `text` shows up, to the end when it is None."""
        until = time.monotonic() + seconds
        while text is None or text not in self.seen:
            readable, _, _ = select.select([self._terminal], [], [], max(0.0, until - time.monotonic()))
            assert readable, f"waited in vain for {text!r}: {self.seen}"
            if not self._read():
                assert text is None, self.seen
                break
        return self.seen

    def _read(self) -> bool:
        """Reads what is there; False at the end."""
        try:
            chunk = os.read(self._terminal, 4096)
        except OSError:  # closed on the other side
            return False
        self.seen += chunk.decode("utf-8", "replace")
        return bool(chunk)

    @property
    def plain(self) -> str:
        """What was seen, without colours."""
        return re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", self.seen)

    def type(self, keys: str) -> None:
        """As somebody at the keyboard. A Ctrl-C that comes just before the program begins to read is not seen until the
        next key, so after a while it is pressed again."""
        self._write(keys.encode())
        until = time.monotonic() + _PATIENCE
        while keys == INTERRUPT and self._poll() is None:
            if time.monotonic() > until:
                os.write(self._terminal, keys.encode())
                return
            time.sleep(0.05)

    def _write(self, keys: bytes) -> None:
        """Reads meanwhile, as a terminal does: a program whose output nobody takes stops reading what is pasted."""
        while keys:
            readable, writable, _ = select.select([self._terminal], [self._terminal], [], 60)
            assert readable or writable, f"nobody reads what is typed: {self.seen}"
            if readable:
                assert self._read(), self.seen
            else:
                keys = keys[os.write(self._terminal, keys[:256]) :]

    def status(self) -> int:
        """Waits for the end."""
        self.read_until(None)
        assert "Traceback" not in self.seen
        until = time.monotonic() + 60
        while (status := self._poll()) is None:
            assert time.monotonic() < until, self.seen
            time.sleep(0.005)
        return status

    def kill(self) -> None:
        """kill -9: nothing is cleaned up."""
        assert self._poll() is None, self.seen
        os.kill(self.pid, signal.SIGKILL)
        self._status = nursery().wait(self.pid)

    def close(self) -> None:
        """Takes the terminal away; a command that still waits on it is ended."""
        os.close(self._terminal)
        if self._poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self._status = nursery().wait(self.pid)

    def _poll(self) -> int | None:
        if self._status is None:
            self._status = nursery().poll(self.pid)
        return self._status


def answered(terminal: Terminal, *pairs: tuple[str, str]) -> None:
    """Each question is waited for and answered with a line."""
    for question, answer in pairs:
        terminal.read_until(question)
        terminal.seen = terminal.seen.partition(question)[2]
        terminal.type(f"{answer}\n")
