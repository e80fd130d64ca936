"""What `reconciler remote install` prints does what it says when root pastes it or runs it, again and again, and
`uninstall` takes all of it away."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.site import OX_ENV, OX_PASSWORD
from tests.cli.terminal import Terminal
from tests.integration import planner
from tests.integration.planner import USER, as_planner, is_there, run_as_root, typed_password
from tests.integration.sink import Sink
from tests.integration.sites import MAIL_HOST, Parts, RealSite, far
from tests.services.mail import Postfix
from tests.services.needs import cannot
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.services.sshd import Sshd

BASH = "import os; os.execv('/bin/bash', ['bash', '--norc', '--noprofile', '-i'])"
PLACES = (planner.LIB, planner.ETC, planner.HOME, planner.SUDOERS)


@pytest.fixture
def site(
    folder: Path,
    open_folder: Path,
    new_sqlite: Callable[[], PostfixAdminDatabase],
    postfix: Postfix,
    sink: Sink,
    own_sshd: Sshd,
) -> Iterator[RealSite]:
    """A site with a key for the planner, whose way in is not installed yet."""
    if os.geteuid() != 0:
        cannot("users and sudoers can only be made by root")
    planner.allow_only(own_sshd)
    made = far(folder, Parts(new_sqlite(), open_folder / "ox", postfix, sink), own_sshd)
    planner.with_planner(made, planner.new_key(folder))
    yield made
    run_as_root(made.run("remote", "uninstall", "--user", USER).out)


def test_it_can_be_pasted_and_asks_for_the_password_unseen(site: RealSite) -> None:
    printed = site.run("remote", "install").out
    shell = Terminal(site.folder, program=BASH, HISTFILE="/dev/null", PS1="ready>")
    try:
        shell.read_until("\x1b[?2004hready>")  # the shell asks for brackets around what is pasted
        shell.type(f"\x1b[200~{printed}\x1b[201~\n")
        shell.read_until("Password of OX administrator oxadmin, not shown: ")
        shell.type(f"{OX_PASSWORD}\n")
        shell.read_until(f"reconciler-remote: installed, for the user {USER}")
        shell.type("\nexit\n")
        shell.read_until(None)
        assert "event not found" not in shell.seen
        assert OX_PASSWORD not in shell.seen
    finally:
        shell.close()
    for path, mode in ((planner.PASSWORD, 0o600), (planner.SUDOERS, 0o440)):
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (0, mode), path
    assert planner.PASSWORD.read_text() == f"{OX_PASSWORD}\n"
    assert "✓" in as_planner(site, "plan").words


def test_it_may_be_run_again_and_nothing_is_left_of_it(site: RealSite) -> None:
    typed_password()
    printed = site.run("remote", "install").out
    first, second = run_as_root(printed), run_as_root(printed)
    assert (first.returncode, second.returncode) == (0, 0), (first, second)
    assert first.stdout == second.stdout == f"reconciler-remote: installed, for the user {USER}\n"
    assert is_there(USER)
    assert sorted(file.name for file in planner.ETC.iterdir()) == ["commands", "openxchange-password"]
    (key,) = (planner.HOME / ".ssh" / "authorized_keys").read_text().splitlines()
    assert key.startswith(f'restrict,command="{planner.LIB}/reconciler-remote {planner.ETC}" ssh-ed25519 ')
    assert subprocess.run(["visudo", "-c", "-q"], check=False).returncode == 0
    removing = site.run("remote", "uninstall").out
    for _ in range(2):
        gone = run_as_root(removing)
        assert gone.returncode == 0, gone
        assert not [path for path in PLACES if path.exists()]
        tops = [path.parent for path in PLACES if path != planner.SUDOERS]
        assert not [top for top in tops if top.exists() and not any(top.iterdir())]
        assert not is_there(USER)


def test_sshd_takes_it_with_its_strict_modes(site: RealSite, own_sshd: Sshd) -> None:
    typed_password()
    assert run_as_root(site.run("remote", "install").out).returncode == 0
    config = own_sshd.folder / "sshd_config"
    config.write_text(config.read_text().replace("StrictModes no", "StrictModes yes"))
    own_sshd.configure()
    assert as_planner(site, "plan").status == 0


def test_a_wrong_password_is_said_at_once(site: RealSite) -> None:
    typed_password("wrong-password-1")
    done = run_as_root(site.run("remote", "install").out)
    assert done.returncode == 1
    assert "OX' users cannot be listed" in done.stderr
    assert f"rm {planner.PASSWORD}" in done.stderr
    answer = as_planner(site, "plan")
    assert answer.status == 9, answer
    assert "openxchange-password of reconciler-remote on mail.example" in answer.words
    assert "wrong-password-1" not in answer.words + done.stderr


def test_without_a_terminal_it_says_where_the_password_goes(site: RealSite) -> None:
    done = run_as_root(site.run("remote", "install").out)
    assert done.returncode == 1
    assert f"write it into {planner.PASSWORD}" in done.stderr
    assert not (planner.HOME / ".ssh" / "authorized_keys").exists(), "no key before everything is there"


def test_a_user_who_is_somebody_else_is_left_alone(site: RealSite) -> None:
    for command in ("install", "uninstall"):
        done = run_as_root(site.run("remote", command, "--user", "daemon").out)
        assert done.returncode == 1
        assert "daemon is somebody else's user here" in done.stderr
    assert is_there("daemon")


def test_what_is_refused_is_in_the_log_of_the_host(site: RealSite) -> None:
    if Path("/dev/log").exists():
        cannot("something else listens at /dev/log")
    typed_password()
    assert run_as_root(site.run("remote", "install").out).returncode == 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind("/dev/log")
        try:
            Path("/dev/log").chmod(0o666)
            log.settimeout(10)
            argv = [planner.LIB / "reconciler-remote", planner.ETC]
            env = {"SSH_ORIGINAL_COMMAND": "rm -rf / \n; forged line"}
            subprocess.run(argv, user=USER, env=env, capture_output=True, check=False)
            # sudo of other tests on this machine writes there as well
            line = next(line for line in iter(lambda: log.recv(10_000).decode(), None) if "reconciler-remote" in line)
        finally:
            Path("/dev/log").unlink()
    assert line.startswith("<36>")  # auth.warning (RFC 3164)
    assert re.search(r"reconciler-remote\[\d+\]: refused: 'rm -rf / \\n; forged line'", line)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("install", "other.example"), "neither OX nor Postfix is on other.example"),
        (("install", "--key", "members.csv"), "is not a public key"),
        (("install", "--key", "plan-key"), "is not a public key"),
        (("install", "--key", "none.pub"), "cannot be read: No such file or directory"),
        (("install", "--user", "../root"), "cannot be the name of that user"),
        (("install", "--user", "a.b"), "cannot be the name of that user"),
        (("uninstall", "--user", "x; reboot"), "cannot be the name of that user"),
        (("install", "--user", "reconciler-test"), "is the user who applies on mail.example"),
    ],
)
def test_wrong_options(site: RealSite, arguments: tuple[str, ...], said: str) -> None:
    answer = site.run("remote", *arguments)
    assert answer.status == 2, answer
    assert said in answer.words
    assert answer.out == ""
    private = (site.folder / "plan-key").read_text().splitlines()[1]
    assert private not in answer.words


def test_nothing_of_the_site_file_runs_on_the_host(site: RealSite) -> None:
    """Who opens a merge request may write the site file; what is printed from it holds words, not commands."""
    evil = "$(touch /tmp/x)'; touch /tmp/x #"
    section = {**site.sections["openxchange"], "admin": evil, "sbin": f"/opt/{evil}\nroot /bin/sh"}
    site.write(openxchange=section)
    printed = site.run("remote", "install")
    assert printed.status == 0, printed
    lines = [line for line in printed.out.splitlines() if "touch" in line]
    assert lines == [line for line in lines if line.startswith(("root ", "  printf 'Password"))]
    assert "'\"'\"'; touch" in "".join(lines), "quoted for sh"
    assert "root /bin/sh" not in printed.out
    site.write(openxchange={**section, "host": "a b\nreboot"}, postfix=None)
    assert site.run("remote", "install").status in (2, 3)


def test_a_host_without_ox_needs_neither_sudo_nor_a_password(site: RealSite) -> None:
    site.write(openxchange=None)
    printed = site.run("remote", "install")
    assert printed.status == 0, printed
    script = re.sub(r"(?s)<<'END-OF-PROGRAM'.*END-OF-PROGRAM", "", printed.out)
    assert [line for line in script.splitlines() if "sudo" in line] == [
        f'rm -f {planner.SUDOERS} "$folder/openxchange-password"'
    ]
    done = run_as_root(printed.out)
    assert done.returncode == 0, done
    assert not planner.SUDOERS.exists()
    assert as_planner(site, "plan").status == 0
    site.write(postfix=None)
    here = site.run("remote", "install")
    assert here.status == 2
    assert "nobody logs in" in here.words


def test_when_ox_leaves_the_host_its_password_and_sudo_go(site: RealSite) -> None:
    typed_password()
    assert run_as_root(site.run("remote", "install").out).returncode == 0
    assert planner.SUDOERS.exists()
    site.write(openxchange=None)
    done = run_as_root(site.run("remote", "install").out)
    assert done.returncode == 0, done
    assert not planner.SUDOERS.exists()
    assert not planner.PASSWORD.exists()
    assert as_planner(site, "plan").status == 0


def test_the_way_in_of_another_site_is_left_alone(site: RealSite) -> None:
    typed_password()
    assert run_as_root(site.run("remote", "install").out).returncode == 0
    before = {path: path.read_bytes() for path in (planner.ETC / "commands", planner.HOME / ".ssh/authorized_keys")}
    site.write(site="bund")
    for command in ("install", "uninstall"):
        done = run_as_root(site.run("remote", command).out)
        assert done.returncode == 1, done
        assert f"{USER} is the planner of the site nrw here" in done.stderr
        assert "--user NAME" in done.stderr
    assert {path: path.read_bytes() for path in before} == before
    site.write(site="nrw")
    assert run_as_root(site.run("remote", "install").out).returncode == 0


def test_the_environment_of_the_one_who_prints_is_not_in_it(site: RealSite) -> None:
    printed = site.run("remote", "install", **{OX_ENV: OX_PASSWORD})
    assert OX_PASSWORD not in printed.out + printed.err
    assert MAIL_HOST in printed.out
