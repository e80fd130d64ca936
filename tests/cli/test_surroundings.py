"""Wherever it runs: a user without a name, no home, a folder that is gone, other encodings, a hook's environment."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from reconciler.cli import runner
from reconciler.declared.load import load_state
from reconciler.errors import InvalidInput
from reconciler.settings import OpenXchange, Settings
from tests.cli.conftest import Command
from tests.cli.running import COMMAND, PERSONS, Answer, environment, reconciler
from tests.cli.site import ANNA_DECLARED, DOMAIN, OX_ENV, OX_PASSWORD, StandInSite
from tests.services.git import git
from tests.services.needs import UNPRIVILEGED, require
from tests.services.sshd import Sshd

NOBODY = 54321
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}


def run(folder: Path, *arguments: str, before: tuple[str, ...] = (), env: Mapping[str, str] | None = None) -> Answer:
    """The command as a process; as an interpreter of its own where what is said to that is the point."""
    env = {OX_ENV: OX_PASSWORD, **(env or {})}
    if not before and not any(name.startswith(("PYTHON", "LC_")) for name in env):
        return reconciler(folder, *arguments, env=env)
    done = subprocess.run(
        [*before, *COMMAND, *arguments], cwd=folder, env=environment(**env), capture_output=True, check=False
    )
    out, err = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    assert "Traceback" not in out + err
    return Answer(done.returncode, out, err)


def as_nobody(folder: Path) -> tuple[str, ...]:
    """A uid that has no name. The interpreter may lie where only root reads, so that one right stays."""
    (program,) = require("util-linux", "setpriv")
    if os.getuid() != 0:
        pytest.fail("only root can become a user without a name")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    ids = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    return (program, *ids, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")


@pytest.mark.skipif(UNPRIVILEGED, reason="only root can become a user without a name")
def test_a_user_without_a_name_or_a_home(site: StandInSite) -> None:
    site.declare(ANNA_DECLARED)
    before = (*as_nobody(site.folder), "env", "-u", "HOME", "-u", "USER", "-u", "LOGNAME")
    assert run(site.folder, "validate", before=before).status == 0
    assert run(site.folder, "apply", "--yes", before=before).status == 0
    assert f"uid {NOBODY} on " in run(site.folder, "history", before=before).words
    site.write(ssh={"mail.example": {}})
    homeless = run(site.folder, "plan", before=before)
    assert (homeless.status, "set HOME" in homeless.words) == (2, True)


@pytest.mark.skipif(UNPRIVILEGED, reason="only root can become a user without a name")
def test_a_user_without_a_name_or_a_home_logs_in_over_ssh(site: StandInSite, sshd: Sshd) -> None:
    for name in ("client_key", "known_hosts"):
        shutil.copy2(sshd.folder / name, site.folder / name)
    ox = site.sections["openxchange"]
    login = {"user": "root", "port": sshd.port, "address": "127.0.0.1", "key_file": "client_key"}
    ssh = {"mail.example": {**login, "known_hosts": "known_hosts"}}
    site.write(openxchange={**ox, "host": "mail.example"}, ssh=ssh)
    before = (*as_nobody(site.folder), "env", "-u", "HOME", "-u", "USER", "-u", "LOGNAME")
    assert run(site.folder, "plan", before=before).status == 0


@pytest.mark.parametrize(
    ("env", "who"),
    [
        ({"GITLAB_USER_LOGIN": "anna", "SUDO_USER": "bernd"}, "anna on"),
        ({"GITHUB_ACTOR": "bernd", "SUDO_USER": "clara"}, "bernd on"),
        ({"SUDO_USER": "clara"}, "clara on"),
        ({"GITLAB_USER_LOGIN": "anna", "CI_JOB_URL": "https://git.example/j/7"}, "anna (https://git.example/j/7) on"),
        (
            {
                "GITHUB_ACTOR": "bernd",
                "GITHUB_SERVER_URL": "https://hub.example",
                "GITHUB_REPOSITORY": "nrw/mail",
                "GITHUB_RUN_ID": "42",
            },
            "bernd (https://hub.example/nrw/mail/actions/runs/42) on",
        ),
        (
            {
                "FORGEJO_ACTIONS": "true",
                "GITHUB_ACTOR": "clara",
                "GITHUB_SERVER_URL": "https://forge.example",
                "GITHUB_REPOSITORY": "nrw/mail",
                "GITHUB_RUN_ID": "4711",
                "GITHUB_RUN_NUMBER": "42",
            },
            "clara (https://forge.example/nrw/mail/actions/runs/42) on",
        ),
    ],
)
def test_the_person_in_the_history_is_who_started_the_job(
    site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], who: str
) -> None:
    for name in PERSONS:
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    site.declare("technik: {groupware: false}")
    assert command("apply", "--yes").status == 0
    assert who in command("history", "1").words


def test_a_working_folder_that_is_gone(site: StandInSite, tmp_path: Path) -> None:
    site.declare("technik: {groupware: false}")
    gone = tmp_path / "gone"
    gone.mkdir()
    leave = ("sh", "-c", f'cd "{gone}" && rmdir "{gone}" && exec "$@"', "sh")
    assert run(site.folder, "plan", "--site", str(site.file), before=leave).status == 4
    gone.mkdir()
    lost = run(site.folder, "plan", before=leave)
    assert (lost.status, "no site file" in lost.err) == (2, True)


def test_a_temporary_folder_that_is_gone(site: StandInSite) -> None:
    site.declare("technik: {groupware: false}")
    assert run(site.folder, "plan", env={"TMPDIR": "/nonexistent"}).status == 4


@pytest.mark.skipif(UNPRIVILEGED, reason="only root can become a user who may not write")
def test_a_checkout_that_cannot_be_written(site: StandInSite) -> None:
    site.declare("technik: {groupware: false}")
    before = as_nobody(site.folder)
    for path in (site.folder, *(path for path in site.folder.rglob("*") if site.ox not in (path, *path.parents))):
        os.chown(path, 0, 0)
    assert run(site.folder, "validate", before=before).status == 0
    planned = run(site.folder, "plan", before=before)
    assert (planned.status, "Traceback" in planned.err) == (4, False), planned.words
    applied = run(site.folder, "apply", "--yes", before=before)
    assert applied.status in (7, 8, 9), applied.words
    assert "→" in applied.err, applied.words
    saved = run(site.folder, "plan", "--out", "plan.json", before=before)
    assert (saved.status, "plan.json cannot be written" in saved.words) == (2, True)


def test_output_that_is_not_utf_8_has_plainer_signs_and_the_same_status(site: StandInSite) -> None:
    site.declare(ANNA_DECLARED, "jörg: {groupware: false}")
    assert run(site.folder, "validate").status == run(site.folder, "validate", env=ASCII).status == 3
    site.declare(ANNA_DECLARED, "technik: {groupware: false, name: Jörg Żółw}")
    usual, plain = run(site.folder, "plan"), run(site.folder, "plan", env=ASCII)
    assert usual.status == plain.status == 4
    assert plain.out.isascii()
    assert "ok" in plain.out
    assert "postfixadmin ✓" in usual.out
    document = run(site.folder, "plan", "--format", "json", env=ASCII)
    assert "Jörg Żółw" in str(json.loads(document.out))
    assert run(site.folder, "apply", "--yes", env=ASCII).status == 0


def test_what_looks_back_has_plainer_signs_where_output_is_not_utf_8(site: StandInSite, command: Command) -> None:
    site.declare("technik: {groupware: false, name: Jörg Żółw}")
    assert command("apply", "--yes").status == 0
    site.sql("UPDATE mailbox SET name = 'Zoë' WHERE username = ?", f"technik@{DOMAIN}")
    for arguments in (["show", "technik"], ["history", "technik"], ["drift"]):
        usual, plain = command(*arguments), run(site.folder, *arguments, env=ASCII)
        assert usual.status == plain.status
        assert usual.out.strip()
        assert not (usual.out + usual.err).isascii()
        assert (plain.out + plain.err).isascii()


def test_a_machine_without_a_database_of_time_zones(site: StandInSite, tmp_path: Path) -> None:
    """A dependency brings one along."""
    (tmp_path / "empty").mkdir()
    env = {"PYTHONTZPATH": str(tmp_path / "empty")}
    site.write(timezone="America/New_York")
    site.declare("technik: {groupware: false}")
    assert run(site.folder, "plan", env=env).status == 4
    site.write(timezone="Europa/Berlin")
    wrong = run(site.folder, "validate", env=env)
    assert wrong.status == 3
    assert "did you mean Europe/Berlin?" in wrong.words


def test_help_and_wrong_usage_are_read_on_any_terminal(tmp_path: Path) -> None:
    env = {**ASCII, "PYTHONIOENCODING": "latin-1"}
    assert run(tmp_path, "apply", "--help", env=env).status == 0
    assert run(tmp_path, "nonsense", env=env).status == 2
    assert run(tmp_path, "schema", "site", env=env).json["title"]


def test_a_bug_is_told_where_no_file_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(runner, "say", said.append)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    runner.report_bug(RuntimeError("secret"))
    assert "this is a bug in reconciler" in said[0]
    assert "set TMPDIR" in said[1]


@pytest.fixture
def rude_server() -> Iterator[int]:
    """A mail server that colours what it says; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    with listener.accept()[0] as line:
                        line.sendall(b"554 \x1b[31mgo \x1b]0;away\x07\r\n")

        threading.Thread(target=answer, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_a_banner_never_reaches_the_terminal_raw(site: StandInSite, command: Command, rude_server: int) -> None:
    smtp = {"host": "127.0.0.1", "port": rude_server}
    site.write(letters={"smtp": smtp, "from": "AG Technik <technik@mail.example>"})
    site.declare(ANNA_DECLARED)
    answer = command("apply", "--yes")
    assert answer.status == 9, answer.words
    assert "takes no mail: 554" in answer.err
    assert not set("\x1b\x07") & set(answer.out + answer.err)


def test_what_a_setting_says_never_reaches_the_terminal_raw(site: StandInSite, command: Command) -> None:
    site.write(state="gone\x1b[31m")
    answer = command("validate")
    assert answer.status == 3
    assert "\x1b" not in answer.out + answer.err


def test_many_errors_are_counted_and_the_first_are_shown(site: StandInSite, command: Command) -> None:
    keys = "".join(f"    k{number}: 1\n" for number in range(1_000))
    (site.folder / "state" / "state.yaml").write_text(f"domain: pirat.alt\nmailboxes:\n  anna:\n{keys}")
    answer = command("validate")
    assert answer.status == 3
    assert "state/state.yaml:203:" in answer.out
    assert "state/state.yaml:204:" not in answer.out
    assert "the first 200 are shown" in answer.out
    assert "1,000 errors" in answer.out.replace("1000", "1,000")
    assert len(command("validate", "--format", "json").json["findings"]) >= 1_000


def calls(folder: Path, text: str) -> int:
    """How many functions are called to refuse this state."""
    folder.mkdir(exist_ok=True)
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    number = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    site = Settings(site="nrw", openxchange=OpenXchange(), folder=folder.parent)
    sys.setprofile(count)
    try:
        with pytest.raises(InvalidInput):
            load_state(folder, site, today=date(2026, 11, 22))
    finally:
        sys.setprofile(None)
    return number


@pytest.mark.parametrize(
    ("head", "entry"),
    [
        ("mailboxes:\n  anna:\n", "    k{}: 1\n"),
        ("", "k{}: 1\n"),
        ("mailboxes:\n", "  a{}: {{quta: 1}}\n"),
        ("mailboxes:\n", "  a{}: {{given_name: Anna, surname: Muster}}\n"),
    ],
    ids=["unknown keys", "unknown sections", "wrong fields", "equal display names"],
)
def test_many_errors_take_time_in_proportion(tmp_path: Path, head: str, entry: str) -> None:
    first, _, twice = (
        calls(tmp_path / "state", f"domain: pirat.alt\n{head}" + "".join(entry.format(i) for i in range(number)))
        for number in (400, 400, 800)
    )
    assert twice < 2.2 * first


@pytest.fixture
def committed(site: StandInSite) -> StandInSite:
    """A site whose state is in git."""
    site.declare("technik: {groupware: false}")
    git(site.folder, "init", "-q")
    git(site.folder, "add", "state")
    git(site.folder, "commit", "-qm", "the state")
    return site


def test_a_hook_does_not_say_which_repository_is_meant(committed: StandInSite, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    env = {"GIT_DIR": str(other / ".git"), "GIT_WORK_TREE": str(other), "GIT_INDEX_FILE": str(other / "index")}
    said = json.loads(run(committed.folder, "plan", "--format", "json", env=env).out)
    assert said["commit"] == git(committed.folder, "rev-parse", "HEAD")


@pytest.mark.skipif(UNPRIVILEGED, reason="only root can give a repository to another user")
def test_a_repository_of_another_user_is_a_warning_in_git_s_own_words(committed: StandInSite) -> None:
    os.chown(committed.folder / ".git", NOBODY, NOBODY)
    os.chown(committed.folder, NOBODY, NOBODY)
    home = {"HOME": str(committed.folder), "SUDO_UID": "0", "CI": ""}  # in a job it is read all the same
    answer = run(committed.folder, "validate", env=home)
    assert answer.status == 0
    assert "dubious ownership" in answer.words
    (said,) = json.loads(run(committed.folder, "validate", "--format", "json", env=home).out)["findings"]
    hint = said["hint"].removeprefix("run: ")
    assert hint == f"git config --global --add safe.directory {committed.folder}"
    subprocess.run(shlex.split(hint), env={**os.environ, **home}, check=True)
    assert "dubious" not in run(committed.folder, "validate", env=home).words


def test_what_is_not_committed_is_a_warning(committed: StandInSite, command: Command) -> None:
    assert "not committed" not in command("validate").words
    (committed.folder / "state" / "new.yaml").write_text("aliases: {info@pirat.alt: technik@pirat.alt}\n")
    assert "state:1:1: warning: not committed, and read all the same: state/new.yaml" in command("validate").words
    planned = command("plan")
    assert planned.status == 4
    assert "not committed, and read all the same: state/new.yaml" in planned.words
    git(committed.folder, "add", "state")
    git(committed.folder, "commit", "-qm", "an alias")
    assert "not committed" not in command("plan").words
    (committed.folder / "state" / "new.yaml").unlink()
    assert "state/new.yaml" in command("plan").words


def test_each_line_of_a_plan_has_its_commit_and_author_and_a_shallow_clone_says_unknown(
    committed: StandInSite, tmp_path: Path
) -> None:
    state = committed.folder / "state" / "state.yaml"
    state.write_text(state.read_text() + "aliases:\n  info: technik\n")
    git(committed.folder, "commit", "-qam", "an alias")
    (committed.folder / "state" / "more.yaml").write_text("domain: pirat.alt\naliases: {kasse: technik}\n")
    git(committed.folder, "add", "state")
    git(committed.folder, "commit", "-qm", "another")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{committed.folder}", str(shallow))
    site = str(committed.folder / "reconciler.yaml")
    author = git(committed.folder, "log", "-1", "--format=%an")
    lines = {"info": "HEAD~1", "kasse": "HEAD"}
    for folder, known in ((committed.folder, lines), (shallow, {})):
        options = ("--site", site, "--state", str(folder / "state"))
        document = json.loads(run(folder, "plan", *options, "--format", "json").out)
        places = {t["subject"].partition("@")[0]: t["place"] for t in document["transitions"]}
        for name in lines:
            commit = git(committed.folder, "rev-parse", known[name]) if name in known else ""
            said = (places[name]["commit"], places[name]["author"])
            assert said == ((commit, author) if commit else ("", "")), (folder, name)
            line = f"declared in {commit[:12]} by {author}" if commit else "declared in an unknown commit"
            assert line in run(folder, "plan", *options, "--verbose").out
    shutil.rmtree(shallow)
