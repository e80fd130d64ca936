"""Exit statuses, streams and texts of `facts/open-xchange.md` 1.4 to 1.6."""

from __future__ import annotations

import re

import pytest

from reconciler.sandbox.openxchange.control import calls
from tests.sandbox.openxchange.conftest import ANNA, BERND, PASSWORD, Ox, message

SECRET = {"NEW_USER_PASSWORD": PASSWORD}


def test_1_5_createuser_says_the_numeric_id(ox: Ox) -> None:
    assert ox.create(*ANNA) == "user 3 in context 1 created\n"


def test_1_5_change_and_delete_say_the_id_if_it_was_given_else_the_login(anna: Ox) -> None:
    assert anna.ok("changeuser", "-u", "anna", "-g", "A") == "user anna in context 1 changed\n"
    assert anna.ok("changeuser", "-i", "3", "-u", "anna", "-g", "A") == "user 3 in context 1 changed\n"
    assert anna.ok("deleteuser", "-u", "anna") == "user anna in context 1 deleted\n"


def test_1_5_a_refusal_in_full(anna: Ox) -> None:
    result = anna.run("createuser", *BERND[2:], "-u", "anna", env=SECRET)
    assert (result.status, result.out) == (103, "")
    lines = result.err.split("\n")
    assert lines[0] == "user in context 1 could not be created: "
    assert lines[1:3] == ["Server response:", " User anna already exists in this context"]
    assert lines[-2:] == ["", ""]
    assert lines[3:-2]
    assert all(re.fullmatch(r"\tat [\w.$/]+\.\w+\(.+\)", line) for line in lines[3:-2])


def test_1_5_nonl_puts_it_on_one_line(anna: Ox) -> None:
    result = anna.run("createuser", "--nonl", *BERND[2:], "-u", "anna", env=SECRET)
    assert result.err.count("\n") == 1
    start = "user in context 1 could not be created: Server response: User anna already exists in this context: "
    assert result.err.startswith(start + "com.openexchange.")


def test_1_5_nonl_does_not_touch_tables(ox: Ox) -> None:
    assert ox.ok("listuser", "--nonl").count("\n") == 2
    assert ox.ok("listuser", "--csv", "--nonl").count("\n") == 2


@pytest.mark.parametrize(
    ("tool", "arguments", "first_line"),
    [
        ("listuser", (), "users in context 1 could not be listed: "),
        ("changeuser", ("-i", "3"), "user 3 in context 1 could not be changed: "),
        ("changeuser", ("-u", "anna"), "user anna in context 1 could not be changed: "),
        ("deleteuser", ("-u", "anna"), "user anna in context 1 could not be deleted: "),
        ("existsuser", ("-u", "anna"), "Server response:"),
    ],
)
def test_1_5_first_lines(ox: Ox, tool: str, arguments: tuple[str, ...], first_line: str) -> None:
    """existsuser has none."""
    result = ox.run(tool, "-P", "wrong", *arguments)
    assert (result.status, result.err.split("\n")[0]) == (101, first_line)
    assert message(result) == "Authentication failed"


def test_1_5_no_context_in_the_first_line_before_it_was_read(ox: Ox) -> None:
    assert ox.run("createuser", "--what").err.startswith("user could not be created: \nError: Unrecognized")
    assert ox.bare("listuser", "-c", "x").err.startswith("users could not be listed: \nInvalid input")


@pytest.mark.parametrize("bad", ["x", "", "1.5", "1_0", " 1", "99999999999", "9" * 5000])
def test_1_5_ids_must_be_numbers(ox: Ox, bad: str) -> None:
    for arguments in (("-c", bad, "-A", "oxadmin", "-i", "2"), ("-c", "1", "-A", "oxadmin", "-i", bad)):
        result = ox.bare("changeuser", *arguments)
        assert (result.status, result.out) == (1, "")
        assert result.err.endswith("could not be changed: \nInvalid input detected: Ids must be numbers!\n")


@pytest.mark.parametrize(
    ("status", "arguments"),
    [(104, ("-d", "x")), (109, ("-i", "2", "--mailenabled", "perhaps")), (111, ("-i", "2", "stray"))],
)
def test_1_5_usage_goes_to_stdout_after_104_109_and_111(ox: Ox, status: int, arguments: tuple[str, ...]) -> None:
    result = ox.run("changeuser", *arguments)
    assert result.status == status
    assert result.out.startswith("Usage: changeuser\n")
    assert "\nError: " in result.err


def test_1_5_exception_id_since_7_10_4(ox: Ox) -> None:
    ox.switch(version="NEW")
    first, second = (message(ox.run("listuser", "-P", "wrong")) for _ in range(2))
    pattern = re.compile(r"Authentication failed; exceptionId (-?\d+)-(\d+)$")
    one, two = pattern.fullmatch(first), pattern.fullmatch(second)
    assert one is not None
    assert two is not None
    assert one[1] == two[1]
    assert int(one[2]) < int(two[2])
    ox.switch(version="MID")
    assert message(ox.run("listuser", "-P", "wrong")) == "Authentication failed"


def test_1_6_a_context_that_does_not_exist_is_101(ox: Ox) -> None:
    result = ox.bare("listuser", "-c", "77", "-A", "oxadmin")
    assert (result.status, message(result)) == (101, "Authentication failed")


@pytest.mark.parametrize("tool", ["changeuser", "deleteuser"])
def test_1_6_unknown_users_are_108(ox: Ox, tool: str) -> None:
    by_id, by_name = ox.run(tool, "-i", "99"), ox.run(tool, "-u", "nobody")
    assert (by_id.status, by_name.status) == (108, 108)
    kind = "user(s)" if tool == "deleteuser" else "user"
    assert message(by_id) == f"No such {kind} 99 in context 1"
    assert message(by_name).endswith("No such user nobody in context 1")
    assert "NoSuchUserException: " in message(by_name)


@pytest.mark.parametrize("tool", ["changeuser", "deleteuser"])
def test_1_6_neither_id_nor_name_is_104(ox: Ox, tool: str) -> None:
    result = ox.run(tool)
    assert (result.status, "Either username or userid must be given" in result.err) == (104, True)


def test_1_6_missing_options_are_named_long_with_commas(ox: Ox) -> None:
    result = ox.run("createuser", "-g", "A", "-s", "B", "-e", "a@pirat.alt", "-p", "x")
    assert (result.status, 'Option(s) "username,displayname" missing' in result.err) == (104, True)


def test_1_6_credentials_come_before_the_data(ox: Ox) -> None:
    assert ox.run("createuser", "-P", "wrong", *ANNA[:-1], "no address", "-p", "x").status == 101


def test_1_6_a_repeated_createuser_fails_with_the_display_name_not_the_login(anna: Ox) -> None:
    """The data checks come first: whoever looks for "already exists" alone takes a repeat for a collision."""
    assert anna.refused("createuser", *ANNA, env=SECRET) == "The displayname is already used"


def test_1_6_the_login_comes_before_the_primary_mail(anna: Ox) -> None:
    arguments = ("-u", "anna", "-d", "Another", "-g", "A", "-s", "B", "-e", "anna@pirat.alt")
    assert anna.refused("createuser", *arguments, env=SECRET) == "User anna already exists in this context"


def test_1_6_changeuser_looks_for_the_user_before_it_looks_at_the_data(ox: Ox) -> None:
    assert ox.run("changeuser", "-i", "99", "-e", "no address").status == 108


def test_what_the_tool_sees_for_itself_never_reaches_the_server(ox: Ox) -> None:
    for arguments in (("stray",), ("-i", "x"), ("-i", "2", "-t", "Nowhere/Atall"), ()):
        ox.run("changeuser", *arguments)
    assert calls(ox.folder) == {}
