"""What an error makes of the step that it ended."""

from __future__ import annotations

import pytest

from reconciler.errors import Halted, PermanentFailure, ReconcilerError, TemporaryFailure, Unreadable
from reconciler.planning.changes import Outcome, Result


@pytest.mark.parametrize(
    ("error", "result", "temporary"),
    [
        (Halted("stopped", hint="resume"), Result.NOT_TRIED, False),
        (TemporaryFailure("busy", hint="again"), Result.FAILED, True),
        (Unreadable("no connection", hint="again"), Result.FAILED, True),
        (PermanentFailure("refused", hint="declare it otherwise"), Result.FAILED, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ReconcilerError) else str(value),
)
def test_only_what_may_work_in_a_moment_is_temporary(error: ReconcilerError, result: Result, temporary: bool) -> None:
    assert Outcome.of(error) == Outcome(result, error.message, error.hint, temporary)
