"""Collects everything that is wrong or remarkable while loading; at the end it becomes Findings with places.

Places are slow to work out, so a Problem names a declaration (Origin and path inside it) until somebody must see it.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from reconciler.model.source_places import Origin, Place
from reconciler.planning.finding import Finding, Severity


class Spot(NamedTuple):
    """A place inside a declaration: `path` are keys and list indexes below the entry; `on_key`: not its value."""

    origin: Origin
    path: tuple[str | int, ...] = ()
    on_key: bool = False


At = Origin | Spot | Place


class Problem(NamedTuple):
    """One remark. `other` is the second place of a duplicate."""

    severity: Severity
    rule: str
    subject: str
    message: str
    hint: str
    at: At
    other: Origin | None = None


PlaceOf = Callable[[Spot, Severity], Place]


class Problems:
    """The remarks of one load, in the order in which they were made."""

    def __init__(self) -> None:
        self._all: list[Problem] = []

    def __len__(self) -> int:
        return len(self._all)

    def add(self, problems: Iterable[Problem]) -> None:
        """Takes in what was said elsewhere."""
        self._all += problems

    def since(self, number: int) -> list[Problem]:
        """All but the first so many."""
        return self._all[number:]

    def error_at(self, place: Place, rule: str, message: str, hint: str) -> None:
        """Wrong in the text itself, at a known position."""
        self.error(rule, place.file, message, hint, place)

    def warn_at(self, place: Place, rule: str, message: str, hint: str) -> None:
        """Suspicious in the text itself, at a known position."""
        self.warn(rule, place.file, message, hint, place)

    def error(self, rule: str, subject: str, message: str, hint: str, at: At, *, other: Origin | None = None) -> None:
        """Never right: status 3."""
        self._all.append(Problem(Severity.ERROR, rule, subject, message, hint, at, other))

    def warn(self, rule: str, subject: str, message: str, hint: str, at: At) -> None:
        """Suspicious, but live systems or a gate have the last word."""
        self._all.append(Problem(Severity.WARNING, rule, subject, message, hint, at))

    def note(self, rule: str, subject: str, message: str, hint: str, at: At) -> None:
        """Good to know."""
        self._all.append(Problem(Severity.NOTE, rule, subject, message, hint, at))

    @property
    def any_error(self) -> bool:
        """Whether anything is wrong; then absence of a declaration proves nothing."""
        return any(problem.severity is Severity.ERROR for problem in self._all)

    def findings(self, place_of: PlaceOf = lambda spot, _: Place(spot.origin.file, 1)) -> tuple[Finding, ...]:
        """The errors if there are any, else warnings and notes, by position."""
        severities = {Severity.ERROR} if self.any_error else {Severity.WARNING, Severity.NOTE}
        found: dict[tuple[Place, str], Finding] = {}
        for severity, rule, subject, message, hint, at, other in self._all:
            if severity not in severities:
                continue
            place = at if isinstance(at, Place) else place_of(Spot(at) if isinstance(at, Origin) else at, severity)
            if other is not None:
                there = place_of(Spot(other, on_key=True), severity)
                message = f"{message} (the other place is {there}:{there.column})"
            finding = Finding(severity, rule, printable(subject), printable(message), printable(hint), place)
            found.setdefault((place, message), finding)
        better = {place for (place, _), finding in found.items() if finding.rule != "key"}
        kept = [(place, f) for (place, _), f in found.items() if f.rule != "key" or place not in better]
        return tuple(finding for _, finding in sorted(kept, key=lambda item: item[0][:3]))


def printable(text: str) -> str:
    """Text without what a terminal would obey or cannot encode: it may come from a file name or a quoted key."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)
