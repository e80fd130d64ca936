"""Who wrote a line. `workflow.draft` asks about the places of its plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from reconciler.declared.git.run_git import ask
from reconciler.model.source_places import Place

_MOST_LINES = 500
_UNCOMMITTED = "0" * 40


def blame(folder: Path, places: Sequence[Place]) -> list[Place]:
    """The same places in the state folder, with commit and author where git knows them. Asks once a file, about the
    first _MOST_LINES places: who plans more at once makes a site, and nobody reads who wrote each line of it."""
    lines: dict[str, set[int]] = {}
    for place in places[:_MOST_LINES]:
        lines.setdefault(place.file, set()).add(place.line)
    # otherwise the first commit of all counts as a boundary, too
    root = () if (ask(folder, "rev-parse", "--is-shallow-repository") or "").strip() == "true" else ("--root",)
    known: dict[tuple[str, int], tuple[str, str]] = {}
    for file, numbers in lines.items():
        ranges = [f"-L{line},{line}" for line in sorted(numbers)]
        output = ask(Path(file).parent, "blame", "--porcelain", *root, *ranges, "--", Path(file).name) or ""
        known |= {(file, line): who for line, who in _read_porcelain(output)}
    nobody = ("", "")
    return [p._replace(commit=who[0], author=who[1]) for p in places for who in [known.get(p[:2], nobody)]]


def _read_porcelain(output: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """`COMMIT OLD NEW [COUNT]`, then headers (the author only where a commit is first met), then a tab and the line.
    The boundary of a shallow clone wrote nothing: what is older is cut off there."""
    authors: dict[str, str] = {}
    nobody = {_UNCOMMITTED}
    commit, line = "", 0
    for text in filter(None, output.split("\n")):  # a message may hold what else ends lines
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
