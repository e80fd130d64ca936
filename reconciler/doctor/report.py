"""An examination as a report: what all writers have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from reconciler.doctor.check import Check, Verdict
from reconciler.report.vocabulary import Appearance

VERDICTS: Mapping[Verdict, Appearance] = {
    Verdict.FAILED: Appearance("✗", "bold red", "failed"),
    Verdict.UNKNOWN: Appearance("?", "bold red", "unknown"),
    Verdict.WARNING: Appearance("!", "yellow", "warning"),
    Verdict.OK: Appearance("✓", "green", "ok"),
}


@dataclass(frozen=True)
class Examination:
    """What was found: the checks by area, the worst first within each."""

    site: str
    checks: Sequence[Check]

    @cached_property
    def counts(self) -> Mapping[Verdict, int]:
        """How many checks came to each verdict."""
        return Counter(check.verdict for check in self.checks)

    @property
    def tally(self) -> str:
        """`1 failed · 2 warnings · 14 ok`."""
        words = {verdict: VERDICTS[verdict].words for verdict in Verdict}
        if self.counts[Verdict.WARNING] != 1:
            words[Verdict.WARNING] = "warnings"
        return " · ".join(f"{self.counts[v]} {words[v]}" for v in Verdict if self.counts[v]) or "nothing to look at"

    def areas(self) -> Iterator[tuple[str, list[Check]]]:
        """Each area with its checks."""
        for area, checks in groupby(self.checks, lambda check: check.area):
            yield area, list(checks)
