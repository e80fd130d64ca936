"""What one check of `reconciler doctor` says. Every area of checks answers with these; reports write them."""

from enum import StrEnum
from typing import NamedTuple

from reconciler.errors import ReconcilerError


class Verdict(StrEnum):
    """What became of a check, the worst first."""

    FAILED = "failed"
    """Something that is needed does not work: status 9."""
    UNKNOWN = "unknown"
    """It could not be looked at, so nobody knows: status 9."""
    WARNING = "warning"
    """It works, and should be put right: status 4."""
    OK = "ok"


class Check(NamedTuple):
    """One check. No secret is in any of it."""

    area: str
    """The heading that it stands under: `database`, `openxchange`, `postfix`, `ssh`, `clock`, `dns` …"""
    name: str
    """What was looked at, in a few words: `rights of the planner`, `PTR of 192.0.2.25`."""
    verdict: Verdict
    saw: str
    """What was seen, in a sentence."""
    why: str = ""
    """Why it matters, in a sentence; empty where all is well."""
    fix: tuple[str, ...] = ()
    """What to do, a step each; a line that can be pasted stands alone."""


UNSEEN = "what could not be looked at may be right or wrong: nobody knows"


def unknown(area: str, name: str, error: ReconcilerError) -> Check:
    """The check of what could not be looked at."""
    return Check(area, name, Verdict.UNKNOWN, error.message, UNSEEN, (error.hint,) if error.hint else ())
