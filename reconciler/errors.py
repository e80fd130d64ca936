"""Every error that this project raises on purpose.

    ReconcilerError                 a message, and a hint that says what to do next
    ├── InvalidInput                the declared state or the site file is wrong: all findings at once (status 3)
    ├── UsageError                  the command cannot be carried out as it was written (status 2)
    ├── StalePlan                   the saved plan is not what would be done now (status 6)
    ├── LockError                   somebody else is at work, or has taken our lock (status 7)
    ├── Unreadable                  a live system could not be read: it is unknown, never empty (status 9)
    │   └── ForgeError              the forge did not do what it was asked for, or did not answer
    └── EffectFailed                a write to a live system did not happen
        ├── TemporaryFailure        the same write may work in a moment: retried
        ├── PermanentFailure        it will not work until somebody changes something: stopped
        └── Halted                  it was not begun, because somebody stopped the run

Anything else that reaches `cli.runner` is a bug (status 1).
"""

from __future__ import annotations


class ReconcilerError(Exception):
    """An error with a message for people; `hint` names the next command or the thing to change."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidInput(ReconcilerError):
    """What git declares or what the site file says is wrong; `findings` holds every problem with its place."""

    def __init__(self, findings: tuple[object, ...]) -> None:
        problems = "1 problem" if len(findings) == 1 else f"{len(findings)} problems"
        super().__init__(f"{problems} in the declared state or the site file")
        self.findings = findings


class UsageError(ReconcilerError):
    """The command cannot be carried out as it was written."""


class StalePlan(ReconcilerError):
    """The saved plan is of another site, used, or no longer what would be done."""


class LockError(ReconcilerError):
    """The ledger's lock is not ours: somebody else holds it, or took it away. `apply.ledger` says which."""


class Unreadable(ReconcilerError):
    """A live system could not be read or reached."""


class ForgeError(Unreadable):
    """The forge did not do what it was asked for. `status` is HTTP's, 0 without an answer. A `temporary` one may work
    in a moment, after `retry_after` seconds where the forge says so; an `uncertain` one may have been carried out."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int = 0,
        temporary: bool = False,
        uncertain: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.temporary = temporary
        self.uncertain = uncertain
        self.retry_after = retry_after


class EffectFailed(ReconcilerError):
    """A write to a live system did not happen, or it is not known whether it did."""


class TemporaryFailure(EffectFailed):
    """The same write may work in a moment."""


class PermanentFailure(EffectFailed):
    """The write will not work until somebody changes something."""


class Halted(EffectFailed):
    """The write was not begun: somebody asked the run to stop."""
