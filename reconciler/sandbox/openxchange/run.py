"""The entry of every tool: `python -m reconciler.sandbox.openxchange.run FOLDER/sbin/TOOL [OPTIONS]`.

The scripts in `FOLDER/sbin` call it. A call: read the command line, let the tool do its work, say the
answer; a failure is printed in OX's shape and decides the exit status. What is wrong with the stand-in itself ends
with 2, a status that no tool of OX has.
"""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from reconciler.errors import ReconcilerError
from reconciler.sandbox.openxchange import switches as switch_file
from reconciler.sandbox.openxchange.attributes import from_environment
from reconciler.sandbox.openxchange.call import Answer, Call
from reconciler.sandbox.openxchange.change import changeuser
from reconciler.sandbox.openxchange.console import (
    Console,
    Subject,
    charset,
    decode,
    error_text,
    exception_suffix,
)
from reconciler.sandbox.openxchange.create import createuser
from reconciler.sandbox.openxchange.delete import deleteuser, existsuser
from reconciler.sandbox.openxchange.failures import (
    MISSING_OPTION,
    LocalFailure,
    ServerFailure,
    ToolFailure,
    storage,
)
from reconciler.sandbox.openxchange.listing import listuser
from reconciler.sandbox.openxchange.options import DYNAMIC_TOOLS, options
from reconciler.sandbox.openxchange.parser import Given, Option, parse, unrecognized
from reconciler.sandbox.openxchange.store import connect
from reconciler.sandbox.openxchange.usage import environment, usage

_LINES_AT_ONCE = 1000

_TOOLS: dict[str, Callable[[Call], Answer]] = {
    "listuser": listuser,
    "createuser": createuser,
    "changeuser": changeuser,
    "deleteuser": deleteuser,
    "existsuser": existsuser,
}


class Run:
    """One call of one tool, from its arguments to its exit status."""

    def __init__(
        self,
        tool: str,
        folder: Path,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        streams: tuple[BinaryIO, BinaryIO] | None = None,
    ) -> None:
        """`streams` take what goes to standard output and standard error of a process."""
        encoding = charset(environ)
        self._tool = tool
        self._folder = folder
        self._arguments = [decode(argument, encoding) for argument in arguments]
        self._environ = {name: decode(value, encoding) for name, value in environ.items()}
        self._console = Console(encoding, *(streams or (sys.stdout.buffer, sys.stderr.buffer)))
        self._switches = switch_file.load(folder)
        password = from_environment(self._environ, "NEW_USER_PASSWORD")
        self._options = options(tool, self._switches.version, password_in_environment=password is not None)
        self._subject = Subject(tool)

    def status(self) -> int:
        """Does it all and returns the exit status."""
        if self._switches.start_seconds:
            time.sleep(self._switches.start_seconds)
        try:
            given = parse(self._arguments, self._options, dynamic=self._tool in DYNAMIC_TOOLS)
            text = self._asked_for_help(given)
            if text is not None:
                self._console.out(text)
                return 0
            _check_complete(given, self._options)
            with closing(connect(self._folder)) as connection:
                return self._carry_out(Call(self._tool, connection, self._switches, given, self._environ))
        except sqlite3.Error as error:
            return self._fail(storage(f"{type(error).__name__}: {error}"))
        except ToolFailure as failure:
            return self._fail(failure)

    def _asked_for_help(self, given: Given) -> str | None:
        if given.has("help"):
            return usage(self._tool, self._options, extended=False)
        if given.has("environment"):
            return environment(self._environ)
        if given.has("extendedoptions"):
            return usage(self._tool, self._options, extended=True)
        return None

    def _carry_out(self, call: Call) -> int:
        self._subject = call.subject
        answer = _TOOLS[self._tool](call)
        if call.faults is None:
            raise AssertionError(f"{self._tool} answered without asking the server")
        call.faults.timed_out(call.response_timeout)
        call.faults.before_answer()
        if call.faults.cuts_answer:
            whole = "".join(answer.text)
            self._console.out(whole[: len(whole) // 2])
            call.faults.after_half()
        lines = iter(answer.text)
        while chunk := "".join(itertools.islice(lines, _LINES_AT_ONCE)):
            self._console.out(chunk)
        return answer.status

    def _fail(self, failure: ToolFailure) -> int:
        if isinstance(failure, ServerFailure) and self._switches.version == "NEW":
            failure = ServerFailure(failure.status, failure.message + exception_suffix(str(self._folder)))
        self._console.err(error_text(failure, self._subject, one_line="--nonl" in self._arguments))
        if isinstance(failure, LocalFailure) and failure.shows_usage:
            self._console.out(usage(self._tool, self._options, extended=False))
        return failure.status


def _check_complete(given: Given, known: Sequence[Option]) -> None:
    """Raises LocalFailure: 111 for a stray word, 104 for a missing option. An import has its own mandatory columns."""
    if given.stray:
        raise unrecognized(*given.stray)
    if given.has("csv-import"):
        return
    missing = [option.long for option in known if option.marker == "*" and not given.has(option.long)]
    if missing:
        raise LocalFailure(MISSING_OPTION, f'Option(s) "{",".join(missing)}" missing')


def main(arguments: Sequence[str]) -> int:
    """`arguments`: the tool in the stand-in's folder, and what stood on the command line."""
    # A reader that has seen enough (`listuser | head`) ends the tool quietly.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    script, *rest = arguments
    path = Path(script)
    try:
        return Run(path.name, path.parent.parent, rest, os.environ).status()
    except ReconcilerError as error:
        sys.stderr.write(f"stand-in of reconciler: {error.message}\n{error.hint}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
