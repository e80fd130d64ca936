"""Exit status and text together, in our words (facts/open-xchange.md 1.4 to 1.6). Nothing of Java, nothing secret."""

from __future__ import annotations

import pytest

from reconciler.planning.changes import Outcome
from reconciler.remote.host import Completed
from reconciler.systems.openxchange.tool_answers import KNOWN, Words, complaint, server_message

WORDS = Words(
    "oxadmin",
    "context 1 on mail.example",
    "the variable RECONCILER_OX_PASSWORD",
    "/opt/open-xchange/sbin",
    login="anna",
    address="anna@pirat.example",
    display_name="Anna Beispiel",
    holder="user 7 (anna.b) has it",
)
FIRST = "user in context 1 could not be created: "
TRACE = (
    "\tat com.openexchange.admin.rmi.impl.OXUser.createUserCommon(OXUser.java:1234)\n"
    "\tat java.base/jdk.internal.reflect.NativeMethodAccessorImpl.invoke0(Native Method)\n"
    "\tat com.sun.proxy.$Proxy7.create(Unknown Source)\n"
)
NONL = (
    ": com.openexchange.admin.rmi.impl.OXUser.createUserCommon(OXUser.java:1234)"
    ": java.base/jdk.internal.reflect.NativeMethodAccessorImpl.invoke0(Native Method)"
)


def complain(status: int, stderr: str, stdout: bytes = b"", success: bytes = b"") -> Outcome | None:
    return complaint(Completed(status, stdout, stderr.encode()), WORDS, success)


@pytest.mark.parametrize(
    "stderr",
    [
        f"{FIRST}\nServer response:\n Something is wrong\n{TRACE}\n",
        f"{FIRST}\nServer response:\n Something is wrong; exceptionId -1170523631-4\n{TRACE}\n",
        f"{FIRST}Server response: Something is wrong; exceptionId 117-12{NONL}",
        f"{FIRST}Server response: Something is wrong{NONL}: caused by more",
        f"{FIRST}Server response: Something is wrong: at com.openexchange.X.y(X.java:1): at a.B.c(B.java)",
        f"{FIRST}Server response: com.openexchange.admin.rmi.exceptions.InvalidDataException: Something is wrong{NONL}",
        "Error: Something is wrong\n",
        f"{FIRST}Something is wrong",
        "Something is wrong",
    ],
)
def test_only_the_servers_own_sentence_is_left(stderr: str) -> None:
    assert server_message(stderr) == "Something is wrong"


def test_parentheses_and_colons_of_a_message_are_no_stack_frame() -> None:
    text = 'Primary mail address "a@b.example" already exists in context 1 (Already assigned to user 7).'
    assert server_message(f"{FIRST}Server response: {text}{NONL}") == text


def test_a_long_answer_is_cut() -> None:
    assert len(server_message("Error: " + "x" * 5000)) < 310


@pytest.mark.parametrize(
    ("status", "text", "says", "next_", "temporary"),
    [
        (101, "Authentication failed", "or has no such context", "RECONCILER_OX_PASSWORD", False),
        (102, "The context 1 does not exist!", "or has no such context", "`context`", False),
        (103, "Changing username is disabled!", "'anna'", "USERNAME_CHANGEABLE=true in AdminUser.properties", False),
        (103, "The displayname is already used", "'Anna Beispiel'", "user 7 (anna.b) has it", False),
        (103, "User anna already exists in this context", "the login 'anna'", "groupware: {username: …}", False),
        (
            103,
            'Primary mail address "anna@pirat.example" already exists in context 1 (Already assigned to user 7).',
            "Already assigned to user 7",
            "another primary address",
            False,
        ),
        (103, "primary mail must not be changed", "anna@pirat.example", "PRIMARY_MAIL_UNCHANGEABLE=false", False),
        (103, "defaultSenderAddress must be present in set of aliases.", "aliases", "plan", False),
        (103, 'Illegal chars: " ü"', '" ü"', "CHECK_USER_UID_REGEXP", False),
        (103, "The given timezone is invalid", "time zone", "openxchange.timezone", False),
        (103, "Invalid email address", "Invalid email address", "plan", False),
        (104, 'Option(s) "adminpass" missing', "adminpass", "RECONCILER_OX_PASSWORD", False),
        (105, "Connection refused to host: localhost; nested exception is: ", "on mail.example", "running", True),
        (105, "unbekannter Host", "unbekannter Host", "running", True),
        (106, "Table 'oxdb.user' doesn't exist", "Table 'oxdb.user' doesn't exist", "log", False),
        (107, "error unmarshalling return", "error unmarshalling return", "again", True),
        (108, "No such user 3 in context 1", "No such user 3", "plan", False),
        (109, "bad", "understand", "createuser --help", False),
        (111, "Unrecognized options on the command line: --x", "--x", "createuser --help", False),
        (127, "", "/opt/open-xchange/sbin", "sbin", False),
        (1, 'Look-up failed. Service "OXUser_V2" is not available.', "administration service", "again", True),
        (1, "Database is locked or is now beeing updated, please try again later", "being updated", "again", True),
        (1, "Ids must be numbers!", "Ids must be numbers!", "log", False),
        (42, "who knows", "status 42: who knows", "log", False),
    ],
)  # fmt: skip
def test_every_failure_says_what_it_is_and_what_to_do(
    status: int, text: str, says: str, next_: str, temporary: bool
) -> None:
    problem = complain(status, f"{FIRST}Server response: {text}{NONL}", b"Usage: createuser ...\n")
    assert problem is not None
    assert says in problem.message
    assert next_ in problem.hint
    assert problem.temporary is temporary
    assert "OXUser.java" not in problem.message + problem.hint


@pytest.mark.parametrize("status", [-9, 1, 137, 0])
def test_a_tool_that_ends_without_a_word_may_have_done_it(status: int) -> None:
    problem = complain(status, "", b"", rb"created")
    assert problem is not None
    assert problem.temporary


def test_status_0_with_an_error_text_is_a_failure() -> None:
    assert complain(0, f"{FIRST}Server response: no{NONL}", b"user 3 in context 1 created\n", rb"created") is not None


def test_status_0_with_a_warning_of_java_is_a_success() -> None:
    assert complain(0, "Picked up JAVA_TOOL_OPTIONS: -Xmx64m\n", b"user 3 in context 1 created\n", rb"created") is None


def test_braces_in_what_the_server_says_are_only_text() -> None:
    problem = complain(103, f"{FIRST}Server response: {{admin}} {{0}}")
    assert problem is not None
    assert "{admin} {0}" in problem.message


def test_every_known_failure_speaks_with_the_words_there_are() -> None:
    for known in KNOWN:
        assert known.message.format(**WORDS._asdict())
        assert known.hint.format(**WORDS._asdict())
