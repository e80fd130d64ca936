"""`reconciler report --check`: an answer for Nagios and Icinga, with their exit statuses in place of ours."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

from reconciler.cli.report import read_file
from reconciler.cli.runner import report_bug
from reconciler.cli.streams import write
from reconciler.errors import ReconcilerError, UsageError
from reconciler.mail_queue.select import asked_age
from reconciler.report.documents.nagios import Checked, check, check_text, unknown
from reconciler.systems.registry import register_kinds


def leave_with_check(files: Sequence[Path], max_age: str | None, write_others: Callable[[], object]) -> NoReturn:
    """Writes the other reports, then the answer, and leaves with 0 to 3. Whatever goes wrong is UNKNOWN: a file that is
    not there, since the command may have died before it wrote it, as well as a bug."""
    try:
        write_others()  # of a document that is not there, this says it
        checked = _checked(files, max_age)
    except ReconcilerError as error:
        checked = [unknown(_in_one_line(error))]
    except Exception as error:  # noqa: BLE001  # 1 would be a warning for those who ask
        report_bug(error)
        checked = [unknown("unexpected error, a bug in reconciler")]
    text, state = check_text(checked)
    write(text)
    sys.exit(int(state))


def _checked(files: Sequence[Path], max_age: str | None) -> list[Checked]:
    register_kinds()  # plans say what a transition is about in their words
    oldest = timedelta(seconds=asked_age(max_age)) if max_age is not None else None
    now = datetime.now(UTC)
    checked = list[Checked]()
    for file in files:
        try:
            checked.append(check(read_file(file), now, oldest))
        except UsageError as error:
            checked.append(unknown(error.message))
    return checked


def _in_one_line(error: ReconcilerError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
