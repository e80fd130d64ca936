"""What an answer of a tool, or a fault of the same name over SOAP, means: success, or a failure in our words.

The exit status alone is not enough (103 is every refusal, 1 is everything without a number of its own) and neither is
the text (facts/open-xchange.md 1.4 to 1.6, and 4). Java's stack traces never reach a reader.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from reconciler.planning.changes import Outcome, Result
from reconciler.remote.host import Completed


class Words(NamedTuple):
    """What the {words} in KNOWN stand for. No password is among them."""

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
    reason: str = ""


class Failure(NamedTuple):
    """A known failure: exit statuses and text, our message, what to do."""

    statuses: tuple[int, ...]
    text: str
    """A regular expression, searched in all of stderr; empty always fits."""
    message: str
    hint: str
    temporary: bool = False


AGAIN = "run the same command again in a moment"
PLAN = "run `reconciler plan` again and look at what it finds"
LOG = f"look into the log of OX; then {PLAN}"
_CREDENTIALS = "check {password}, and `admin` and `context` of the openxchange section"
_OTHER_LOGIN = "write another one: `groupware: {{username: …}}`"
_PROPERTIES = "in AdminUser.properties on the OX host"

# what OX refuses with status 103, by text
_REFUSALS = {
    r"Changing username is disabled": (
        "OX does not change logins here (wanted: {login!r})",
        (
            f"set USERNAME_CHANGEABLE=true {_PROPERTIES} and restart OX, "
            "or declare the login it has: `groupware: {{username: …}}`"
        ),
    ),
    r"displayname is already used": (
        "the display name {display_name!r} is another OX user's",
        "{holder}; declare another `name` for one of the two, or let the server allow it (enforceUniqueDisplayName)",
    ),
    r"User .* already exists in this context": (
        "another OX user has the login {login!r}",
        _OTHER_LOGIN,
    ),
    r"Primary mail address .* already exists": (
        "{address} is another OX user's primary address: {reason}",
        "give that user another primary address, or declare its login: `groupware: {{username: …}}`",
    ),
    r"primary mail must not be changed": (
        "OX does not change primary addresses here (wanted: {address})",
        f"set PRIMARY_MAIL_UNCHANGEABLE=false {_PROPERTIES} and restart OX",
    ),
    r"must be present in set of aliases": (
        "the aliases in OX changed while we wrote them",
        PLAN,
    ),
    r"Illegal chars": (
        "OX does not allow the login {login!r}: {reason}",
        f"{_OTHER_LOGIN}, or change CHECK_USER_UID_REGEXP {_PROPERTIES}",
    ),
    r"timezone is invalid": (
        "the Java of OX does not know the time zone of the site file",
        "write another one at `openxchange.timezone`",
    ),
}
_OTHER_TEXTS = {r"Authentication failed": 101, r"The context .* does not exist": 102, r"No such user": 108}
# the first entry that fits is taken
KNOWN = (
    # three ways to be not there yet, under several numbers; the text of the first is not known for sure (facts 10)
    Failure(
        (1, 103, 106),
        r"DatabaseUpdateException|[Dd]atabase.{0,40}updat",
        "the database of OX is being updated",
        AGAIN,
        temporary=True,
    ),
    Failure(
        (1, 107),
        r"Look-up failed|NotBoundException|Missing \S*OXUserInterface",
        "OX is up, but its administration service is not (yet)",
        AGAIN,
        temporary=True,
    ),
    Failure(
        (1, 105, 107),
        r"[Cc]onnection refused|ConnectException|connect timed out",
        "OX does not answer ({where})",
        f"is open-xchange running? Then {AGAIN}",
        temporary=True,
    ),
    # 101 is what a missing context says too, on purpose
    Failure((101, 102), r"", "OX refuses the login of {admin} in {where}, or has no such context", _CREDENTIALS),
    *(Failure((103,), text, message, hint) for text, (message, hint) in _REFUSALS.items()),
    Failure((103,), r"", "OX refuses it: {reason}", f"change what is declared, or the rule {_PROPERTIES}; then {PLAN}"),
    Failure((104,), r"", "the tool needs more than it was given: {reason}", _CREDENTIALS),
    Failure(
        (105,), r"", "OX does not answer ({where}): {reason}", f"is open-xchange running? Then {AGAIN}", temporary=True
    ),
    Failure((106,), r"", "the database of OX or one of its plugins failed: {reason}", LOG),
    Failure((107,), r"", "the connection to OX broke off: {reason}", AGAIN, temporary=True),
    Failure((108,), r"", "OX has no such user any more: {reason}", PLAN),
    Failure(
        (109, 111, 114),
        r"",
        "this version of OX does not understand how its tool was called: {reason}",
        "compare with `createuser --help` on the OX host, and report it",
    ),
    Failure(
        (126, 127),
        r"",
        "the tool cannot be run: {sbin} does not have it, or our user may not run it",
        "check `sbin` of the openxchange section",
    ),
)

_MARKER = re.compile(r"Server response:|Error:|Invalid input detected:")
_FIRST_LINE = re.compile(r"^\s*users?\b[^\n]*? could not be \w+:")
_EXCEPTION_ID = re.compile(r";?\s*exceptionId -?\d+-\d+")
# a stack frame in both forms: a line `at package.Class.method(File.java:12)`, with --nonl `: package.Class.method(…)`
_FRAME = re.compile(r"[\s:]+(?:at\s+)?[\w.$/<>@]+\((?:[^()\n]*\.java(?::\d+)?|Native Method|Unknown Source)\)")
_CLASS_NAME = re.compile(r"^(?:(?:[a-z]\w*\.)+\w*(?:Exception|Error):\s*)+")
_FAILED = re.compile(rb" could not be \w+:|Server response:")
_LONGEST = 300


def complaint(answer: Completed, words: Words, success: bytes = b"") -> Outcome | None:
    """Why the tool failed; None for success: status 0, no error text, and stdout fits the regular expression."""
    if answer.status == 0 and not _FAILED.search(answer.stderr):
        if re.search(success, answer.stdout):
            return None
        return Outcome(Result.FAILED, "the tool ended without saying that it did anything", AGAIN, temporary=True)
    text = answer.stderr.decode("utf-8", "replace")
    reason = server_message(text) or "no reason given"
    known = known_failure(answer.status, text, words._replace(reason=reason))
    if known is not None:
        return known
    if answer.status < 0 or not text.strip():
        # killed, or ended without output: only the list can show whether it did anything
        return Outcome(Result.FAILED, f"the tool broke off (status {answer.status})", AGAIN, temporary=True)
    return Outcome(Result.FAILED, f"the tool ended with status {answer.status}: {reason}", LOG)


def known_failure(status: int, text: str, words: Words) -> Outcome | None:
    """The failure with this exit status and this text, if it is a known one."""
    fields = words._asdict()
    for known in KNOWN:
        if status in known.statuses and re.search(known.text, text):
            message, hint = known.message.format(**fields), known.hint.format(**fields)
            return Outcome(Result.FAILED, message, hint, known.temporary)
    return None


def status_of(text: str) -> int:
    """The tools' exit status for a message that comes without one (facts/open-xchange.md 1.6); else 1."""
    known = dict.fromkeys(_REFUSALS, 103) | _OTHER_TEXTS
    return next((status for pattern, status in known.items() if re.search(pattern, text)), 1)


def server_message(stderr: str) -> str:
    """The server's own sentence on one bounded line: without class names, exception ids and stack trace."""
    marker = _MARKER.search(stderr)
    text = stderr[marker.end() :] if marker else _FIRST_LINE.sub("", stderr)
    frame = _FRAME.search(text)
    text = _EXCEPTION_ID.sub("", text[: frame.start()] if frame else text).strip()
    line = " ".join(_CLASS_NAME.sub("", text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
