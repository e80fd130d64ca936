"""The failures that the tools are known to have: status and text, our sentence, what to do (facts/open-xchange.md 1.4,
1.6, 4). `tool_answers.complaint` looks here; the first entry that fits speaks.

{words} in the sentences are the fields of `tool_answers.Words`.
"""

from __future__ import annotations

from typing import NamedTuple


class Failure(NamedTuple):
    """One known failure. A temporary one may be tried again."""

    statuses: tuple[int, ...]
    text: str
    """A regular expression, searched in all of stderr; empty fits always."""
    message: str
    hint: str
    temporary: bool = False


AGAIN = "run the same command again in a moment"
PLAN = "run `reconciler plan` again and look at what it finds"
LOG = f"look into the log of OX; then {PLAN}"
_CREDENTIALS = "check {password}, and `admin` and `context` of the openxchange section"
_OTHER_LOGIN = "write another one: `groupware: {{username: …}}`"
_PROPERTIES = "in AdminUser.properties on the OX host"

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
        (1,),
        r"Look-up failed|NotBoundException",
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
    Failure(
        (103,),
        r"Changing username is disabled",
        "OX does not change logins here (wanted: {login!r})",
        f"set USERNAME_CHANGEABLE=true {_PROPERTIES} and restart OX, "
        "or declare the login it has: `groupware: {{username: …}}`",
    ),
    Failure(
        (103,),
        r"displayname is already used",
        "the display name {display_name!r} is another OX user's",
        "{holder}; declare another `name` for one of the two, or let the server allow it (enforceUniqueDisplayName)",
    ),
    Failure(
        (103,),
        r"User .* already exists in this context",
        "another OX user has the login {login!r}",
        _OTHER_LOGIN,
    ),
    Failure(
        (103,),
        r"Primary mail address .* already exists",
        "{address} is another OX user's primary address: {said}",
        "give that user another primary address, or declare its login: `groupware: {{username: …}}`",
    ),
    Failure(
        (103,),
        r"primary mail must not be changed",
        "OX does not change primary addresses here (wanted: {address})",
        f"set PRIMARY_MAIL_UNCHANGEABLE=false {_PROPERTIES} and restart OX",
    ),
    Failure((103,), r"must be present in set of aliases", "the aliases in OX changed while we wrote them", PLAN),
    Failure(
        (103,),
        r"Illegal chars",
        "OX does not allow the login {login!r}: {said}",
        f"{_OTHER_LOGIN}, or change CHECK_USER_UID_REGEXP {_PROPERTIES}",
    ),
    Failure(
        (103,),
        r"timezone is invalid",
        "the Java of OX does not know the time zone of the site file",
        "write another one at `openxchange.timezone`",
    ),
    Failure(
        (103,),
        r"",
        "OX refuses it: {said}",
        f"change what is declared, or the rule {_PROPERTIES}; then {PLAN}",
    ),
    Failure((104,), r"", "the tool needs more than it was given: {said}", _CREDENTIALS),
    Failure(
        (105,),
        r"",
        "OX does not answer ({where}): {said}",
        f"is open-xchange running? Then {AGAIN}",
        temporary=True,
    ),
    Failure((106,), r"", "the database of OX or one of its plugins failed: {said}", LOG),
    Failure((107,), r"", "the connection to OX broke off: {said}", AGAIN, temporary=True),
    Failure((108,), r"", "OX has no such user any more: {said}", PLAN),
    Failure(
        (109, 111, 114),
        r"",
        "this version of OX does not understand how its tool was called: {said}",
        "compare with `createuser --help` on the OX host, and report it",
    ),
    Failure(
        (126, 127),
        r"",
        "the tool cannot be run: {sbin} does not have it, or our user may not run it",
        "check `sbin` of the openxchange section",
    ),
)
