"""The planner's way into the mail host, installed by what `reconciler remote install` prints: with its key everything
that reads works, nothing that writes does, and OX' password stays on the host."""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from reconciler.sandbox.openxchange import control
from reconciler.settings import Postfix as PostfixSection
from reconciler.systems.postfix.queue_tools import QueueTools
from reconciler.systems.postfix.tools import Tools
from tests.cli.running import AFRESH, eventually, start
from tests.cli.site import ANNA, ANNA_DECLARED, BERND_DECLARED, OX_ENV, OX_PASSWORD
from tests.integration import planner
from tests.integration.planner import USER, as_planner
from tests.integration.sink import Sink
from tests.integration.sites import Parts, RealSite, far, far_postfix, sudo_allowed
from tests.integration.test_rights import printed
from tests.services.mail import Postfix
from tests.services.needs import cannot
from tests.services.own_engine import Server
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.services.sshd import Sshd

BLOCK = "domain: example.org, reason: sells addresses"
READING = (("plan",), ("drift",), ("show", ANNA))


@pytest.fixture
def site(
    folder: Path, open_folder: Path, mariadb: PostfixAdminDatabase, postfix: Postfix, sink: Sink, own_sshd: Sshd
) -> Iterator[RealSite]:
    """Something is declared and applied, something else differs; both logins are there."""
    if os.geteuid() != 0:
        cannot("users and sudoers can only be made by root")
    planner.allow_only(own_sshd)
    with sudo_allowed(postfix, own_sshd.user):
        made = far(folder, Parts(mariadb, open_folder / "ox", postfix, sink), own_sshd)
        planner.with_planner(made, planner.new_key(folder))
        made.declare(ANNA_DECLARED, blocks=[BLOCK])
        assert made.run("apply", "--yes").status == 0
        made.declare(ANNA_DECLARED, BERND_DECLARED, blocks=[BLOCK, "sender: spam@example.net, reason: phishing"])
        made.rename_in_ox("anna.beispiel", "Änna, B.")
        with planner.installed(made):
            yield made


def _ssh(
    site: RealSite, *words: str, options: tuple[str, ...] = (), stdin: bytes = b"", applies: bool = False
) -> tuple[int, bytes, bytes]:
    """OpenSSH' own client with the planner's key, or with that of the login that applies."""
    login = site.sections["ssh"]["mail.example"]
    user, key = (login["user"], login["key_file"]) if applies else (USER, str(site.folder / "plan-key"))
    argv = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i", key]
    argv += ["-o", f"UserKnownHostsFile={login['known_hosts']}", "-p", str(login["port"]), "-l", user, *options]
    done = subprocess.run([*argv, login["address"], *words], input=stdin, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_everything_that_reads_says_the_same_as_with_the_full_key(site: RealSite) -> None:
    for arguments in READING:
        full, read_only = site.run(*arguments), as_planner(site, *arguments)
        assert read_only.status == full.status, read_only
        assert read_only.timeless == full.timeless
    full, read_only = site.run("plan", "--format", "json"), as_planner(site, "plan", "--format", "json")
    for part in ("digest", "transitions"):
        assert read_only.json[part] == full.json[part]
    assert len(full.json["transitions"]) == 3
    assert site.run("import", "--into", "full").status == 0
    assert as_planner(site, "import", "--into", "planner").status == 0
    texts = [
        {file.relative_to(top): file.read_text("utf-8") for file in top.rglob("*") if file.is_file()}
        for top in (site.folder / "full", site.folder / "planner")
    ]
    assert texts[0] == texts[1]


def test_doctor_looks_with_the_planners_login(site: RealSite) -> None:
    """Its database user is the applier's here, which is said."""
    answer = as_planner(site, "doctor", "--format", "json")
    found = {check["name"]: check["verdict"] for check in answer.json["checks"]}
    assert found["login on mail.example"] == "ok"
    assert found["administrator of context 1 on mail.example"] == "ok"
    assert found["password hashes"] == "warning"
    assert found["clock of mail.example"] == "ok"
    assert not [name for name in found if name.startswith("sessions")]


def test_a_plan_of_the_planner_is_applied_by_the_applier(site: RealSite) -> None:
    assert as_planner(site, "plan", "--out", "plan.json").status == 4
    applied = site.run("apply", "plan.json", "--yes")
    assert applied.status == 0, applied
    assert as_planner(site, "drift").status == 0


def test_doctor_asks_for_nothing_that_is_refused(site: RealSite) -> None:
    answer = as_planner(site, "doctor", "--format", "json")
    saw = [f"{check['name']}: {check['saw']}" for check in answer.json["checks"]]
    assert [each for each in saw if "mail.example" in each], saw
    assert not [each for each in saw if "was not run" in each]


def test_one_site_file_serves_both_jobs(site: RealSite, mariadb_server: Server) -> None:
    """The job of a merge request has the planner's credentials and no others: a database user with exactly the rights
    that docs/database.md prints, and the key that lists. The saved plan is carried out by the other job."""
    database = str(site.database.full_url.database)
    user, password, variable = f"p_{database}", "only-plans-6", "RECONCILER_TEST_PLAN_DB"
    planner_section = {**site.sections["planner"], "database_user": user, "database_password_env": variable}
    site.write(planner=planner_section)
    here = f"{user}@'127.0.0.1'"
    with mariadb_server.admin.connect() as admin:
        admin.exec_driver_sql(f"CREATE USER {here} IDENTIFIED BY '{password}'")
        for grant in printed("MariaDB", "plan and drift"):
            named = grant.replace("postfixadmin.", f"{database}.")
            admin.exec_driver_sql(named.replace("planner@'%'", here))
    try:
        job = {variable: password, str(site.database.password_env): "", OX_ENV: ""}
        for arguments, status in ((("plan", "--out", "plan.json"), 4), (("drift",), 4), (("show", ANNA), 0)):
            answer = as_planner(site, *arguments, **job)
            assert answer.status == status, answer
        assert password not in (site.folder / "plan.json").read_text("utf-8")
        without = as_planner(site, "plan", **{**job, variable: ""})
        assert without.status == 9, without
        assert variable in without.words
        assert site.run("apply", "plan.json", "--yes").status == 0
        assert as_planner(site, "drift", **job).status == 0
    finally:
        with mariadb_server.admin.connect() as admin:
            admin.exec_driver_sql(f"DROP USER {here}")


def test_no_verb_that_writes_succeeds(site: RealSite) -> None:
    before = site.live()
    postfix = PostfixSection.model_validate(far_postfix(site.postfix))
    sbin, tools, queue = site.sections["openxchange"]["sbin"], Tools(postfix), QueueTools(postfix)
    common = ("--contextid=1", "--adminuser=oxadmin")
    verbs: list[tuple[str, ...]] = [
        *((f"{sbin}/{tool}", "--nonl", *common, "--username=anna.beispiel") for tool in ("changeuser", "deleteuser")),
        (f"{sbin}/createuser", "--nonl", *common, "--username=x"),
        (f"{sbin}/listuser", "--environment"),
        (f"{sbin}/listuser", "--nonl", *common, "--csv", "--environment"),
        (f"{sbin}/listuser", "--nonl", *common, "--csv", "--adminpass=x"),
        *tools.privileged,
        *(("/usr/bin/sudo", "-n", *argv) for argv in tools.privileged),
        *queue.privileged.values(),
        queue.list,
        queue.flush,
        queue.retry("47F2C2128F1"),
        ("sh", "-c", f"echo x > {tools.path}"),
        ("bash",),
        ("sudo", "-n", str(planner.LIB / "reconciler-remote"), str(planner.ETC), "--list-openxchange"),
        ("cat", str(planner.PASSWORD)),
        ("cat", "/etc/shadow"),
        ("python3", "-c", "print(1)"),
        ("env", "LC_ALL=C", "cat", "--", tools.path),
        ("dd", f"of={tools.path}"),
        ("scp", "-t", tools.folder),
        ("rsync", "--server", ".", tools.folder),
        ("git-receive-pack", "x"),
        ("kill", "-9", "1"),
        ("reconciler-remote", "1", "30", "0" * 16, "1" * 16, *tools.reload),
        ("reconciler-remote", "1", "30", "0" * 16, "1" * 16, "true;reboot"),
        ("reconciler-remote", "1", "30", "0" * 16, "1" * 16, "true", ">", tools.path),
    ]
    wrapped = [(f"exec sh -c '{' '.join(words)}' x -- true",) for words in verbs]
    with ThreadPoolExecutor(4) as logins:
        answers = logins.map(lambda told: (told, *_ssh(site, *told, stdin=b"x REJECT\n")), [*verbs, *wrapped])
    for told, status, out, err in answers:
        assert status == 77, (told, out, err)
        assert out == b""
        assert b"reconciler-remote: refused" in err
        assert OX_PASSWORD.encode() not in err
    assert site.live() == before
    assert site.postfix.refuses("x@example.org")


def test_no_shell_no_file_and_no_tunnel(site: RealSite) -> None:
    """SFTP, a terminal, forwarding: sshd would offer them all to another key."""
    before = site.live()
    status, out, _ = _ssh(site)
    assert (status, out) == (77, b"")
    status, out, err = _ssh(site, options=("-tt",))
    assert (status, out) == (255, b"")
    assert b"PTY allocation request failed" in err
    status, out, _ = _ssh(site, "sftp", options=("-s",), stdin=b"\0\0\0\5\1\0\0\0\3")
    assert (status, out) == (77, b"")
    back = f"0:127.0.0.1:{site.postfix.port}"
    status, out, err = _ssh(site, options=("-N", "-R", back, "-o", "ExitOnForwardFailure=yes"))
    assert (status, out) == (255, b"")
    assert b"remote port forwarding failed" in err
    status, out, err = _ssh(site, options=("-W", f"127.0.0.1:{site.postfix.port}"), stdin=b"QUIT\r\n")
    assert status != 0
    assert b"administratively prohibited" in err
    assert site.live() == before


def test_no_variable_of_the_session_gets_through(site: RealSite) -> None:
    """Those that sshd lets in, as it does for the login that applies."""
    options = ("-o", "SendEnv=LC_ALL", "-o", "SetEnv=SECRET=x LC_TIME=POSIX")
    _, out, _ = _ssh(site, "env", options=options, applies=True)
    assert {b"SECRET=x", b"LC_TIME=POSIX"} <= set(out.splitlines())
    with (planner.ETC / "commands").open("a", encoding="utf-8") as commands:
        commands.write("user LC_ALL=C env\n")
    status, out, err = _ssh(site, f"reconciler-remote 1 30 {'0' * 16} {'1' * 16} LC_ALL=C env", options=options)
    assert status == 0, err
    assert set(out.splitlines()[1:-1]) == {b"PATH=/usr/sbin:/usr/bin:/sbin:/bin", b"HOME=/", b"LC_ALL=C"}


def test_the_user_can_write_nothing_of_its_own(site: RealSite) -> None:
    """Neither its keys, which are root's, nor the program, nor the list."""
    found = subprocess.run(
        ["find", planner.LIB, planner.ETC, planner.HOME, "-writable"], user=USER, capture_output=True, check=True
    )
    assert found.stdout == b""
    read = subprocess.run(["cat", planner.PASSWORD], user=USER, capture_output=True, check=False)
    assert (read.returncode, read.stdout) == (1, b"")
    for more in ((), ("--list-openxchange", "x"), ("x",)):
        argv = ["sudo", "-n", planner.LIB / "reconciler-remote", planner.ETC, *more]
        assert subprocess.run(argv, user=USER, capture_output=True, check=False).returncode == 1, more


def test_the_password_is_nowhere_but_on_the_host(site: RealSite) -> None:
    """Neither in the job's environment, output and documents, nor in what other users of the host see."""
    control.set_switches(site.ox, faults=[{"kind": "slow", "tool": "listuser", "seconds": 2}])
    job = {"RECONCILER_ROLE": "planner"}
    running = start(site.folder, "plan", "--out", "plan.json", env=job, code=AFRESH)
    seen, environs, listing = b"", dict[int, bytes](), 0
    while running.poll() is None:
        with suppress(OSError):
            environs[running.pid] = Path(f"/proc/{running.pid}/environ").read_bytes() or environs.get(running.pid, b"")
        for process in Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes()
                seen += line
                listing += b"listuser" in line
                if process.stat().st_uid == pwd.getpwnam(USER).pw_uid:
                    environs[int(process.name)] = (process / "environ").read_bytes()
            except OSError:  # ended meanwhile
                continue
        time.sleep(0.05)
    answer = running.wait()
    assert answer.status == 4, answer
    assert listing > 3, "the tool was at work while we looked"
    document = (site.folder / "plan.json").read_bytes()
    for text in (seen, answer.out.encode(), answer.err.encode(), document, *environs.values()):
        assert OX_PASSWORD.encode() not in text
    assert b"RECONCILER_ROLE=planner" in environs[running.pid]
    assert OX_ENV.encode() not in environs[running.pid]


def test_with_its_own_role_the_planner_applies_nothing(site: RealSite) -> None:
    before = site.live()
    for arguments in (("apply", "--yes"), ("resume", "--yes"), ("password", ANNA), ("queue", "list")):
        answer = as_planner(site, *arguments)
        assert answer.status == 2, answer
    assert "RECONCILER_ROLE" in as_planner(site, "apply", "--yes").words
    login = {**site.sections["ssh"]["mail.example"], "user": USER, "key_file": str(site.folder / "plan-key")}
    site.write(ssh={"mail.example": {**login, "read_only": True}}, planner=None)
    assert site.run("plan").status == 4
    refused = site.run("apply", "--yes")
    assert refused.status == 2, refused
    assert "only reads (`read_only`)" in refused.words
    assert site.live() == before


def test_a_key_that_is_not_bound_to_the_program_answers_nothing(site: RealSite, own_sshd: Sshd) -> None:
    """With a login that has a shell the planner would have rights that nobody meant: it is told, not used."""
    site.write(planner={"ssh": {"mail.example": {"user": own_sshd.user}}})
    answer = as_planner(site, "plan")
    assert answer.status == 9, answer
    assert "reconciler-remote did not answer" in answer.words
    assert "reconciler remote install" in answer.words


def test_a_list_of_another_site_file_is_told(site: RealSite) -> None:
    """What the site file of a merge request names instead is not read, and not what the host shows."""
    site.write(openxchange={**site.sections["openxchange"], "context": 2})
    answer = as_planner(site, "plan")
    assert answer.status == 9, answer
    assert "was not run: refused" in answer.words
    assert "reconciler remote install" in answer.words


def test_what_ends_half_way_is_unknown(site: RealSite) -> None:
    control.set_switches(site.ox, faults=[{"kind": "slow", "tool": "listuser", "seconds": 20}])
    running = start(site.folder, "plan", env={"RECONCILER_ROLE": "planner"})
    until = time.monotonic() + 30
    ended = False
    while not ended and time.monotonic() < until:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if b"--list-openxchange" in line and b"python3" in line and b"sudo" not in line:
                os.kill(int(process.name), 9)
                ended = True
        time.sleep(0.05)
    answer = running.wait()
    assert ended
    assert answer.status == 9, answer
    assert "openxchange" in answer.words
    assert "✓" not in answer.words.partition("openxchange")[2][:30]


def test_lists_that_were_given_up_do_not_pile_up(site: RealSite) -> None:
    """After the seconds that the client names, and when its connection breaks: root's half ends with OX' tool."""
    control.set_switches(site.ox, faults=[{"kind": "slow", "tool": "listuser", "seconds": 300}])
    lines = (planner.ETC / "commands").read_text("utf-8").splitlines()
    line = next(line.removeprefix("root ") for line in lines if line.startswith("root "))
    for _ in range(3):
        status, out, _err = _ssh(site, f"reconciler-remote 1 1 {'0' * 16} {'1' * 16} {line}")
        assert status == 124
        assert out.endswith(b" end 124\n")
    eventually(lambda: not _listing(site), seconds=10)
    client = start(site.folder, "plan", env={"RECONCILER_ROLE": "planner"})
    eventually(lambda: len(_listing(site)) > 1, client)
    os.kill(client.pid, 9)
    client.wait()
    eventually(lambda: not _listing(site), seconds=10)


def _listing(site: RealSite) -> list[str]:
    """Command lines of root's half and of the tool."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            ours = (
                f"{planner.ETC} --list-openxchange" in line
                or f"{site.sections['openxchange']['sbin']}/listuser" in line
            )
            found += [line] if ours else []
    return found
