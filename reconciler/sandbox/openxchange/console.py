"""Streams of a tool: encoding as a JVM's default does it, and errors in OX's shapes (`facts/open-xchange.md` 1.5, 2.3).

Called by `run.py` only.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Mapping
from typing import BinaryIO

from reconciler.sandbox.openxchange.failures import LocalFailure, ServerFailure, ToolFailure

_VERBS = {
    "createuser": "created",
    "changeuser": "changed",
    "deleteuser": "deleted",
    "listuser": "listed",
    "existsuser": "retrieved",
}
_CALLS = {
    "createuser": "create",
    "changeuser": "change",
    "deleteuser": "delete",
    "listuser": "list",
    "existsuser": "exists",
}


def charset(environ: Mapping[str, str]) -> str:
    """The JVM's default encoding: UTF-8 only where the locale says so (2.3)."""
    locale = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "")
    return "utf-8" if "utf8" in locale.lower().replace("-", "") else "ascii"


def decode(argument: str, encoding: str) -> str:
    """An argument as the JVM sees it. In an ASCII locale every byte of an umlaut becomes a replacement character."""
    return os.fsencode(argument).decode(encoding, errors="replace")


class Subject:
    """Whom the call is about, for messages. Known piece by piece while the command line is read."""

    def __init__(self, tool: str) -> None:
        self.tool = tool
        self.ident = ""
        self.context_id: int | None = None

    @property
    def text(self) -> str:
        """`user anna in context 1`, as far as it is known. createuser never has an ident (1.5)."""
        parts = ["users" if self.tool == "listuser" else "user"]
        if self.ident:
            parts.append(self.ident)
        if self.context_id is not None:
            parts.append(f"in context {self.context_id}")
        return " ".join(parts)

    @property
    def first_line(self) -> str:
        """What precedes every error, with its trailing blank; existsuser has none (1.5)."""
        return "" if self.tool == "existsuser" else f"{self.text} could not be {_VERBS[self.tool]}: "


class Console:
    """stdout and stderr in one encoding; what it cannot say becomes `?`."""

    def __init__(self, encoding: str, out: BinaryIO, err: BinaryIO) -> None:
        self._encoding = encoding
        self._out, self._err = out, err

    def out(self, text: str) -> None:
        """Success messages, tables, and the usage after some errors."""
        self._out.write(text.encode(self._encoding, errors="replace"))
        self._out.flush()

    def err(self, text: str) -> None:
        """Errors only."""
        self._err.write(text.encode(self._encoding, errors="replace"))
        self._err.flush()


def error_text(failure: ToolFailure, subject: Subject, *, one_line: bool) -> str:
    """What stands on stderr: first line, then the body by the kind of failure. `one_line` is the option `--nonl`."""
    message = failure.message.replace("\n", "") if one_line else failure.message
    first = subject.first_line
    if first and not one_line:
        first += "\n"
    match failure:
        case ServerFailure():
            frames = _frames(subject.tool)
            if one_line:
                return f"{first}Server response: {message}{''.join(f': {frame}' for frame in frames)}\n"
            trace = "".join(f"\tat {frame}\n" for frame in frames)
            return f"{first}Server response:\n {message}\n{trace}\n"
        case LocalFailure():
            return f"{first}Error: {message}\n"
        case _:
            return f"{first}{message}\n"


def exception_suffix(folder: str) -> str:
    """`; exceptionId <int>-<n>` of 7.10.4 and later (1.5): an integer of this server, possibly negative, and a number
    that counts up."""
    return f"; exceptionId {zlib.crc32(folder.encode()) - 2**31}-{time.monotonic_ns() // 10**6}"


def _frames(tool: str) -> tuple[str, ...]:
    """A made-up trace in Java's form; nothing in it may be relied on."""
    call = _CALLS[tool]
    return (
        f"com.openexchange.admin.rmi.impl.OXUser.{call}(OXUser.java:1234)",
        f"jdk.internal.reflect.GeneratedMethodAccessor17.invoke({call}: Unknown Source)",
        "java.rmi/sun.rmi.server.UnicastServerRef.dispatch(UnicastServerRef.java:359)",
        "reconciler.standin.NotOpenXchange.answer(run.py:1)",
    )
