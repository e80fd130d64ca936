"""`reconciler doctor`: statuses, formats, and what a mistake on the command line is answered with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.doctor.context import Role
from tests.cli.conftest import Command
from tests.cli.test_formats import valid
from tests.doctor.granted import granted
from tests.services.sshd import Sshd


def written(folder: Path, **sections: object) -> None:
    (folder / "reconciler.yaml").write_text(json.dumps({"site": "nrw", **sections}), encoding="utf-8")


def ssh(server: Sshd, **others: object) -> dict[str, object]:
    login = server.login()
    return {name: getattr(login, name) for name in ("user", "port", "address", "key_file", "known_hosts")} | others


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands run in this folder."""
    monkeypatch.delenv("RECONCILER_SITE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_is_well(here: Path, sshd: Sshd, command: Command) -> None:
    written(here, ssh={"mail.example": ssh(sshd)})
    answer = command("doctor")
    assert answer.status == 0, answer
    assert "✓ login on mail.example" in answer.out


def test_one_host_that_is_down_is_unknown_and_the_other_is_looked_at(here: Path, sshd: Sshd, command: Command) -> None:
    written(here, ssh={"a.example": ssh(sshd, port=1), "b.example": ssh(sshd)})
    answer = command("doctor", "--format", "json")
    assert answer.status == 9, answer
    valid(answer.json, "doctor")
    logins = {c["name"]: c for c in answer.json["checks"] if c["name"].startswith("login")}
    assert logins["login on a.example"]["verdict"] == "unknown"
    assert "cannot be reached" in logins["login on a.example"]["saw"]
    assert logins["login on b.example"]["verdict"] == "ok"


def test_a_host_with_another_key_is_not_logged_in_to(here: Path, sshd: Sshd, command: Command) -> None:
    (here / "known_hosts").write_text("", encoding="utf-8")
    written(here, ssh={"mail.example": ssh(sshd, known_hosts=str(here / "known_hosts"))})
    answer = command("doctor", "--format", "markdown")
    assert answer.status == 9, answer
    assert "**login on mail.example**" in answer.out
    assert "known&#95;hosts" in answer.out or "known\\_hosts" in answer.out


def test_an_address_that_is_none(here: Path, command: Command) -> None:
    written(here)
    answer = command("doctor", "--moving-to", "192.0.2.256")
    assert answer.status == 2
    assert "'192.0.2.256'" in answer.err
    assert "192.0.2.25 or 2001:db8::25" in answer.err


def test_a_site_of_nothing(here: Path, command: Command) -> None:
    written(here)
    answer = command("doctor", "--account", "planner")
    assert (answer.status, answer.out) == (0, "mail doctor for nrw · nothing to look at\n")


@pytest.mark.parametrize("missing", ["postfixadmin", "ledger"])
def test_one_database_without_its_password_and_the_other_is_looked_at(
    here: Path, command: Command, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Nobody answers on port 1, which is what the one with a password says."""
    url = "mysql+pymysql://reconciler@127.0.0.1:1/postfixadmin"
    sections = {name: {"url": url, "password_env": f"TEST_{name.upper()}"} for name in ("postfixadmin", "ledger")}
    written(here, **sections)
    for name in sections:
        monkeypatch.setenv(f"TEST_{name.upper()}", "nobody-sees-this")
    monkeypatch.delenv(f"TEST_{missing.upper()}")
    answer = command("doctor", "--format", "json")
    saw = {c["name"]: c["saw"] for c in answer.json["checks"] if c["area"] == "database"}
    assert (answer.status, len(saw)) == (9, 2), answer
    for name in sections:
        said = f"the variable TEST_{name.upper()} is not set" if name == missing else "127.0.0.1"
        assert said in saw[f"reachable ({name}.url)"]


URL = "mysql+pymysql://reconciler@db.example/postfixadmin"


@pytest.mark.parametrize("account", Role)
def test_grants_are_printed_for_each_account(here: Path, command: Command, account: Role) -> None:
    """They are the page's, which tests/integration/test_rights.py shows to be enough and each of them needed."""
    written(here, postfixadmin={"url": URL}, planner={"database_user": "planner"})
    answer = command("doctor", "--grants", account.value)
    assert answer.status == 0, answer
    lines = [line for line in answer.out.splitlines() if not line.startswith("--")]
    assert lines == granted("MariaDB", account)
    late = [line for line in answer.out.splitlines() if "mailbox_app_password" in line]
    assert [line.startswith("-- GRANT SELECT, INSERT, UPDATE, DELETE") for line in late] == (
        [True] if account is Role.APPLIER else []
    )


def test_grants_follow_the_site_file(here: Path, command: Command) -> None:
    written(here, postfixadmin={"url": URL, "table_prefix": "pfa_"}, ledger={"url": URL.replace("postfixadmin", "led")})
    lines = command("doctor", "--grants", "planner").out.splitlines()
    assert "GRANT SELECT (email, active) ON postfixadmin.pfa_vacation TO reconciler@'%';" in lines
    assert "GRANT SELECT ON led.reconciler_runs TO reconciler@'%';" in lines
    assert not [line for line in lines if "postfixadmin.pfa_reconciler" in line]


def test_grants_of_a_site_without_a_server(here: Path, command: Command) -> None:
    written(here, postfixadmin={"url": "sqlite:///x.sqlite"})
    answer = command("doctor", "--grants", "planner")
    assert answer.status == 2
    assert "no database server" in answer.err
