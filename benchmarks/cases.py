"""What is measured: one `Case` a line. For `run`.

Another case is another line in CASES; whoever adds an option or a variable of reconciler adds one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from benchmarks.people import ONE
from benchmarks.site import BenchSite
from reconciler.cli.exit_status import Status

Change = Callable[[BenchSite], AbstractContextManager[None]]


class When(IntEnum):
    """At which point of a site's life; cases of one point leave the site as it was."""

    NEW = 1
    """The ledger is empty."""
    QUIET = 2
    """An `apply` has adopted everything: nothing is to be done."""
    LAST = 3
    """Writes."""


@dataclass(frozen=True, slots=True)
class Case:
    """One command. In `arguments` and the values of `environment` {folder} is the site's folder."""

    name: str
    arguments: tuple[str, ...]
    when: When = When.QUIET
    expected: Status = Status.DONE
    change: Change = field(default=lambda _: nullcontext())
    """What is different while it runs."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    warm: bool = False
    """One run before that does not count."""
    against: Literal["", "YAML", "floor"] = ""
    """The part of the floor with which it is compared."""


QUIET = "plan, nothing to do"
CACHED = "plan, nothing to do, state cached"
CASES = (
    Case("validate", ("validate",), against="YAML"),
    # our section of the sender map is the one thing that was not made in bulk
    Case("plan, the first of a site", ("plan",), When.NEW, Status.PENDING),
    Case(QUIET, ("plan",), against="floor"),
    Case(
        CACHED,
        ("plan",),
        environment={"RECONCILER_CACHE": "{folder}/cache", "CI": ""},  # in jobs the cache is left alone
        warm=True,
        against="floor",
    ),
    Case("plan, 1 % changed", ("plan",), expected=Status.PENDING, change=BenchSite.with_change, against="floor"),
    Case(
        "plan --only, one account",
        ("plan", "--only", ONE),
        expected=Status.PENDING,
        change=BenchSite.with_one_change,
    ),
    Case(
        "plan --changed, one account",
        ("plan", "--base", "HEAD", "--changed"),
        expected=Status.PENDING,
        change=BenchSite.with_one_change,
    ),
    Case("import", ("import", "--into", "{folder}/imported", "--overwrite")),
    Case("apply, new accounts", ("apply", "--yes"), When.LAST, change=BenchSite.with_newcomers),
)
FLOOR = "floor"
NAMES = (*(case.name for case in CASES), FLOOR)
