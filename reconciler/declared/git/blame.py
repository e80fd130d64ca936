"""Who wrote a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from reconciler.declared.git.ask import ask
from reconciler.model.places import Place

_LINES_AT_ONCE = 500  # an argument list has its limits
_UNCOMMITTED = "0" * 40


def blame(places: Iterable[Place]) -> list[Place]:
    """The same places, with commit and author where git knows them. Asks git once a file."""
    wanted = list(places)
    lines: dict[str, set[int]] = {}
    for place in wanted:
        lines.setdefault(place.file, set()).add(place.line)
    known = {(file, line): who for file, numbers in lines.items() for line, who in _blame_file(file, sorted(numbers))}
    return [
        place._replace(commit=known[where][0], author=known[where][1]) if where in known else place
        for place in wanted
        for where in [(place.file, place.line)]
    ]


def _blame_file(file: str, lines: Sequence[int]) -> Iterator[tuple[int, tuple[str, str]]]:
    path = Path(file)
    # otherwise the first commit of all counts as a boundary, too
    root = () if (ask(path.parent, "rev-parse", "--is-shallow-repository") or "").strip() == "true" else ("--root",)
    for start in range(0, len(lines), _LINES_AT_ONCE):
        ranges = [f"-L{line},{line}" for line in lines[start : start + _LINES_AT_ONCE]]
        output = ask(path.parent, "blame", "--porcelain", *root, *ranges, "--", path.name)
        if output is not None:
            yield from _read_porcelain(output)


def _read_porcelain(output: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """`COMMIT OLD NEW [COUNT]`, then headers (the author only where a commit is first met), then a tab and the line.
    The boundary of a shallow clone wrote nothing: what is older is cut off there."""
    authors: dict[str, str] = {}
    nobody = {_UNCOMMITTED}
    commit, line = "", 0
    for text in output.splitlines():
        if text.startswith("\t"):
            if commit not in nobody:
                yield line, (commit, authors.get(commit, ""))
            commit = ""
        elif not commit:
            commit, _, numbers = text.partition(" ")
            line = int(numbers.split()[1])
        elif text == "boundary":
            nobody.add(commit)
        elif text.startswith("author "):
            authors[commit] = text.removeprefix("author ")
