"""The files that `reconciler init` writes beside the site file. Those of CI: tests/pipelines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from reconciler.declared.site_file.load import load_site, site_of
from reconciler.errors import UsageError
from reconciler.settings import Planner, Settings
from reconciler.setup.repository import FILES, repository, save
from tests.cli.test_help import parsed
from tests.services.git import git

WHOLE: dict[str, Any] = {
    "site": "nrw",
    "state": "state",
    "postfixadmin": {
        "url": "mysql+pymysql://postfix@db.example:3306/postfixadmin",
        "password_env": "RECONCILER_DB_PASSWORD",
        "read_url": "mysql+pymysql://postfix@replica.example/postfixadmin",
    },
    "openxchange": {"host": "mail.example", "admin_password_env": "RECONCILER_OX_PASSWORD"},
    "postfix": {"host": "mail.example", "sender_access": "hash:/etc/postfix/maps/sender_access"},
    "ssh": {"mail.example": {"user": "reconciler", "key_file": "~/.ssh/it's mine", "known_hosts": "known_hosts"}},
}


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return repository(WHOLE)


def test_all_files_are_there(texts: dict[str, str]) -> None:
    assert set(texts) == set(FILES)


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"policy": {"protected": ["postmaster", "yes", "0123", "a, b", "ü"], "local_part": "^[a-z'\"#: ]+$"}},
        {"register": {"csv": "it's: #1.csv", "active": ["ja", "true", ""]}},
        {"letters": {"from": "AG 'Technik' <technik@mail.example>", "smtp": {"host": "relay.example"}}},
        {"ssh": {"1.2.3.4": {}, "mail.example": {"user": "1000"}}},
        {"postfixadmin": {"url": "sqlite:///a.sqlite", "maildir": "{domain}/{address}/"}, "openxchange": {}},
        {"ledger": {"url": "sqlite:///ledger.sqlite"}, "timezone": "Europe/Vienna"},
    ],
)
def test_a_site_file_is_read_back_as_what_was_answered(tmp_path: Path, section: dict[str, Any]) -> None:
    data = {**WHOLE, **section}
    save(repository(data), tmp_path)
    read = load_site(tmp_path / "reconciler.yaml", reads_state=True)
    meant = site_of(data, tmp_path)
    assert isinstance(meant, Settings)
    ours = {"file", "planner"}  # the planner is added, unless somebody named one
    assert read.model_dump(exclude=ours) == meant.model_dump(exclude=ours)
    assert read.planner or ("password_env" not in str(data) and not data["ssh"])
    save(repository({**data, "planner": {"database_user": "looker"}}), tmp_path / "again")
    again = load_site(tmp_path / "again" / "reconciler.yaml").planner
    assert again == Planner(database_user="looker")


def test_the_planner_has_credentials_of_its_own(
    tmp_path: Path, texts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One site file: the environment of a job says which of the two it is."""
    save(texts, tmp_path)
    site = load_site(tmp_path / "reconciler.yaml")
    monkeypatch.setenv("RECONCILER_ROLE", "planner")
    planner = load_site(tmp_path / "reconciler.yaml")
    assert planner.postfixadmin
    assert planner.postfixadmin.url == "mysql+pymysql://planner@db.example:3306/postfixadmin"
    assert planner.postfixadmin.read_url == "mysql+pymysql://planner@replica.example/postfixadmin"
    assert planner.postfixadmin.password_env == "RECONCILER_PLAN_DB_PASSWORD"
    login = planner.ssh["mail.example"]
    assert (login.user, login.key_file, login.read_only) == ("reconciler-plan", "~/.ssh/reconciler-plan", True)
    assert login.known_hosts == site.ssh["mail.example"].known_hosts
    assert site.postfixadmin
    assert site.postfixadmin.password_env == "RECONCILER_DB_PASSWORD"
    assert not site.ssh["mail.example"].read_only


@pytest.mark.parametrize(
    ("role", "section", "said"),
    [
        ("applier", {}, "the only role is planner"),
        ("planner", {"planner": None}, "the site file has no section `planner`"),
    ],
)
def test_a_role_that_is_none_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str, section: dict[str, Any], said: str
) -> None:
    """It is not passed over: the job would read with the other credentials."""
    file = tmp_path / "reconciler.yaml"
    file.write_text("site: nrw\n" + ("planner: {database_user: planner}\n" if not section else ""))
    monkeypatch.setenv("RECONCILER_ROLE", role)
    with pytest.raises(UsageError, match=said):
        load_site(file)


def test_the_readme_says_who_gets_what(texts: dict[str, str]) -> None:
    rows = [line for line in texts["README.md"].splitlines() if "OX_PASSWORD" in line and line.startswith("|")]
    assert rows == ["| `RECONCILER_OX_PASSWORD` | writes | the default branch only | `mail` |"]
    assert "reconciler remote install mail.example" in texts["README.md"]


def test_where_ox_is_on_the_machine_of_the_jobs_the_readme_says_what_follows() -> None:
    data = {**WHOLE, "openxchange": {"admin_password_env": "RECONCILER_OX_PASSWORD"}}
    texts = repository(data)
    assert (
        "| `RECONCILER_OX_PASSWORD` | both | the default branch only, as long as it can write | `mail` |"
        in texts["README.md"]
    )
    assert "knows no administrator who only reads" in texts["README.md"]


def test_a_file_with_a_password_is_ignored_by_git(tmp_path: Path) -> None:
    data = {**WHOLE, "openxchange": {"admin_password_file": "./ox.txt"}, "ssh": {"m": {"key_file": "the-key"}}}
    save(repository(data), tmp_path)
    git(tmp_path, "init", "--quiet")
    for name in ("ox.txt", "the-key", "id_ed25519", "plan.json"):
        (tmp_path / name).write_text("x")
    git(tmp_path, "add", ".")
    assert set(git(tmp_path, "ls-files").split()) == set(FILES)


def test_every_command_in_the_readme_is_one(texts: dict[str, str]) -> None:
    lines = re.findall(r"^[ -]*(reconciler (?!nightly).*)$", texts["README.md"], re.MULTILINE)
    assert lines
    for line in lines:
        parsed(line)
