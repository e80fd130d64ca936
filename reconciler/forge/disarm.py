"""The last look at a text before it goes to a forge: nothing in it commands the forge or calls somebody, whatever wrote
it. Pure. The writers of reports have escaped foreign text already (`report.sanitize`); this does not rely on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.report.sanitize import visible
from reconciler.translation import marked, tr

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")
_TICKS = re.compile("`+")
_MENTION = re.compile(r"(?<![0-9A-Za-z])@(?=\w)")
_DETAILS = re.compile(r"<(/?)details\b", re.IGNORECASE)
_CUT = marked("… the rest did not fit here.")
_OLD_COMMAND = "##["
"""GitHub's runner obeys it anywhere in a line of its log (actions/runner, ActionCommand.TryParse)."""
_ENDS = 400
"""Bytes kept free for that sentence, and for the ends of what was begun."""


def disarmed(text: str) -> str:
    """The same for a reader, on the forge as on a runner's log. What was begun (a fence, `<details>`) is ended."""
    return "\n".join(_lines(text)).rstrip("\n") + "\n"


def fitted(text: str, limit: int) -> tuple[str, bool]:
    """The disarmed text in at most `limit` bytes, and whether something is missing. Whole lines go, from the end."""
    whole = disarmed(text)
    if len(whole.encode("utf-8")) <= limit:
        return whole, False
    free, kept = limit - _ENDS, []
    for line in whole.split("\n"):
        free -= len(line.encode("utf-8")) + 1
        if free < 0:
            break
        kept.append(line)
    return disarmed("\n".join(_ended(kept)) + f"\n\n{tr(_CUT)}\n"), True


def _lines(text: str) -> Iterator[str]:
    fence, opened, lines = "", 0, []
    for raw in text.replace("\r\n", "\n").split("\n"):
        line = visible(raw)
        fence, inside = _fence_after(line, fence)
        if inside:
            lines.append(_in_fence(line))
            continue
        line = line if _FENCE.match(line) else _outside(line)
        opened = max(0, opened + sum(-1 if found[1] else 1 for found in _DETAILS.finditer(line)))
        lines.append(line)
    yield from lines
    if fence:
        yield fence
    yield from ["", "</details>"][: 2 * min(opened, 1)]
    yield from ["</details>"] * (opened - 1)


def _ended(lines: list[str]) -> list[str]:
    return list(_lines("\n".join(lines)))


def _fence_after(line: str, fence: str) -> tuple[str, bool]:
    """The fence that is open after this line, and whether the line is text inside one."""
    found = _FENCE.match(line)
    if not fence:
        return (found[1], False) if found and "`" not in found[2] else ("", False)
    if found and found[1].startswith(fence) and not found[2].strip():
        return "", False
    return fence, True


def _in_fence(line: str) -> str:
    """GitLab looks for quick actions in what it does not take for a fence; a runner reads its log line by line."""
    line = line.replace("<!--", "<!- -").replace(_OLD_COMMAND, "## [")
    return f" {line}" if line.lstrip().startswith(("/", "::")) else line


def _outside(line: str) -> str:
    line = line.replace("<!--", "&lt;!--").replace(_OLD_COMMAND, "## [")
    line = re.sub(r"^(\s*)/", r"\1&#47;", line)
    line = re.sub(r"^(\s*)::", r"\1&#58;:", line)
    pieces, end = [], 0
    for start, stop in _code(line):
        pieces += [_calls_nobody(line[end:start]), line[start:stop]]
        end = stop
    return "".join((*pieces, _calls_nobody(line[end:])))


def _code(line: str) -> Iterator[tuple[int, int]]:
    """Where code stands: from a run of backticks to the next one of the same length (CommonMark 6.1)."""
    runs = [found.span() for found in _TICKS.finditer(line)]
    ahead: dict[int, int] = {}
    closing: list[int | None] = []
    for number, (start, stop) in reversed(list(enumerate(runs))):
        closing.append(ahead.get(stop - start))
        ahead[stop - start] = number
    closing.reverse()
    number = 0
    while number < len(runs):
        end = closing[number]
        if end is None:
            number += 1
            continue
        yield runs[number][0], runs[end][1]
        number = end + 1


def _calls_nobody(text: str) -> str:
    return _MENTION.sub("@&#8203;", text)
