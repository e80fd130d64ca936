"""Making foreign text harmless: names and messages come from live systems and may hold anything.

Every renderer passes what it did not write itself through here, once, at its own edge; the view model stays raw.
"""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, format and direction marks, lone surrogates, line separators: they move cursors or hide text."""

_BREAK = "\u200b"
"""A zero-width space: ends what a forge would turn into a mention, a reference or a link. `visible` lets none pass."""

_STRUCTURE = str.maketrans({c: f"&#{ord(c)};" for c in f"\\`*[]<>&|~${_BREAK}"} | {"_": "\\_"})
"""What Markdown or HTML could take for structure; as entities it never is (CommonMark 6.2)."""

_FORGE = r"(?i)(?<![0-9A-Za-z])@(?=\w)|#(?=\d)|:(?=//)|\bwww(?=\.)"


def visible(text: str) -> str:
    """`text` on one line, with everything that a terminal would obey or hide written as an escape (`\\x1b`)."""
    if text.isprintable():
        return text
    return "".join(_escape(c) if unicodedata.category(c) in _UNSEEN else c for c in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def clip(text: str, length: int) -> str:
    """At most `length` characters, with an ellipsis where something is missing."""
    return text if len(text) <= length else text[: length - 1] + "…"


def markdown(text: str, length: int = 600) -> str:
    """`text` as one line of Markdown that shows exactly this text: no markup, no HTML, no mention, no link."""
    broken = re.sub(_FORGE, lambda match: match[0] + _BREAK, clip(visible(text), length))
    return broken.translate(_STRUCTURE)


_BEYOND = re.compile("[^\\x00-\\x7e]+")


def json_visible(document: str) -> str:
    """The same JSON document, with what `visible` escapes and JSON leaves as it is (RFC 8259, 7) written `\\u009b`."""
    return _BEYOND.sub(lambda match: "".join(map(_json_escape, match[0])), document)


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be").hex()
    return char if char.isprintable() else "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def utf8(text: object) -> object:
    """`text` without lone surrogates, which no UTF-8 file can hold; other values as they are."""
    return text.encode("utf-8", "replace").decode("utf-8") if isinstance(text, str) else text


_PLAINER = {
    "→": "->", "⇢": ">", "−": "-", "‼": "!", "✓": "ok", "✗": "x", "·": "-", "…": "...", "─": "-", "├": "|", "└": "`",
    **dict.fromkeys("“”„«»", '"'), **dict.fromkeys("‘’‚‹›", "'"), "×": "x",
    "—": "-", "–": "-", "ß": "ss", "ł": "l", "\u200b": "",
}  # fmt: skip


def plainer(error: UnicodeError) -> tuple[str, int]:
    """A codec's error handler, for output that is not UTF-8: signs that say the same, letters without their marks, `?`
    for the rest. Raises the error again where there is nothing to write instead (decoding)."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_PLAINER[c] if c in _PLAINER else _bare(c) for c in lost), error.end


def _bare(char: str) -> str:
    return unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode("ascii") or "?"
