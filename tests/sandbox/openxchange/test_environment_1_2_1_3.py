"""Options that every tool has, and the environment: `facts/open-xchange.md` 1.2, 1.3, 1.7, and the locale of 2.3."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reconciler.sandbox.openxchange.control import check_password
from reconciler.sandbox.openxchange.switches import TOOLS
from reconciler.sandbox.openxchange.usage import NOTICE
from tests.sandbox.openxchange.conftest import ADMIN_PASSWORD, ANNA, PASSWORD, Ox, message


@pytest.mark.parametrize("tool", TOOLS)
def test_1_2_help_says_that_this_is_the_stand_in(ox: Ox, tool: str) -> None:
    result = ox.bare(tool, "--help")
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith(f"Usage: {tool}\n{NOTICE}\n")
    assert "-c,--contextid <contextid>" in result.out
    assert ox.bare(tool, "-h").out == result.out


@pytest.mark.parametrize("tool", ["createuser", "changeuser"])
def test_1_2_extended_options_are_the_long_help(ox: Ox, tool: str) -> None:
    short, long = ox.bare(tool, "--help").out, ox.bare(tool, "--extendedoptions").out
    assert ox.bare(tool, "--extendedoptions").status == 0
    assert "--access-read-create-shared-Folders" in long
    assert "--mail_folder_drafts_name" in long
    assert "--access-read-create-shared-Folders" not in short


def test_1_2_extended_options_are_for_create_and_change_only(ox: Ox) -> None:
    assert ox.bare("listuser", "--extendedoptions").status == 111


def test_1_2_environment_prints_passwords(ox: Ox) -> None:
    """The trap: whoever calls it puts both passwords on stdout."""
    env = {"NEW_USER_PASSWORD": PASSWORD, "RMI_HOSTNAME": "ox.example", "COMMANDLINE_TIMEZONE": "  "}
    result = ox.bare("existsuser", "--environment", env=env)
    assert result.status == 0
    for line in (
        f" ADMIN_PASSWORD={ADMIN_PASSWORD}\n",
        f" NEW_USER_PASSWORD={PASSWORD}\n",
        " RMI_HOSTNAME=rmi://ox.example/\n",
        " COMMANDLINE_TIMEZONE=GMT\n",
        " COMMANDLINE_DATEFORMAT=yyyy-MM-dd\n",
    ):
        assert line in result.out


@pytest.mark.parametrize("tool", TOOLS)
def test_1_2_the_context_is_required(ox: Ox, tool: str) -> None:
    result = ox.bare(tool, "-A", "oxadmin")
    assert result.status == 104
    assert 'Option(s) "contextid' in result.err


def test_1_3_the_option_wins_over_admin_password(ox: Ox) -> None:
    good = ox.run("existsuser", "-u", "oxadmin", "-P", ADMIN_PASSWORD, env={"ADMIN_PASSWORD": "wrong"})
    bad = ox.run("existsuser", "-u", "oxadmin", "-P", "wrong")
    assert (good.status, bad.status) == (0, 101)


def test_1_3_new_user_password_wins_over_the_option_and_makes_it_optional(ox: Ox) -> None:
    ox.ok("createuser", *ANNA, "-p", "from the option", env={"NEW_USER_PASSWORD": PASSWORD})
    assert check_password(ox.folder, "anna", PASSWORD)
    assert not check_password(ox.folder, "anna", "from the option")


def test_1_3_trap_new_user_password_changes_the_password_in_an_unrelated_changeuser(anna: Ox) -> None:
    anna.ok("changeuser", "-u", "anna", "-d", "Anna B.", env={"NEW_USER_PASSWORD": "another"})
    assert check_password(anna.folder, "anna", "another")


@pytest.mark.parametrize("blank", ["", "   "])
def test_1_3_blank_variables_are_ignored(ox: Ox, blank: str) -> None:
    result = ox.run("createuser", *ANNA, env={"NEW_USER_PASSWORD": blank})
    assert (result.status, 'Option(s) "password" missing' in result.err) == (104, True)
    assert ox.run("existsuser", "-u", "oxadmin", env={"ADMIN_PASSWORD": blank}).status == 101


def test_1_3_without_any_credential_option_a_rejection_is_104(ox: Ox) -> None:
    """Even though ADMIN_PASSWORD is set, and right."""
    result = ox.bare("existsuser", "-c", "1", "-u", "oxadmin")
    assert result.status == 104
    assert "Options " in result.err
    assert " missing" in result.err
    assert result.out.startswith("Usage: existsuser\n")


def test_1_7_only_the_context_admin_may_call(anna: Ox) -> None:
    result = anna.bare("listuser", "-c", "1", "-A", "anna", "-P", PASSWORD)
    assert (result.status, message(result)) == (101, "Authentication failed")


def test_2_3_outside_a_utf_8_locale_umlauts_become_question_marks(ox: Ox) -> None:
    ox.create("-u", "koeln", "-d", "Köln", "-g", "K", "-s", "Ö", "-e", "koeln@pirat.alt")
    assert "Köln" in ox.ok("listuser")
    for locale in ("C", "POSIX", "de_DE"):
        assert "K?ln" in ox.ok("listuser", env={"LC_ALL": locale})
    assert "Köln" in ox.ok("listuser", env={"LC_ALL": "", "LANG": "de_DE.utf8"})


def test_2_3_outside_a_utf_8_locale_umlauts_in_arguments_are_destroyed(ox: Ox) -> None:
    ox.ok("createuser", *ANNA[:2], "-d", "Köln", *ANNA[4:], "-p", PASSWORD, env={"LC_ALL": "C"})
    assert "ö" not in ox.user("anna").fields["Display_name"]


def test_9_the_tools_work_from_any_folder_and_with_an_empty_environment(ox: Ox, tmp_path: Path) -> None:
    """A csv.py in the caller's folder is nobody's csv module."""
    (tmp_path / "csv.py").write_text("raise SystemExit(77)")
    (tmp_path / "reconciler.py").write_text("raise SystemExit(77)")
    argv = [str(ox.folder / "sbin" / "listuser"), "-c", "1", "-A", "oxadmin", "-P", ADMIN_PASSWORD, "--csv"]
    done = subprocess.run(argv, cwd=tmp_path, env={}, capture_output=True, check=True)
    assert b'"oxadmin"' in done.stdout
    assert done.stderr == b""
