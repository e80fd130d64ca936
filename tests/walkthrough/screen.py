"""A terminal of 80 by 24 with a shell in it (tmux), and somebody who types and reads what is on the screen."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from pathlib import Path

from tests.services.needs import require

PROMPT = "volunteer$"
WIDTH, HEIGHT = 80, 24
_PATIENCE = 60.0
"""Seconds."""


class Screen:
    """The terminal. What has gone out at its top can still be scrolled to."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        (self._tmux,) = require("tmux", "tmux")
        self._socket = folder / "tmux"
        shell = ["env", *(f"{name}={value}" for name, value in env.items()), "bash", "--norc", "--noprofile"]
        size = ["-x", str(WIDTH), "-y", str(HEIGHT)]
        self._call("-f", "/dev/null", "new-session", "-d", *size, "-c", str(folder), shlex.join(shell))
        self.wait(PROMPT)

    def type(self, text: str, *, enter: bool = True) -> None:
        """Letter for letter."""
        self._call("send-keys", "-l", "--", text)
        if enter:
            self.press("Enter")

    def press(self, key: str) -> None:
        """A key by tmux' name: `Enter`, `C-c`, `Tab`."""
        self._call("send-keys", key)

    def text(self) -> str:
        """Everything since `clear`, a line that was broken at the edge as one."""
        return self._call("capture-pane", "-p", "-J", "-S", "-").rstrip()

    def visible(self) -> list[str]:
        """The lines that are seen now, as they are broken."""
        return self._call("capture-pane", "-p").rstrip().splitlines()

    def clear(self) -> None:
        """An empty screen with the prompt at its top, and nothing above it."""
        self._call("send-keys", "C-l")
        self._until(lambda: self.text().strip() == PROMPT or self._call("clear-history") != "", "an empty screen")
        self._call("clear-history")

    def wait(self, text: str) -> str:
        """Looks until this is at the end of the screen; what is on it then."""
        self._until(lambda: self.text().endswith(text), text)
        return self.text()

    def wait_for_question(self, question: str) -> None:
        """Looks until somebody is asked this."""
        self._until(lambda: self._asks(question), question)

    def _asks(self, question: str) -> bool:
        """The question's last line begins so and waits for an answer."""
        shown = self.text()
        return (
            question in shown[-400:]
            and bool(re.search(r"[:?]$", shown))
            and "\n" not in shown.rpartition(question)[2].strip("\n")
        )

    def wait_for_prompt(self) -> str:
        """Waits until the command that was typed has ended; what it has written."""
        self._until(lambda: self.text().count(PROMPT) > 1 and self.text().endswith(f"\n{PROMPT}"), "the next prompt")
        shown = self.text().removesuffix(PROMPT)
        return re.sub(r" +$", "", shown.partition("\n")[2], flags=re.MULTILINE)

    def run(self, line: str) -> str:
        """Types a command, and waits for its end; what it has written."""
        self.clear()
        self.type(line)
        return self.wait_for_prompt()

    def close(self) -> None:
        """Ends the shell and what it runs."""
        self._call("kill-server")

    def _until(self, true: object, what: str) -> None:
        assert callable(true)
        until = time.monotonic() + _PATIENCE
        while not true():
            assert time.monotonic() < until, f"waited in vain for {what!r}:\n{self.text()}"
            time.sleep(0.05)

    def _call(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._tmux, "-S", str(self._socket), *arguments], capture_output=True, text=True, check=True, timeout=30
        )
        return done.stdout
