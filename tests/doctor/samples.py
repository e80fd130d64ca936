"""An examination with one check of each verdict, for tests of reports."""

from __future__ import annotations

from reconciler.doctor.check import Check, Verdict
from reconciler.doctor.report import Examination

CHECKS = (
    Check(
        "database",
        "rights of the planner",
        Verdict.FAILED,
        "SELECT on password is missing \x1b[2J",
        "nothing can be read",
        ("have the database's administrator run:", "GRANT SELECT (username, name, quota, active) ON " + "x" * 90),
    ),
    Check("database", "replica", Verdict.UNKNOWN, "no answer", "nobody knows", ("start it",)),
    Check("database", "engines", Verdict.OK, "all InnoDB"),
    Check("dns", "PTR of 192.0.2.25", Verdict.WARNING, "`<b>mail</b>`", "others refuse mail", ("write a PTR",)),
)
FOUND = Examination("nrw", CHECKS)
NOTHING = Examination("nrw", ())
