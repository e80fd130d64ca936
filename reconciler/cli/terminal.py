"""The terminal: its width, its colours, and questions to the person at it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, nullcontext
from typing import Any, TypeVar

from rich.console import Console

from reconciler.cli.streams import fitting, say, write_beside
from reconciler.errors import UsageError
from reconciler.report.sanitize import visible

T = TypeVar("T")

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def colored() -> bool:
    """Whether standard output is a terminal that shows colours (TERM=dumb does not) and NO_COLOR is not set."""
    return console.is_terminal and not console.is_dumb_terminal and not console.no_color


async def confirmed(question: str) -> bool:
    """Asks at the terminal; Enter alone, Ctrl-C and Ctrl-D are no. The loop runs meanwhile, so that the lock is renewed
    and connections stay open."""
    async with _keyboard() as answers:
        while True:
            write_beside(f"{question} [y/N]: ", end="")
            answer = await answers.get()
            if answer is None:
                say("")
                return False
            if answer.strip().lower() in ("y", "yes"):
                return True
            if answer.strip().lower() in ("", "n", "no"):
                return False
            say("please answer y or n")


async def ask(question: str, *, hidden: bool = False) -> str | None:
    """The line that somebody types, without its end; None for Ctrl-C and Ctrl-D. `hidden`: it is not shown."""
    async with _keyboard() as answers, _unseen() if hidden else nullcontext():
        write_beside("\n".join(fitting(visible(line)) for line in question.split("\n")), end="")
        answer = await answers.get()
    if answer is None or hidden:
        say("")
    return None if answer is None else answer.rstrip("\r\n")


async def until_interrupted(work: Coroutine[Any, Any, T]) -> T:
    """What the work gives. Raises UsageError after a Ctrl-C, which ends it."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise UsageError("stopped by Ctrl-C", hint="once more to leave, or answer again") from None
    finally:
        loop.remove_signal_handler(signal.SIGINT)


@asynccontextmanager
async def _keyboard() -> AsyncIterator[asyncio.Queue[str | None]]:
    """The lines that somebody types meanwhile; None for Ctrl-C and Ctrl-D."""
    loop, terminal = asyncio.get_running_loop(), sys.stdin.fileno()
    answers: asyncio.Queue[str | None] = asyncio.Queue()
    # a terminal returns a line at a time; an empty read is Ctrl-D
    loop.add_reader(terminal, lambda: answers.put_nowait(os.read(terminal, 1024).decode("utf-8", "replace") or None))
    for number in _ENDS:
        loop.add_signal_handler(number, lambda: answers.put_nowait(None))
    try:
        yield answers
    finally:
        for number in _ENDS:
            loop.remove_signal_handler(number)
        loop.remove_reader(terminal)


_ENDS = (signal.SIGINT, signal.SIGTERM)
"""Both are an answer: a process that dies meanwhile would leave a terminal that shows nothing."""


@asynccontextmanager
async def _unseen() -> AsyncIterator[None]:
    """The terminal shows nothing of what is typed."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = [*before]
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
