"""Installation, switches, and what tests and demo do behind the tools' back."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.sandbox.openxchange.bulk import import_users
from reconciler.sandbox.openxchange.control import (
    calls,
    check_password,
    forget_calls,
    set_switches,
    user,
    users,
)
from reconciler.sandbox.openxchange.install import install
from reconciler.sandbox.openxchange.switches import TOOLS, Fault, Switches, load
from reconciler.sandbox.openxchange.usage import NOTICE
from tests.sandbox.openxchange.conftest import ADMIN_PASSWORD, ANNA, Ox

MODULE = "reconciler.sandbox.openxchange"
ROOT = Path(__file__).resolve().parents[3]


def module(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment}
    argv = [sys.executable, "-m", MODULE, *arguments]
    return subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_takes_the_password_from_the_environment(tmp_path: Path) -> None:
    folder = tmp_path / "with blank and 'quote'"
    done = module("install", str(folder), "--admin", "chef", "--context", "7", RECONCILER_OX_PASSWORD="geheim")
    assert (done.returncode, done.stderr) == (0, "")
    assert NOTICE in done.stdout
    assert "geheim" not in done.stdout
    assert check_password(folder, "chef", "geheim", context=7)
    argv = [str(folder / "sbin" / "existsuser"), "-c", "7", "-A", "chef", "-u", "chef"]
    assert subprocess.run(argv, env={"ADMIN_PASSWORD": "geheim"}, check=False).returncode == 0


def test_the_command_without_a_password_says_which_variable(tmp_path: Path) -> None:
    done = module("install", str(tmp_path / "ox"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "RECONCILER_OX_PASSWORD" in done.stderr
    assert not (tmp_path / "ox").exists()


def test_the_commands_help_says_what_it_is() -> None:
    for arguments in (("--help",), ("install", "--help")):
        text = " ".join(module(*arguments).stdout.split())
        assert NOTICE in text


def test_every_tool_is_an_executable(ox: Ox) -> None:
    for tool in TOOLS:
        assert (ox.folder / "sbin" / tool).stat().st_mode & stat.S_IXUSR
    assert {path.name for path in (ox.folder / "sbin").iterdir()} == set(TOOLS)


def test_danger_installing_twice_keeps_users_and_switches(anna: Ox) -> None:
    anna.switch(version="NEW")
    install(anna.folder, admin_password="another")
    assert load(anna.folder).version == "NEW"
    assert [user.ident for user in users(anna.folder)] == ["oxadmin", "anna"]
    assert check_password(anna.folder, "oxadmin", "another")
    assert not check_password(anna.folder, "oxadmin", ADMIN_PASSWORD)


def test_a_portable_one_needs_neither_checkout_nor_virtual_environment(tmp_path: Path) -> None:
    install(tmp_path / "ox", admin_password="geheim", portable=True)
    script = (tmp_path / "ox" / "sbin" / "listuser").read_text()
    assert str(ROOT) not in script.replace(str(tmp_path), "")
    argv = [str(tmp_path / "ox" / "sbin" / "existsuser"), "-c", "1", "-A", "oxadmin", "-u", "oxadmin"]
    done = subprocess.run(argv, env={"ADMIN_PASSWORD": "geheim"}, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"User oxadmin exists\n", b"")


def test_another_administrator_for_the_same_context_is_refused(ox: Ox) -> None:
    with pytest.raises(UsageError, match="already has the administrator oxadmin") as caught:
        install(ox.folder, admin_password="x", admin="chef")
    assert "--admin oxadmin" in caught.value.hint


def test_an_empty_administrators_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        install(tmp_path / "ox", admin_password="")


def test_only_the_standard_library_is_needed(ox: Ox) -> None:
    """Start-up is what thousands of calls wait for: -S hides every installed package."""
    code = (
        f"import sys; import {MODULE}.run; "
        "print([name for name in sys.modules if name.split('.')[0] in ('pydantic', 'sqlalchemy', 'asyncssh')])"
    )
    argv = [sys.executable, "-S", "-c", code]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert " -S " in (ox.folder / "sbin" / "listuser").read_text()


def test_switches_are_written_out_with_oxs_defaults(ox: Ox) -> None:
    content = json.loads((ox.folder / "switches.json").read_text())
    assert content["USERNAME_CHANGEABLE"] is False
    assert content["PRIMARY_MAIL_UNCHANGEABLE"] is False
    assert content["enforceUniqueDisplayName"] is True
    assert content["version"] == "MID"
    assert load(ox.folder) == Switches()


def test_an_empty_object_means_all_defaults(ox: Ox) -> None:
    (ox.folder / "switches.json").write_text("{}")
    assert load(ox.folder) == Switches()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "switches.json: Expecting property name"),
        ("[]", "expected a JSON object"),
        ('{"version": "8.0"}', "version: unknown '8.0'"),
        ('{"USERNAME_CHANGABLE": true}', "unknown name 'USERNAME_CHANGABLE'"),
        ('{"USERNAME_CHANGEABLE": 1}', "USERNAME_CHANGEABLE: wrong type"),
        ('{"seed": "x"}', "seed: wrong type"),
        ('{"CHECK_USER_UID_REGEXP": "["}', "CHECK_USER_UID_REGEXP"),
        ('{"faults": {"kind": "down"}}', "expected a list"),
        ('{"faults": [{"kind": "downn"}]}', "unknown kind 'downn'"),
        ('{"faults": [{"tool": "listuser"}]}', "unknown kind ''"),
        ('{"faults": [{"kind": "down", "tool": "lsuser"}]}', "unknown tool 'lsuser'"),
        ('{"faults": [{"kind": "slow", "seconds": NaN}]}', "out of range"),
        ('{"faults": [{"kind": "slow", "seconds": -1}]}', "out of range"),
        ('{"faults": [{"kind": "half_answer", "status": 256}]}', "out of range"),
    ],
)
def test_wrong_switches_end_the_tools_with_2_and_a_hint(ox: Ox, content: str, said: str) -> None:
    (ox.folder / "switches.json").write_text(content)
    result = ox.run("listuser")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("stand-in of reconciler: ")
    assert said in result.err
    assert result.err.count("\n") == 2


def test_a_folder_that_is_no_stand_in_any_more(ox: Ox) -> None:
    (ox.folder / "store.sqlite").unlink()
    assert "has no store.sqlite" in ox.run("listuser").err
    (ox.folder / "switches.json").unlink()
    result = ox.run("listuser")
    assert (result.status, "install" in result.err) == (2, True)


def test_set_switches_keeps_the_others(ox: Ox) -> None:
    set_switches(ox.folder, USERNAME_CHANGEABLE=True)
    set_switches(ox.folder, faults=[Fault("down", first=2)])
    assert load(ox.folder) == Switches(USERNAME_CHANGEABLE=True, faults=(Fault("down", first=2),))
    with pytest.raises(UsageError):
        set_switches(ox.folder, faults=[Fault("nothing")])
    assert load(ox.folder).faults == (Fault("down", first=2),)


def test_calls_count_what_reached_the_server(ox: Ox) -> None:
    ox.ok("listuser")
    ox.bare("listuser", "--help")
    ox.run("existsuser", "-u", "nobody")
    assert calls(ox.folder) == {"listuser": 1, "existsuser": 1}
    forget_calls(ox.folder)
    assert calls(ox.folder) == {}


def test_import_follows_the_primary_address(ox: Ox) -> None:
    assert import_users(ox.folder, [{"Name": "x", "PrimaryEmail": "x@pirat.alt", "Password": "geheim"}]) == [3]
    fields = user(ox.folder, "x").fields
    assert {fields[name] for name in ("PrimaryEmail", "Email1", "DefaultSenderAddress")} == {"x@pirat.alt"}
    assert user(ox.folder, "x").aliases == {"x@pirat.alt"}
    assert check_password(ox.folder, "x", "geheim")


def test_import_leaves_missing_what_is_none(ox: Ox) -> None:
    row = {"Name": "x", "PrimaryEmail": "x@pirat.alt", "Email1": None, "Aliases": "a@pirat.alt, b@pirat.alt"}
    import_users(ox.folder, [row])
    assert "Email1" not in user(ox.folder, "x").fields
    assert user(ox.folder, "x").aliases == {"a@pirat.alt", "b@pirat.alt"}


def test_import_is_all_or_nothing(ox: Ox) -> None:
    with pytest.raises(UsageError, match="cannot be imported"):
        import_users(ox.folder, [{"Name": "x"}, {"Name": "y"}, {"Name": "x"}])
    with pytest.raises(UsageError, match="unknown columns: name"):
        import_users(ox.folder, [{"Name": "x"}, {"name": "y"}])
    with pytest.raises(UsageError, match="no context 9"):
        import_users(ox.folder, [{"Name": "x"}], context=9)
    assert len(users(ox.folder)) == 1


def test_import_advances_the_sequence(ox: Ox) -> None:
    assert import_users(ox.folder, [{"Name": "x", "Id": "4100"}, {"Name": "y"}]) == [4100, 4101]
    assert ox.create(*ANNA) == "user 4102 in context 1 created\n"


def test_a_user_that_is_not_there(ox: Ox) -> None:
    with pytest.raises(UsageError, match="no user nobody"):
        user(ox.folder, "nobody")
