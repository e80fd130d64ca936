"""Who gets what: a merge request gets no credential that writes, a fork none at all, and the token of the comment is in
no job that reads a live system or the state of a branch."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from reconciler.declared.site_file.load import load_site
from reconciler.setup.ci_facts import CiFacts
from reconciler.setup.ci_files import ci_texts
from reconciler.setup.repository import repository, save
from tests.cli.test_help import parsed
from tests.pipelines.copies import FACTS, USUAL
from tests.pipelines.files import FORGES, jobs, lines, programs, read
from tests.services.git import git

WRITES = re.compile(r"RECONCILER_(DB_PASSWORD|OX_PASSWORD|SMTP_PASSWORD|SSH_KEY)\b")
READS = re.compile(r"RECONCILER_PLAN_\w+")
TOKEN = "RECONCILER_FORGE_TOKEN"
_ACTIONS = {
    "checks": ["plan.yml:validate"],
    "reads": ["plan.yml:plan", "drift.yml:drift"],
    "writes": ["apply.yml:apply", "drift.yml:due"],
    "tells": ["plan.yml:comment", "apply.yml:comment", "drift.yml:issue"],
}
ROLES = {
    "gitlab": {
        "checks": ["validate"],
        "reads": ["plan", "drift"],
        "writes": ["apply"],
        "tells": ["plan-comment", "apply-comment", "drift-issue"],
    },
    "github": _ACTIONS,
    "forgejo": _ACTIONS,
}


def files(forge: str) -> dict[str, str]:
    return ci_texts(forge, FACTS)


@pytest.fixture(params=FORGES)
def forge(request: pytest.FixtureRequest) -> str:
    assert isinstance(request.param, str)
    return request.param


def test_each_job_has_one_role(forge: str) -> None:
    assert sorted(jobs(files(forge))) == sorted(name for names in ROLES[forge].values() for name in names)


def test_each_job_gets_the_secrets_of_its_role_alone(forge: str) -> None:
    """GitLab's variables are the project's: there the environment of a job is what keeps them apart."""
    found = jobs(files(forge))
    for role, names in ROLES[forge].items():
        for name in names:
            said = str(found[name])
            assert bool(WRITES.search(said)) == (role == "writes"), name
            assert bool(READS.search(said)) == (role == "reads"), name
            assert ("RECONCILER_ROLE" in said) == (role == "reads"), name
            if forge == "gitlab":
                environment = found[name].get("environment", {})
                wanted = {"writes": "mail", "reads": "mail/plan", "tells": "mail/comment", "checks": None}[role]
                assert environment.get("name") == wanted, name
                assert ("action" in environment) == (role in ("reads", "tells")), "it would be a deployment"
            else:
                # after a merge the comment is read
                assert (TOKEN in said) == (role == "tells" or name == "apply.yml:apply"), name
                assert (found[name].get("environment") == "mail") == (role == "writes"), name
                granted = found[name]["permissions"]
                writing = {right for right, level in granted.items() if level == "write"}
                assert writing == ({"pull-requests", "issues"} & writing if role == "tells" else set()), name


def test_what_tells_reads_no_live_system_and_no_state(forge: str) -> None:
    found = jobs(files(forge))
    for name in ROLES[forge]["tells"]:
        assert set(re.findall(r"reconciler (\w+)", lines(found[name]))) - {"wrote"} == {"report"}, name
        assert "actions/checkout" not in str(found[name]), name


def test_a_fork_gets_validate_alone(forge: str) -> None:
    """So does a merge request into another branch, whose site file anybody may have pushed."""
    texts = files(forge)
    found = jobs(texts)
    if forge == "gitlab":
        same = "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID"
        same += " && $CI_MERGE_REQUEST_TARGET_BRANCH_NAME == $CI_DEFAULT_BRANCH"
        asked = [name for name, job in found.items() if "merge_request_event" in str(job["rules"])]
        assert sorted(asked) == ["plan", "plan-comment", "validate"]
        assert all(same in str(found[name]["rules"]) for name in asked if name != "validate")
        return
    same = "github.event.pull_request.head.repo.full_name == github.repository"
    same += " && github.base_ref == github.event.repository.default_branch"
    plan = {name: job for name, job in found.items() if name.startswith("plan.yml")}
    assert [name for name, job in plan.items() if same not in str(job.get("if"))] == ["plan.yml:validate"]
    assert not any("pull_request_target" in str(read(text)["on"]) for text in texts.values())
    # what somebody outside chooses is no part of a script
    assert not [step for job in found.values() for step in job["steps"] if "${{" in step.get("run", "")]


def test_apply_is_one_at_a_time_on_the_default_branch_and_not_cancelled(forge: str) -> None:
    texts = files(forge)
    found = jobs(texts)
    if forge == "gitlab":
        assert found["apply"]["rules"] == [{"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"}]
        assert (found["apply"]["resource_group"], found["apply"]["interruptible"]) == ("reconciler", False)
        return
    for name in ROLES[forge]["writes"]:
        file, _, _ = name.partition(":")
        where = found[name] if forge == "github" else read(texts[f".forgejo/workflows/{file}"])
        assert where["concurrency"] == {"group": "reconciler-apply", "cancel-in-progress": False}
        assert found[name]["if"] == "github.ref_name == github.event.repository.default_branch"


def test_a_plan_of_an_older_push_is_cancelled(forge: str) -> None:
    """And none of another branch. A reusable workflow leaves it to the one that calls it."""
    texts = files(forge)
    if forge == "gitlab":
        assert [name for name, job in jobs(texts).items() if job.get("interruptible")] == ["validate", "plan", "drift"]
        return
    (plan,) = (read(text) for path, text in texts.items() if path.endswith("/plan.yml"))
    assert plan["concurrency"] == {"group": "plan-${{ github.ref }}", "cancel-in-progress": True}


def test_the_page_is_linked_in_the_merge_request_by_its_name() -> None:
    """GitLab takes neither variables nor patterns there, nor a leading ./ (facts/forges.md 7)."""
    for shards in (1, 4):
        artifacts = jobs(ci_texts("gitlab", FACTS, shards=shards))["plan-comment"]["artifacts"]
        assert artifacts["expose_as"] == "mail plan"
        assert artifacts["paths"][0] == "plan.html"
        assert all(re.fullmatch(r"\w+\.\w+", path) for path in artifacts["paths"])
        assert artifacts["reports"]["terraform"] == "counts.json"


def test_only_the_drift_file_has_a_schedule(forge: str) -> None:
    if forge != "gitlab":
        scheduled = [path for path, text in files(forge).items() if "schedule" in read(text)["on"]]
        assert [Path(path).name for path in scheduled] == ["drift.yml"]


def test_after_a_merge_the_comment_is_written_also_of_a_job_that_failed(forge: str) -> None:
    """Gitea knows `always()` and may know no other condition."""
    found = jobs(files(forge))
    if forge == "gitlab":
        assert found["apply-comment"]["rules"][0]["when"] == "always"
    else:
        assert found["apply.yml:comment"]["if"].startswith("${{ always() && ")


def test_artifacts_are_there_when_a_job_failed(forge: str) -> None:
    for name, job in jobs(files(forge)).items():
        if forge == "gitlab":
            assert job.get("artifacts", {"when": "always"})["when"] == "always", name
        else:
            kept = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
            assert all(step["if"] in ("${{ !cancelled() }}", "${{ always() }}") for step in kept), name


def test_every_command_in_them_is_one(forge: str) -> None:
    for job in jobs(files(forge)).values():
        for line in re.findall(r"(?:^|\|\| )(reconciler .*)$", lines(job), re.MULTILINE):
            command = re.split(r" (?:>|\|\|)", line)[0]
            parsed(command.replace("$how", "--reviewed").replace('"$document"', "plan.json"))


@pytest.mark.parametrize("path", ["~/.ssh/it's mine", "keys/mine", "/srv/a key"])
@pytest.mark.parametrize("forge", ["gitlab", "github"])
def test_the_key_is_put_where_the_site_file_looks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forge: str, path: str
) -> None:
    """Host keys that are in git stay as they are."""
    path = path.replace("/srv", f"{tmp_path}/srv")
    login, planner = {"key_file": path, "known_hosts": "known_hosts"}, {"key_file": f"{path}-plan"}
    data = {**USUAL, "ssh": {"m": login}, "planner": {"ssh": {"m": planner}}}
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    save(repository({**data, "site": "nrw"}), checkout)
    settings = load_site(checkout / "reconciler.yaml")
    found = jobs(ci_texts(forge, CiFacts(data)))
    (tmp_path / "given").write_text("the key\n")
    given = str(tmp_path / "given") if forge == "gitlab" else "the key"
    for name, variable, wanted in (
        ("plan", "RECONCILER_PLAN_SSH_KEY", f"{path}-plan"),
        ("apply", "RECONCILER_SSH_KEY", path),
    ):
        job = found[name if forge == "gitlab" else f"{name}.yml:{name}"]
        file, seen = settings.path(wanted), tmp_path / f"seen-{name}"
        looks = f"#!/bin/sh\n[ $1 = {name} ] && cp -p {shlex.quote(str(file))} {seen}\nexit 0\n"
        done = run(lines(job), checkout, tmp_path, HOME=str(home), reconciler=looks, **{variable: given})
        assert (seen.read_text(), seen.stat().st_mode & 0o777) == ("the key\n", 0o600), done
        assert not file.exists(), "the next job of this runner may be one of a merge request"
        assert "KNOWN_HOSTS" not in str(job)
        file.write_text("the runner's own\n")
        refused = run(lines(job), checkout, tmp_path, HOME=str(home), reconciler=looks, **{variable: given})
        assert (refused.returncode, f"another key than {variable}" in refused.stderr) == (2, True), refused
        assert run(lines(job), checkout, tmp_path, HOME=str(home), reconciler=looks).returncode == 0
        assert file.read_text() == "the runner's own\n"


def test_a_variable_of_the_wrong_type_is_said_without_its_content(tmp_path: Path) -> None:
    """Whoever forgets GitLab's type File would find the key in the job's log."""
    job = jobs(files("gitlab"))["plan"]
    done = run(
        lines(job), tmp_path, tmp_path, HOME=str(tmp_path), RECONCILER_PLAN_SSH_KEY="-----BEGIN PRIVATE KEY-----"
    )
    assert done.returncode == 2
    assert "RECONCILER_PLAN_SSH_KEY has to be a variable of the type File" in done.stderr
    assert "BEGIN" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("applied", "verified", "status"), [(0, 0, 0), (5, 0, 5), (8, 9, 8), (0, 9, 9)], ids=lambda value: str(value)
)
def test_the_head_is_in_the_log_however_apply_ends(
    tmp_path: Path, forge: str, applied: int, verified: int, status: int
) -> None:
    """A refusal about one subject is status 5, and the rest is applied, every night."""
    said = f'#!/bin/sh\n[ "$1" = apply ] && exit {applied}; echo "head 3 abc"; exit {verified}\n'
    for name in ROLES[forge]["writes"]:
        done = run(lines(jobs(files(forge))[name]), tmp_path, tmp_path, HOME=str(tmp_path), reconciler=said)
        assert (done.returncode, done.stdout.count("head 3 abc")) == (status, 1), done


def test_a_file_of_the_branch_is_not_taken_for_what_a_job_wrote(tmp_path: Path, forge: str) -> None:
    (tmp_path / "plan.json").write_text("{}")
    fails = "#!/bin/sh\nexit 9\n"
    name = "plan" if forge == "gitlab" else "plan.yml:plan"
    done = run(lines(jobs(files(forge))[name]), tmp_path, tmp_path, HOME=str(tmp_path), reconciler=fails)
    assert done.returncode == 9, done
    assert not (tmp_path / "plan.json").exists()


def test_a_file_of_the_branch_is_in_no_comment(tmp_path: Path, forge: str) -> None:
    """A job that failed before it wrote anything leaves what the branch has; the comment is sealed by our key."""
    texts = files(forge)
    if forge != "gitlab":
        for name, job in jobs(texts).items():
            written = [step["with"]["path"] for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
            first = [step.get("run", "") for step in job["steps"]][1]
            ours = [path for path in written if "runner.temp" not in path]
            assert not ours or first == f"rm -rf {ours[0]}", name
        return
    said = "#!/bin/sh\necho told\n"
    git(tmp_path, "init", "--quiet")
    for document, name in (("plan", "plan-comment"), ("run", "apply-comment"), ("drift", "drift-issue")):
        (tmp_path / f"{document}.json").write_text("{}")
        script, real = lines(jobs(texts)[name]), {"reconciler": said, "git": '#!/bin/sh\nexec /usr/bin/git "$@"\n'}
        assert "told" in run(script, tmp_path, tmp_path, HOME=str(tmp_path), **real).stdout
        git(tmp_path, "add", f"{document}.json")
        done = run(script, tmp_path, tmp_path, HOME=str(tmp_path), **real)
        assert (done.returncode, "told" in done.stdout) == (1, False), done
        assert f"in git, and no report of a job: {document}.json" in done.stderr


def test_no_module_of_the_branch_is_run(tmp_path: Path, forge: str) -> None:
    """`python3 -m` looks into the folder where it is started, and that is the checkout."""
    for name, job in jobs(files(forge)).items():
        started = re.findall(r"python3 .*", lines(job))
        assert all(call.startswith("python3 -P -m ") for call in started), name
        assert started, name


def run(script: str, folder: Path, scratch: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """The lines as a runner runs them; `given` are variables, and programs in small letters."""
    stand_ins = {name: text for name, text in given.items() if name.islower()}
    path = programs(
        scratch / "programs", **{"reconciler": "#!/bin/sh\nexit 0\n", "git": "#!/bin/sh\nexit 0\n", **stand_ins}
    )
    variables = {name: text for name, text in given.items() if not name.islower()}
    known = {"CI_PROJECT_DIR": str(folder), "GITHUB_WORKSPACE": str(folder), "CI_PIPELINE_SOURCE": "push"}
    env = {"PATH": f"{path}:/usr/bin:/bin", **known, **variables}
    command = ["bash", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
