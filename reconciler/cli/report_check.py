"""`reconciler report --check`: an answer for Nagios and Icinga, with their exit statuses in place of ours."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, NoReturn

from reconciler.cli.mask_key import Hiding
from reconciler.cli.report_files import read_file
from reconciler.cli.runner import report_bug
from reconciler.cli.streams import write
from reconciler.errors import ReconcilerError, UsageError
from reconciler.mail_queue.select import asked_age
from reconciler.planning.command_status import Status
from reconciler.report.documents.nagios import Checked, State, check, check_text, unknown
from reconciler.systems.registry import register_kinds

_LEAST_STATUS = 3
"""Before it are those of a command that died or was called wrongly: nothing is known then."""


class Asked(NamedTuple):
    """What the answer is about, as it was typed: `states` are pairs like `4=critical`."""

    files: Sequence[Path]
    max_age: str | None
    states: Sequence[str]
    hide: Hiding


def leave_with_check(asked: Asked, write_others: Callable[[], object]) -> NoReturn:
    """Writes the other reports, then the answer, and leaves with 0 to 3. Whatever goes wrong is UNKNOWN: a file that is
    not there, since the command may have died before it wrote it, as well as a bug."""
    try:
        write_others()  # of a document that is not there, this says it
        checked = _checked(asked)
    except ReconcilerError as error:
        checked = [unknown(_in_one_line(error))]
    except Exception as error:  # noqa: BLE001  # 1 would be a warning for those who ask
        report_bug(error)
        checked = [unknown("unexpected error, a bug in reconciler")]
    text, state = check_text(checked)
    write(text)
    sys.exit(int(state))


def _checked(asked: Asked) -> list[Checked]:
    register_kinds()  # plans say what a transition is about in their words
    oldest = timedelta(seconds=asked_age(asked.max_age)) if asked.max_age is not None else None
    states, now = dict(map(_state, asked.states)), datetime.now(UTC)
    checked = list[Checked]()
    for file in asked.files:
        try:
            (document,) = asked.hide([read_file(file)])
            checked.append(check(document, now, oldest, states))
        except UsageError as error:
            checked.append(unknown(error.message))
    return checked


def _state(pair: str) -> tuple[Status, State]:
    """Which state an exit status is, as the site wants. Nothing becomes OK but what is pending, and what is not known
    stays UNKNOWN. Raises UsageError."""
    number, _, word = pair.partition("=")
    known = {str(int(s)): s for s in Status if s >= _LEAST_STATUS and s is not Status.UNREADABLE}
    states = {state.name.casefold(): state for state in (State.WARNING, State.CRITICAL)}
    if number == str(int(Status.PENDING)):
        states |= {"ok": State.OK}
    if number not in known or word.casefold() not in states:
        message = f"--check-as {pair}: expected an exit status from 3 to 8, =, and warning or critical (of 4 also ok)"
        raise UsageError(message, hint="write, say, --check-as 4=critical (docs/monitoring.md)")
    return known[number], states[word.casefold()]


def _in_one_line(error: ReconcilerError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
