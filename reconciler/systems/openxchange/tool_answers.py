"""What an answer of a tool means: success, or a complaint in our words. `tools` and `perform` ask.

The exit status alone is not enough (103 is every refusal, 1 is everything without a number of its own) and neither is
the text (facts/open-xchange.md 1.4 to 1.6). Java's stack traces never reach a reader.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from reconciler.remote.host import Completed
from reconciler.systems.openxchange.tool_failures import AGAIN, KNOWN, LOG


class Words(NamedTuple):
    """What the sentences of `failures` speak about. No password is among them."""

    admin: str
    where: str
    """`context 1 on mail.example`."""
    password: str
    """Where the admin's password comes from."""
    sbin: str
    login: str = ""
    address: str = ""
    display_name: str = ""
    holder: str = ""
    """Who has the display name, or how to find out."""
    said: str = ""


class Complaint(NamedTuple):
    """Why a tool did not do it. A temporary one may be tried again."""

    message: str
    hint: str = ""
    temporary: bool = False


_MARKER = re.compile(r"Server response:|Error:|Invalid input detected:")
_FIRST_LINE = re.compile(r"^\s*users?\b[^\n]*? could not be \w+:")
_EXCEPTION_ID = re.compile(r";?\s*exceptionId -?\d+-\d+")
# a stack frame in both forms: a line `at package.Class.method(File.java:12)`, with --nonl `: package.Class.method(…)`
_FRAME = re.compile(r"[\s:]+(?:at\s+)?[\w.$/<>@]+\((?:[^()\n]*\.java(?::\d+)?|Native Method|Unknown Source)\)")
_CLASS_NAME = re.compile(r"^(?:(?:[a-z]\w*\.)+\w*(?:Exception|Error):\s*)+")
_FAILED = re.compile(rb" could not be \w+:|Server response:")
_LONGEST = 300


def complaint(answer: Completed, words: Words, success: bytes = b"") -> Complaint | None:
    """What is wrong; None when the tool reports success: status 0, no error text, and on stdout what `success`, a
    regular expression, describes."""
    if answer.status == 0 and not _FAILED.search(answer.stderr):
        if re.search(success, answer.stdout):
            return None
        return Complaint("the tool ended without saying that it did anything", AGAIN, temporary=True)
    text = answer.stderr.decode("utf-8", "replace")
    words = words._replace(said=said(text) or "no reason given")
    for known in KNOWN:
        if answer.status in known.statuses and re.search(known.text, text):
            spoken = words._asdict()
            return Complaint(known.message.format(**spoken), known.hint.format(**spoken), known.temporary)
    if answer.status < 0 or not text.strip():
        # killed, or gone without a word: whether it did anything is for the list to say
        return Complaint(f"the tool broke off (status {answer.status})", AGAIN, temporary=True)
    return Complaint(f"the tool ended with status {answer.status}: {words.said}", LOG)


def said(stderr: str) -> str:
    """The server's own sentence: without first line, class names, exception ids and stack trace, one line, bounded."""
    marker = _MARKER.search(stderr)
    text = stderr[marker.end() :] if marker else _FIRST_LINE.sub("", stderr)
    frame = _FRAME.search(text)
    text = _EXCEPTION_ID.sub("", text[: frame.start()] if frame else text).strip()
    line = " ".join(_CLASS_NAME.sub("", text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
