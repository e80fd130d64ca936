"""The entry of the console script and of `python -m reconciler`, and the last net under every command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from reconciler.cli.completion import answer_shell, asked_by_shell
from reconciler.cli.exit_status import Status
from reconciler.cli.process_tuning import import_fast, leave
from reconciler.cli.runner import complain, report_bug
from reconciler.cli.streams import known_width, open_streams, plain_streams, unwritable
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.cli.command_options import Commands


def main() -> None:
    """What the console script calls: the process ends with it."""
    open_streams()
    plain_streams()
    known_width()
    import_fast()
    try:
        run()
    except SystemExit as end:
        if isinstance(end.code, int):
            leave(end.code)
        raise


def run() -> None:
    """One command, to its SystemExit."""
    from reconciler.cli.commands import app

    try:
        answer_shell()
        _check_order(sys.argv[1:], app)
        app(prog_name="reconciler")
    except UsageError as error:
        complain(error)
        sys.exit(int(Status.USAGE))
    except Exception as error:  # noqa: BLE001  # the last net: a bug must not show a traceback to a volunteer at eleven
        if asked_by_shell():
            sys.exit(int(Status.BUG))
        if isinstance(error, OSError) and (len(sys.argv) == 1 or "--help" in sys.argv):
            complain(unwritable(error))  # only the CLI library writes in such a call
            sys.exit(int(Status.USAGE))
        report_bug(error)
        sys.exit(int(Status.BUG))


def _check_order(arguments: list[str], app: Commands) -> None:
    """Options belong to commands, and stand behind them. Raises UsageError with the line in its right order."""
    first = next((index for index, word in enumerate(arguments) if word in app.listed), 0)
    if first and arguments[0].startswith(("--site", "--format", "--state")):
        right = " ".join(["reconciler", arguments[first], *arguments[:first], *arguments[first + 1 :]])
        raise UsageError("options go after the command", hint=f"write: {right}")
