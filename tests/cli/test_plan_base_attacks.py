"""`plan --base REF` on merge requests that try to send a connection or a secret elsewhere: REF has all of that."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from reconciler.remote.host import Login
from tests.cli.conftest import Command
from tests.cli.merge_request import base_of, causes, commit, plan, write
from tests.cli.site import ANNA, ANNA_DECLARED, BERND_DECLARED, StandInSite
from tests.services.git import git


@pytest.fixture
def declared(site: StandInSite) -> StandInSite:
    site.declare(ANNA_DECLARED)
    return site


def changes(document: dict[str, object]) -> dict[str, str]:
    """What the document says of the site file and its files."""
    base = document["base"]
    assert isinstance(base, dict)
    return {change["file"]: change["what"] for change in base["site_changes"]}


def test_another_database_in_the_site_file_is_shown_and_not_asked(declared: StandInSite, command: Command) -> None:
    base_of(declared)
    declared.write(postfixadmin={"url": "sqlite:///stolen.sqlite"}, site="other")
    commit(declared)
    document = plan(command)
    assert document["site"] == "nrw"
    assert causes(document) == {ANNA: "waiting"}
    assert changes(document) == {"reconciler.yaml": "changed: postfixadmin.url, site"}
    assert not (declared.folder / "stolen.sqlite").exists()
    text = command("plan", "--base", "main").out
    assert text.startswith(" ✗ this merge request changes where reconciler connects")
    assert "\n ✗ reconciler.yaml: changed: postfixadmin.url, site\n" in text
    assert "next: before anybody merges, whoever answers for the servers approves" in text
    assert command("plan").status == 9, "without --base it is the merge request's site file"


def test_a_site_file_that_the_merge_request_breaks_is_shown(declared: StandInSite, command: Command) -> None:
    base_of(declared)
    declared.file.write_text("site: [nrw\n", encoding="utf-8")
    commit(declared)
    document = plan(command)
    assert causes(document) == {ANNA: "waiting"}
    assert changes(document)["reconciler.yaml"].startswith("changed, and it is no site file any more")
    assert command("plan").status == 3


def test_a_site_file_that_only_the_merge_request_has_connects_nowhere(declared: StandInSite, command: Command) -> None:
    declared.file.rename(declared.folder / "outside.yaml")
    base_of(declared)
    (declared.folder / "outside.yaml").rename(declared.file)
    commit(declared)
    answer = command("plan", "--base", "main")
    assert answer.status == 2
    assert "main has no site file, and one that only the merge request has is not used" in answer.words
    named = command("plan", "--base", "main", "--site", str(declared.file))
    assert (named.status, "main has no site file" in named.words) == (2, True)


def test_a_second_site_file_in_front_is_not_used(declared: StandInSite, command: Command) -> None:
    """Without --site ./reconciler.yaml comes before ./state/reconciler.yaml."""
    declared.file.rename(declared.folder / "state" / "reconciler.yaml")
    moved = declared.folder / "state" / "reconciler.yaml"
    text = json.loads(moved.read_text())
    url = f"sqlite:///{declared.folder}/postfixadmin.sqlite"
    text |= {"state": ".", "register": {"csv": "../members.csv"}, "postfixadmin": {"url": url}}
    moved.write_text(json.dumps(text), encoding="utf-8")
    base_of(declared)
    declared.write(postfixadmin={"url": "sqlite:///stolen.sqlite"})
    commit(declared)
    document = plan(command)
    assert causes(document) == {ANNA: "waiting"}
    assert changes(document) == {
        "reconciler.yaml": "added by the merge request, and not used; after the merge, commands without --site may "
        "find it first"
    }


def test_a_site_file_that_the_merge_request_takes_out_is_still_that_of_the_base(
    declared: StandInSite, command: Command
) -> None:
    declared.write(report={"language": "de"})
    base_of(declared)
    declared.file.unlink()
    commit(declared)
    document = plan(command)
    assert causes(document) == {ANNA: "waiting"}
    assert changes(document) == {"reconciler.yaml": "vom Merge-Request entfernt; benutzt wird die Fassung der Basis"}


def test_a_site_file_that_ci_put_there_is_used(declared: StandInSite, command: Command) -> None:
    """In no commit, or outside of the repository: whoever runs the command put it there."""
    base_of(declared)
    git(declared.folder, "rm", "-q", "--cached", "reconciler.yaml")
    git(declared.folder, "commit", "-q", "-m", "Not tracked")
    git(declared.folder, "branch", "-f", "main")
    assert causes(plan(command)) == {ANNA: "waiting"}
    assert changes(plan(command)) == {}


def test_a_site_file_outside_of_the_repository_is_used(declared: StandInSite, command: Command, tmp_path: Path) -> None:
    """With --state: then REF is a commit of the state's repository."""
    base_of(declared)
    url = f"sqlite:///{declared.folder}/postfixadmin.sqlite"
    outside = tmp_path / "reconciler.yaml"
    outside.write_text(json.dumps({"site": "nrw", "postfixadmin": {"url": url}}), encoding="utf-8")
    document = plan(command, "--site", str(outside), "--state", str(declared.folder / "state"))
    assert (causes(document), changes(document)) == ({ANNA: "waiting"}, {})


@pytest.mark.parametrize("how", ["submodule", "link"])
def test_a_repository_in_place_of_the_folder_of_the_site_file_is_not_asked(
    declared: StandInSite, command: Command, tmp_path: Path, how: str
) -> None:
    """It would have a `main` of its own, with a site file of its own."""
    folder, evil = declared.folder / "state", tmp_path / "evil"
    url = f"sqlite:///{declared.folder}/postfixadmin.sqlite"
    site = {"site": "nrw", "state": ".", "postfixadmin": {"url": url}}
    declared.file.unlink()
    write(declared, {"state/reconciler.yaml": json.dumps(site)})
    base_of(declared)
    evil.mkdir()
    git(evil, "init", "-q", "-b", "main")
    state = (folder / "state.yaml").read_text()
    for name, text in {"reconciler.yaml": json.dumps(site | {"site": "evil"}), "state.yaml": state}.items():
        (evil / name).write_text(text)
    git(evil, "add", ".")
    git(evil, "commit", "-q", "-m", "Evil")
    git(declared.folder, "rm", "-q", "-r", "state")
    if how == "submodule":
        git(declared.folder, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(evil), "state")
    else:
        folder.symlink_to(evil)
    commit(declared)
    answer = command("plan", "--base", "main", "--site", "state/reconciler.yaml", "--format", "json")
    assert "evil" not in {answer.json.get("site") if answer.out else ""}
    if how == "submodule":
        assert (answer.json["site"], causes(answer.json)) == ("nrw", {ANNA: "waiting"})
    else:
        assert (answer.status, "leads out of" in answer.words) == (2, True)


def logins(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Fills with the user, the content of known_hosts and that of the ssh_config of every login that is made."""
    seen: list[tuple[str, str, str]] = []

    def noted(**fields: Any) -> Login:
        login = Login(**fields)
        files = (Path(login.known_hosts), Path(login.config.path) if login.config else Path("none"))
        known, config = (file.read_text() if file.is_file() else "" for file in files)
        seen.append((login.user or "", known, config))
        return login

    monkeypatch.setattr("reconciler.cli.site_session.Login", noted)
    return seen


LINE = "mail.example ssh-ed25519 AAAA"


def with_host(site: StandInSite, **ssh: str) -> None:
    """A host whose keys are in the repository."""
    site.write(ssh={"mail.example": {"known_hosts": "deploy/known_hosts", **ssh}})


def test_host_keys_and_ssh_config_are_those_of_the_base(
    declared: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_host(declared, ssh_config="deploy/ssh_config", user="planner")
    config = "Host mail.example\n  HostName mail.example\n"
    base_of(declared, **{"deploy/known_hosts": LINE, "deploy/ssh_config": config})
    with_host(declared, ssh_config="deploy/ssh_config", user="root")
    evil = {"deploy/known_hosts": "evil", "deploy/ssh_config": "Host *\n  HostName evil.example\n"}
    write(declared, evil)
    commit(declared)
    seen = logins(monkeypatch)
    document = plan(command)
    assert set(seen) == {("planner", LINE, config)}
    assert changes(document) == {
        "reconciler.yaml": "changed: ssh.mail.example.user",
        "deploy/known_hosts": "changed",
        "deploy/ssh_config": "changed",
    }


@pytest.mark.parametrize("how", ["file", "folder link", "file link", "submodule"])
def test_what_the_merge_request_plants_where_the_base_has_nothing_is_absent(
    declared: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    """The site file of the base names a file that CI puts there; here the merge request does."""
    with_host(declared)
    base_of(declared)
    folder, elsewhere = declared.folder / "deploy", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "known_hosts").write_text("evil")
    match how:
        case "file":
            write(declared, {"deploy/known_hosts": "evil"})
        case "folder link":
            folder.symlink_to(elsewhere)
        case "file link":
            folder.mkdir()
            (folder / "known_hosts").symlink_to(elsewhere / "known_hosts")
        case "submodule":
            git(elsewhere, "init", "-q")
            git(elsewhere, "add", ".")
            git(elsewhere, "commit", "-q", "-m", "Evil")
            git(declared.folder, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(elsewhere), "deploy")
    commit(declared)
    seen = logins(monkeypatch)
    document = plan(command)
    assert {known for _, known, _ in seen} == {""}
    assert "added by the merge request, and not used" in changes(document).values()


def test_an_untracked_file_behind_a_link_of_the_merge_request_is_absent(
    declared: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The base has a folder; the merge request puts a link in its place, to where the file lies as CI has it."""
    with_host(declared)
    base_of(declared, **{"deploy/README": "keys are put here"})
    git(declared.folder, "rm", "-q", "-r", "deploy")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "known_hosts").write_text("evil")
    (declared.folder / "deploy").symlink_to(tmp_path / "elsewhere")
    commit(declared)
    seen = logins(monkeypatch)
    plan(command)
    assert {known for _, known, _ in seen} == {""}


def test_what_ci_puts_into_a_folder_is_used(
    declared: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Beside files of the repository, and behind links that CI or the base has made."""
    with_host(declared)
    base_of(declared, **{"deploy/README": "keys are put here", ".gitignore": "known_hosts\n/ox/\n/*.sqlite\n/map/\n"})
    (declared.folder / "deploy" / "known_hosts").write_text(LINE)
    seen = logins(monkeypatch)
    assert changes(plan(command)) == {}
    assert {known for _, known, _ in seen} == {LINE}
    (declared.folder / "deploy" / "known_hosts").rename(tmp_path / "known_hosts")
    (declared.folder / "deploy" / "known_hosts").symlink_to(tmp_path / "known_hosts")
    seen.clear()
    plan(command)
    assert {known for _, known, _ in seen} == {LINE}


def test_templates_are_those_of_the_base(declared: StandInSite, command: Command) -> None:
    """A template of the merge request that cannot be read would stop the command if it were looked at."""
    declared.write(letters={**declared.sections["letters"], "templates": "letters", "language": "de"})
    good = "Subject: Konto\n\nPasswort: {{ password }}\n"
    base_of(declared, **{"letters/account.de.txt.j2": good})
    write(declared, {"letters/account.de.txt.j2": "Subject: {{ config.items() }}\n\n{% for %}"})
    commit(declared)
    document = plan(command)
    assert causes(document) == {ANNA: "waiting"}
    assert changes(document) == {"letters": "changed"}


def test_a_link_of_the_base_is_followed_in_the_base(
    declared: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_host(declared)
    (declared.folder / "deploy").mkdir()
    (declared.folder / "deploy" / "known_hosts").symlink_to("../keys")
    base_of(declared, keys=LINE)
    write(declared, {"keys": "evil"})
    commit(declared)
    seen = logins(monkeypatch)
    document = plan(command)
    assert {known for _, known, _ in seen} == {LINE}
    assert changes(document) == {"keys": "changed"}


def test_names_and_sizes_that_nobody_expects(declared: StandInSite, command: Command) -> None:
    """A file name with a newline, one that is no UTF-8, a big file beside the state: none of it stops a plan."""
    base_of(declared)
    write(declared, {"state/a\nb.yaml": "", "big.bin": "x" * (17 * 1024 * 1024)})
    (Path(os.fsdecode(os.fsencode(str(declared.folder)) + b"/\xff.txt"))).write_text("no state")
    commit(declared)
    git(declared.folder, "branch", "-f", "main")
    assert causes(plan(command)) == {ANNA: "waiting"}


@pytest.mark.parametrize(
    ("how", "said"), [("big", "the file is too big"), ("link", "this link leaves the state folder")]
)
def test_state_of_the_base_that_cannot_be_read_makes_it_invalid(
    declared: StandInSite, command: Command, tmp_path: Path, how: str, said: str
) -> None:
    """More than 16 MB, or a link that leads out: what would be refused on disk."""
    base_of(declared)
    file = declared.folder / "state" / "more.yaml"
    if how == "big":
        file.write_text("#" * (17 * 1024 * 1024))
    else:
        file.symlink_to(tmp_path / "out.yaml")
    commit(declared)
    git(declared.folder, "branch", "-f", "main")
    file.unlink()
    commit(declared)
    document = plan(command)
    assert causes(document) == {ANNA: "merge request"}
    (found,) = [f for f in document["findings"] if f["rule"] == "base"]
    assert f"nothing of it is carried out: {said}" in found["message"]
    assert found["place"]["file"] == "main:state/more.yaml"


@pytest.mark.parametrize("ref", ["-x", "--output=/tmp/x", "", "main\n--all", "no-such-branch", "main:state"])
def test_what_is_no_commit_is_refused(declared: StandInSite, command: Command, ref: str) -> None:
    base_of(declared)
    answer = command("plan", f"--base={ref}")
    assert answer.status == 2
    assert "Traceback" not in answer.words
    assert answer.out == ""


def test_a_folder_that_git_would_take_for_a_repository_runs_nothing(declared: StandInSite, command: Command) -> None:
    """git takes any folder with HEAD, objects and refs in it for a repository, and its `config` may name programs."""
    base_of(declared)
    ran = declared.folder.parent / "ran"
    program = declared.folder / "state" / "program"
    config = f"[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = ..\n\tfsmonitor = {program}\n"
    files = {"HEAD": "ref: refs/heads/main\n", "objects/x": "x", "refs/x": "x", "config": config}
    write(declared, {f"state/{name}": text for name, text in files.items()} | {"state/a.yaml": "# nothing\n"})
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    commit(declared)
    for arguments in (("plan", "--base", "main"), ("validate",)):
        answer = command(*arguments)
        assert not ran.exists(), arguments
        assert "git says nothing of the state" in answer.words
        assert "safe.bareRepository" in answer.words


def test_a_line_separator_in_a_commit_message_stops_no_plan(site: StandInSite, command: Command) -> None:
    """git ends its lines with a newline alone."""
    site.declare(ANNA_DECLARED)
    base_of(site)
    site.declare(f"{ANNA_DECLARED}  # here", BERND_DECLARED)
    commit(site, "More\u2028\t3 3\u2028author Bernd Muster")
    lines = plan(command)["transitions"]
    assert {line["place"]["author"] for line in lines} == {"Anna Beispiel"}
