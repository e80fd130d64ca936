"""The text of one file, or what is wrong with it before YAML begins: its bytes, its characters, slips that YAML reports
somewhere else or not at all."""

from __future__ import annotations

import re
import stat
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator

from reconciler.declared.problems import Problems
from reconciler.declared.read.source import Source
from reconciler.model.source_places import Place
from reconciler.translation import tr

MAX_BYTES = 16 * 1024 * 1024
_UTF8 = "save the file as UTF-8"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# what no editor shows: control characters, line and paragraph separators, and line ends of old Macs
_INVISIBLE = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]"
_OLD_LINE_END = r"\r(?!\n)"
_TAB_INDENT = r"(?:^|\n) *(\t)[ \t]*[^\s#]"
_CONFLICT = r"(?m)^(<{7}|={7}|>{7}|\|{7})(?: [^\n]*)?\r?$"
# spaces that look like spaces: no-break, narrow, figure, ideographic and the like
_ODD_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_ODD_INDENT = rf"(?m)^ *([{_ODD_SPACES}])[ {_ODD_SPACES}]*[^\s#]"
_NO_COMMENT = r"(?m)^[^#'\"\n]*?(?::|-) +([^\s#'\"\[\]{}|>&*!][^#'\"\n]*?) (#[^\s#!][^\n]*?)\s*$"


def read_texts(sources: Iterable[Source], problems: Problems) -> dict[Source, str]:
    """The text of each file that is sound so far."""
    texts = {source: read_text(source, problems) for source in sources}
    return {source: text for source, text in texts.items() if text is not None}


def read_text(source: Source, problems: Problems) -> str | None:
    """The file's text; None after a complaint (too big, unreadable, not UTF-8, invisible characters, tabs)."""
    content = read_content(source, problems)
    return text_of(source, content, problems) if content is not None else None


def read_content(source: Source, problems: Problems, content: bytes | None = None) -> bytes | None:
    """The file's bytes; None after a complaint (too big, unreadable). `content` is what it is to hold, where that is
    not what it holds."""
    if content is None:
        return _read_bytes(source, problems)
    if len(content) > MAX_BYTES:
        _say_too_big(source, len(content), problems)
        return None
    return content


def text_of(source: Source, content: bytes, problems: Problems) -> str | None:
    """The text of a file with this content; None after a complaint."""
    text = _decode(source, content, problems)
    return text if text is not None and _clean(source, text, problems) else None


def _read_bytes(source: Source, problems: Problems) -> bytes | None:
    try:
        status = source.path.stat()
        if not stat.S_ISREG(status.st_mode):
            problems.error_at(source.place(), "file", "this is not a regular file", "remove or rename it")
            return None
        if status.st_size <= MAX_BYTES:
            return source.path.read_bytes()
    except OSError as error:
        problems.error_at(source.place(), "file", f"the file cannot be read: {error.strerror}", "check its permissions")
        return None
    _say_too_big(source, status.st_size, problems)
    return None


def _say_too_big(source: Source, size: int, problems: Problems) -> None:
    message = f"the file has {size / 1024 / 1024:.1f} MB, {MAX_BYTES // 1024 // 1024} are allowed"
    problems.error_at(source.place(), "file", message, "split it: any number of files is read together")


def _decode(source: Source, content: bytes, problems: Problems) -> str | None:
    if content.startswith(_UTF16):
        problems.error_at(source.place(), "encoding", "the file is UTF-16", _UTF8)
        return None
    try:
        return content.removeprefix(BOM_UTF8).decode("utf-8")  # editors of Windows write the mark
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        place = source.place(before.count(b"\n") + 1, column)
        problems.error_at(place, "encoding", f"byte 0x{content[error.start]:02x} is not UTF-8", _UTF8)
        return None


def _clean(source: Source, text: str, problems: Problems) -> bool:
    wrong = list(_wrong(text))
    for offset, rule, message, hint in wrong:
        problems.error_at(_position(source, text, offset), rule, message, hint)
    if not wrong:
        _warn_of_comments(source, text, problems)
    return not wrong


def _wrong(text: str) -> Iterator[tuple[int, str, str, str]]:
    """What YAML reports somewhere else or not at all: where in the text, the rule, the message and the hint."""
    shown = text.replace("\n", "").isprintable()  # of nearly every text, and then no pattern is needed
    if bad := (not shown and re.search(_INVISIBLE, text)) or ("\r" in text and re.search(_OLD_LINE_END, text)):
        yield bad.start(), "encoding", f"found the invisible character U+{ord(bad[0]):04X}", "delete it"
    elif ("<<<<<<<" in text or ">>>>>>>" in text) and (lines := list(re.finditer(_CONFLICT, text))):
        hint = "finish the merge: keep the lines that are right, and delete the lines of <, = and >"
        yield from ((line.start(), "yaml", "git could not merge these lines by itself", hint) for line in lines)
    elif any(space in text for space in _ODD_SPACES) and (odd := re.search(_ODD_INDENT, text)):
        message = f"a no-break space (U+{ord(odd[1]):04X}) indents this line"
        yield odd.start(1), "yaml", message, "replace it by plain spaces"
    elif "\t" in text and (tab := re.search(_TAB_INDENT, text)):
        yield tab.start(1), "yaml", "a tab indents this line", "indent with spaces"


def _warn_of_comments(source: Source, text: str, problems: Problems) -> None:
    """Values of which a part is a comment, and was perhaps not meant to be: `name: Clara #1 Probe`."""
    for match in re.finditer(_NO_COMMENT, text) if " #" in text else ():
        message = tr("`{comment}` is a comment here, the value is `{value}`", comment=match[2], value=match[1])
        hint = tr(
            "if it belongs to the value, write '{value}'; in a comment put a space behind the #",
            value=f"{match[1]} {match[2]}",
        )
        problems.warn_at(_position(source, text, match.start(2)), "comment", message, hint)


def _position(source: Source, text: str, offset: int) -> Place:
    """Line and column of an offset in the file's text."""
    return source.place(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))
