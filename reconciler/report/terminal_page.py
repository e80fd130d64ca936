"""Lines for a terminal: hanging indents, a left column, cell widths; rich is used for cells and colour only."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from reconciler.report.sanitize import visible

Piece = tuple[str, str]
"""A text and its style; an empty style is plain."""

NARROWEST = 40


class Page:
    """Collects rows and renders them. Everything that is put on it is made visible first."""

    def __init__(self, width: int, *, color: bool) -> None:
        self.width = max(width, NARROWEST)
        self._color = color
        self._out = StringIO()
        self._console = Console(
            file=self._out,
            width=self.width,
            force_terminal=color,
            color_system="standard" if color else None,
            no_color=not color,
            legacy_windows=False,
            force_jupyter=False,
        )

    def blank(self) -> None:
        self._out.write("\n")

    def heading(self, *pieces: Piece) -> None:
        """An empty row, and one above what belongs together."""
        self.blank()
        self.row(*pieces)

    def row(self, *pieces: Piece, first: str | None = None, indent: int = 0) -> None:
        """One row; `first` stands before it, what does not fit goes on below at `indent` cells."""
        lead = Text(" " * indent if first is None else first)
        for line in self._wrapped(pieces, self.width - max(indent, lead.cell_len)):
            self._write(Text.assemble(lead, line))
            lead = Text(" " * indent)

    def whole(self, line: str) -> None:
        """A row that is never wrapped: people copy it."""
        self._write(Text(visible(line)))

    def entry(self, sign: Piece, subject: str, pieces: Sequence[Piece], column: int, tail: str = "") -> None:
        """` + subject   what happens   tail`: the subject in its column, or on a row of its own when it is longer."""
        name = visible(subject)
        indent = column + 5
        lead = Text.assemble(" ", (sign[0], sign[1]), " ", (name, "bold"))
        if cell_len(name) > column:
            for line in lead.wrap(self._console, self.width, overflow="fold"):
                self._write(line)
            lead = Text()
        lines = self._wrapped(pieces, self.width - indent)
        shown = visible(tail)
        if shown and lines and indent + lines[-1].cell_len + 2 + cell_len(shown) <= self.width:
            lines[-1].append(f"  {shown}", style="dim")
        elif shown:
            lines += self._wrapped([(shown, "dim")], self.width - indent)
        for line in lines:
            lead.append(" " * (indent - lead.cell_len))
            self._write(Text.assemble(lead, line))
            lead = Text()

    def render(self) -> str:
        """Everything so far; ends in one newline."""
        return self._out.getvalue()

    def _wrapped(self, pieces: Sequence[Piece], width: int) -> list[Text]:
        text = Text.assemble(*((visible(piece), style) for piece, style in pieces))
        return [text] if text.cell_len <= width else list(text.wrap(self._console, width, overflow="fold"))

    def _write(self, text: Text) -> None:
        text.rstrip()
        if self._color:
            self._console.print(text, soft_wrap=True, highlight=False)
        else:
            self._out.write(text.plain + "\n")


def column_of(subjects: Sequence[str], width: int) -> int:
    """The width of the left column: the longest subject, at most two fifths of the page."""
    return min(max((cell_len(visible(s)) for s in subjects), default=0), max(width, NARROWEST) * 2 // 5)
