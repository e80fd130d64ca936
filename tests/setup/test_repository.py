"""The files that `reconciler init` writes beside the site file: they are what GitLab, GitHub and git understand, and
merge requests get no credential that writes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from reconciler.declared.site_file.load import load_site, site_of
from reconciler.errors import UsageError
from reconciler.settings import Planner, Settings
from reconciler.setup.repository import FILES, repository, save
from tests.cli.site import ANNA_DECLARED, StandInSite
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
GITLAB, GITHUB, NIGHTLY = (
    ".gitlab-ci.yml",
    ".github/workflows/reconciler.yml",
    ".github/workflows/reconciler-nightly.yml",
)
WRITES = re.compile(r"RECONCILER_(DB_PASSWORD|OX_PASSWORD|SSH_KEY)\b")


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return repository(WHOLE)


def jobs(text: str) -> dict[str, Any]:
    read = YAML(typ="safe", pure=True).load(text)
    found = read.get("jobs", read)
    return {name: job for name, job in found.items() if isinstance(job, dict) and {"script", "steps"} & job.keys()}


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


def test_no_job_of_a_merge_request_has_the_password_of_ox(texts: dict[str, str]) -> None:
    for name in (GITLAB, GITHUB, NIGHTLY):
        for job, said in jobs(texts[name]).items():
            text = str(said)
            assert ("OX_PASSWORD" in text) == (job == "apply" and name != GITLAB), (name, job)
            assert ("RECONCILER_ROLE" in text) == (job in ("plan", "drift")), (name, job)
    rows = [line for line in texts["README.md"].splitlines() if "OX_PASSWORD" in line and line.startswith("|")]
    assert rows == ["| `RECONCILER_OX_PASSWORD` | writes | the default branch only |"]
    assert "reconciler remote install mail.example" in texts["README.md"]


def test_where_ox_is_on_the_machine_of_the_jobs_the_readme_says_what_follows() -> None:
    data = {**WHOLE, "openxchange": {"admin_password_env": "RECONCILER_OX_PASSWORD"}}
    texts = repository(data)
    assert (
        "| `RECONCILER_OX_PASSWORD` | both | the default branch only, as long as it can write |" in texts["README.md"]
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


@pytest.mark.parametrize("name", [GITLAB, GITHUB, NIGHTLY, "README.md"])
def test_every_command_in_it_is_one(texts: dict[str, str], name: str) -> None:
    lines = re.findall(r"^[ -]*(reconciler (?!nightly).*)$", texts[name], re.MULTILINE)
    assert lines
    for line in lines:
        parsed(re.split(r" (?:>|2>|\|\|)", line)[0])


def test_merge_requests_get_nothing_that_writes(texts: dict[str, str]) -> None:
    for name, readers, writers in (
        (GITLAB, {"validate", "plan", "drift"}, {"apply"}),
        (GITHUB, {"validate", "plan"}, {"apply"}),
        (NIGHTLY, {"drift"}, {"apply"}),
    ):
        found = jobs(texts[name])
        assert found.keys() == readers | writers
        for job in readers:
            assert not WRITES.search(str(found[job])), job
            assert "apply" not in str(found[job])
        for job in writers:
            assert {match[0] for match in WRITES.finditer(texts[name])}
            assert found[job]["environment"] in ("mail", {"name": "mail"})


def test_gitlab_applies_one_at_a_time_on_the_default_branch(texts: dict[str, str]) -> None:
    found = jobs(texts[GITLAB])
    assert found["apply"]["rules"] == [{"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"}]
    assert (found["apply"]["resource_group"], found["apply"]["interruptible"]) == ("reconciler", False)
    (rule,) = found["plan"]["rules"]
    assert "$RECONCILER_PLAN_DB_PASSWORD && $RECONCILER_PLAN_SSH_KEY" in rule["if"]
    assert found["plan"]["allow_failure"] == {"exit_codes": [4]}


def test_github_applies_one_at_a_time_and_trusts_no_fork(texts: dict[str, str]) -> None:
    for name in (GITHUB, NIGHTLY):
        assert jobs(texts[name])["apply"]["concurrency"] == {"group": "reconciler-apply", "cancel-in-progress": False}
    read = YAML(typ="safe", pure=True).load(texts[GITHUB])
    assert set(read["on"]) == {"pull_request", "push"}
    assert "head.repo.full_name == github.repository" in read["jobs"]["plan"]["if"]
    # what a pull request chooses is no part of a script
    assert not [step for job in jobs(texts[GITHUB]).values() for step in job["steps"] if "${{" in step.get("run", "")]


@pytest.mark.parametrize("path", ["~/.ssh/it's mine", "keys/mine", "/srv/a key"])
def test_ci_puts_the_key_where_the_site_file_looks_for_it(tmp_path: Path, path: str) -> None:
    """In merge requests beside the site file of the target branch; host keys that are in git stay as they are."""
    login, planner = {"key_file": path, "known_hosts": "known_hosts"}, {"key_file": f"{path}-plan"}
    sections = {"ssh": {"mail.example": login}, "planner": {"ssh": {"mail.example": planner}}}
    texts = repository({**WHOLE, **sections})
    found = jobs(texts[GITLAB])
    for job, folder, key in (("plan", tmp_path / "base", f"{path}-plan"), ("apply", tmp_path, path)):
        (line,) = [line for line in found[job]["script"] if "SSH_KEY" in str(line)]
        home = {"HOME": "/home/ci", "base": str(folder)}
        words = subprocess.run(
            ["sh", "-c", f"printf '%s\\n' {line}"], env=home, capture_output=True, text=True, check=True
        )
        settings = load_site_of(texts, folder)
        at = settings.path(key) if not key.startswith("~") else Path("/home/ci") / key[2:]
        assert (folder / words.stdout.splitlines()[-1]) == at
        assert "KNOWN_HOSTS" not in str(found[job])


def load_site_of(texts: dict[str, str], folder: Path) -> Settings:
    save(texts, folder)
    return load_site(folder / "reconciler.yaml")


def test_the_plan_of_a_merge_request_takes_the_site_file_of_its_target(tmp_path: Path) -> None:
    """The script of the job, on a merge request that would have the passwords sent elsewhere."""
    StandInSite(tmp_path)
    (tmp_path / "reconciler.yaml").unlink()
    url = f"sqlite:///{tmp_path}/postfixadmin.sqlite"
    written = repository({"site": "nrw", "state": "state", "postfixadmin": {"url": url}})
    checkout = tmp_path / "checkout"
    save(written, checkout)
    git(checkout, "init", "--quiet", "--initial-branch=main")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "--message=State")
    git(checkout, "remote", "add", "origin", str(checkout))
    git(checkout, "switch", "--quiet", "--create", "request")
    (checkout / "reconciler.yaml").write_text("site: elsewhere\n")
    (checkout / "state" / "mailboxes.yaml").write_text(f"domain: pirat.alt\nmailboxes:\n  {ANNA_DECLARED}\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "--message=Anna")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, line in (("python3", "exit 0"), ("reconciler", f'exec {sys.executable} -m reconciler "$@"')):
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    steps = jobs(written[GITLAB])["plan"]["script"]
    script = [line for step in steps for line in ([step] if isinstance(step, str) else step)]
    env = {
        "PATH": f"{programs}:/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "HOME": str(tmp_path),
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    }
    command = ["bash", "-eo", "pipefail", "-c", "\n".join(script)]
    done = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, check=False)
    plan = (checkout / "plan.md").read_text("utf-8")
    assert done.returncode == 4, done
    assert "nrw" in plan
    assert "elsewhere" not in plan + done.stderr
    assert "anna.beispiel" in plan


@pytest.mark.parametrize(
    ("applied", "verified", "status"), [(0, 0, 0), (5, 0, 5), (8, 9, 8), (0, 9, 9)], ids=lambda value: str(value)
)
@pytest.mark.parametrize("name", [GITLAB, GITHUB, NIGHTLY])
def test_the_head_is_in_the_log_however_apply_ends(
    tmp_path: Path, texts: dict[str, str], name: str, applied: int, verified: int, status: int
) -> None:
    """A refusal about one subject is status 5, and the rest is applied, every night."""
    job = jobs(texts[name])["apply"]
    steps = job["script"] if name == GITLAB else [step["run"] for step in job["steps"] if step.get("name") == "apply"]
    script = [line for step in steps for line in ([step] if isinstance(step, str) else step)]
    programs = tmp_path / "programs"
    programs.mkdir()
    said = f'[ "$1" = apply ] && exit {applied}; echo "head 3 abc"; exit {verified}'
    for program, line in (("reconciler", said), ("python3", "exit 0"), ("install", "exit 0")):
        (programs / program).write_text(f"#!/bin/sh\n{line}\n")
        (programs / program).chmod(0o755)
    env = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(tmp_path)}
    command = ["bash", "-eo", "pipefail", "-c", "\n".join(script)]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count("head 3 abc")) == (status, 1), done
