"""Somebody at a terminal who knows nothing of reconciler but what it says itself: every word that they type was on the
screen before, in a `--help`, in a `next:`, or in a report."""

from __future__ import annotations

import re
import shlex

from tests.walkthrough.screen import PROMPT, WIDTH, Screen

_IN_ONE_PIECE = r"(?:^ *|[:;→`] |`|then )(?:reconciler|git) |^ +- \{gate:|^  \[.*\]: "
"""Commands, entries to be copied, and what was typed behind a question."""


class Volunteer:
    """What they have read by now is `told`."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.told = ""

    def asks_for_help(self, words: str = "") -> str:
        """`reconciler … --help`."""
        self._knows(f"reconciler {words}")
        return self._reads(f"reconciler {words} --help".replace("  ", " "), 0)

    def does(self, line: str, status: int | None = 0) -> str:
        """Types the command, to its end; with `status` None, however it ends."""
        self._knows(line)
        return self._reads(line, status)

    def goes_on(self, after: str, status: int = 0) -> str:
        """Types what the report before ends with: `next: reconciler plan`."""
        found = re.findall(r"^next: (reconciler [^(;\n]+)", after, re.MULTILINE)
        assert found, f"it does not say what comes next:\n{after}"
        return self._reads(found[-1].strip(), status)

    def begins(self, line: str) -> None:
        """Types a command that will ask something."""
        self._knows(line)
        self.screen.clear()
        self.screen.type(line)

    def answers(self, question: str, answer: str) -> None:
        """Waits until the question is at the end of the screen."""
        self.screen.wait_for_question(question)
        self.screen.type(answer)

    def leaves(self, question: str) -> str:
        """Presses Ctrl-C in the question; what stands on the screen then."""
        self.screen.wait_for_question(question)
        self.screen.press("C-c")
        return self.ends(None)

    def ends(self, status: int | None = 0) -> str:
        """Waits for the end of what was begun; what it has written."""
        shown = self.screen.wait_for_prompt()
        self._looks_at(shown)
        self._ended(status)
        return shown

    def _reads(self, line: str, status: int | None) -> str:
        shown = self.screen.run(line)
        self._looks_at(shown)
        self._ended(status)
        return shown

    def _ended(self, status: int | None) -> None:
        if status is not None:
            assert self.screen.run("echo $?").strip() == str(status), self.told[-2000:]

    def _knows(self, line: str) -> None:
        """Nothing is typed that was not read before."""
        words = [word for word in shlex.split(line) if word.startswith("--")]
        words += re.findall(r"^reconciler ([a-z-]+(?: (?:mailbox|alias|block|list|delete|init))?)", line)
        for word in words:
            for part in word.partition("=")[0].split():
                assert not self.told or re.search(rf"(?<![\w-]){re.escape(part)}(?![\w-])", self.told), (
                    f"who told {part}?"
                )

    def _looks_at(self, shown: str) -> None:
        """No traceback, and no word that is broken at the edge; but what people copy stays in one piece."""
        self.told += shown
        assert "Traceback" not in shown
        broken = [line for line in shown.splitlines() if _broken(line) and not re.search(_IN_ONE_PIECE, line)]
        assert not broken, broken
        assert PROMPT not in shown


def _broken(line: str) -> bool:
    """Whether the terminal's edge is inside of a word that would have had room on the next line."""
    edges = range(WIDTH, len(line), WIDTH)
    return any(
        word.start() < edge < word.end() <= word.start() + WIDTH // 2
        for edge in edges
        for word in re.finditer(r"\S+", line)
    )
