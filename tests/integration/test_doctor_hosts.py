"""`reconciler doctor` on a real sshd, on clocks and on the stand-in of Open-Xchange."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reconciler.doctor.check import Verdict
from reconciler.doctor.clock import MOST, ClockReading, clock_check, zone_check
from reconciler.doctor.ssh import sessions_wanted
from reconciler.sandbox.openxchange import control
from reconciler.sandbox.openxchange.install import install
from reconciler.sandbox.openxchange.soap import PATH
from reconciler.sandbox.openxchange.web import running
from reconciler.settings import Settings
from tests.cli.conftest import Command
from tests.cli.conftest import command as command  # a fixture
from tests.cli.site import OX_ENV, OX_PASSWORD
from tests.services.sshd import OddLogin, Sshd

Checks = dict[str, dict[str, Any]]
HOST = "mail.example"


class HostSite:
    """A site with one host and, where a test wants it, OX on it or here."""

    def __init__(self, folder: Path, command: Command) -> None:
        self.folder, self.command = folder, command
        self.sections: dict[str, Any] = {}

    def at(self, server: Sshd, **others: object) -> None:
        """The host is behind this server."""
        login = server.login()
        names = ("user", "port", "address", "key_file", "known_hosts")
        self.sections["ssh"] = {HOST: {name: getattr(login, name) for name in names} | others}

    def run(self, *arguments: str) -> Checks:
        """The checks by name, without the host in it."""
        (self.folder / "reconciler.yaml").write_text(json.dumps({"site": "nrw", **self.sections}))
        answer = self.command("doctor", "--format", "json", *arguments)
        assert OX_PASSWORD not in answer.out + answer.err
        verdicts = {check["verdict"] for check in answer.json["checks"]}
        assert answer.status == (9 if verdicts & {"failed", "unknown"} else 4 if "warning" in verdicts else 0)
        return {
            re.sub(r" (on|of) (mail\.example|context .*)$", "", check["name"]): check for check in answer.json["checks"]
        }


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> HostSite:
    """Commands run in its folder."""
    monkeypatch.setenv(OX_ENV, OX_PASSWORD)
    monkeypatch.delenv("RECONCILER_SITE", raising=False)
    monkeypatch.chdir(tmp_path)
    return HostSite(tmp_path, command)


def test_a_host_without_a_fault(hosts: HostSite, sshd: Sshd) -> None:
    hosts.at(sshd)
    found = hosts.run()
    assert set(found) == {"login", "login shell", "sessions", "clock"}
    assert {check["verdict"] for check in found.values()} == {"ok"}


def test_a_server_with_few_sessions(hosts: HostSite, own_sshd: Sshd) -> None:
    own_sshd.configure("MaxSessions 1")
    hosts.at(own_sshd)
    found = hosts.run()["sessions"]
    assert (found["verdict"], found["fix"][1]) == ("warning", "MaxSessions 10")
    assert "gives 1 sessions" in found["saw"]
    assert "2 are used" in found["saw"]


def test_a_login_that_may_run_nothing(hosts: HostSite, own_sshd: Sshd) -> None:
    own_sshd.configure("MaxSessions 0")
    hosts.at(own_sshd)
    assert hosts.run()["login"]["verdict"] == "unknown"


def test_as_many_sessions_as_tools_are_run(sshd: Sshd) -> None:
    section: dict[str, object] = {"host": HOST, "parallel": 5}
    settings = Settings.model_validate({"site": "nrw", "folder": Path("/"), "openxchange": section})
    assert (sessions_wanted(settings, HOST), sessions_wanted(settings, "other.example")) == (7, 2)
    section |= {"soap_url": "https://ox.example/webservices/OXUserService"}
    settings = Settings.model_validate({"site": "nrw", "folder": Path("/"), "openxchange": section})
    assert sessions_wanted(settings, HOST) == 2


def test_a_login_shell_that_prints(hosts: HostSite, odd_login: OddLogin) -> None:
    odd_login.bash("echo the password is nobody-sees-this-9\n")
    hosts.at(odd_login.server)
    found = hosts.run()
    assert found["login shell"]["verdict"] == "warning"
    assert "prints 35 bytes" in found["login shell"]["saw"]
    assert "nobody-sees-this" not in json.dumps(found)
    odd_login.bash("")
    assert hosts.run()["login shell"]["verdict"] == "ok"


def test_a_login_that_ends_at_once(hosts: HostSite, odd_login: OddLogin) -> None:
    odd_login.session("exit 1")
    hosts.at(odd_login.server)
    assert hosts.run()["clock"]["verdict"] == "unknown"


def test_a_host_whose_clock_is_wrong(hosts: HostSite, odd_login: OddLogin) -> None:
    tools = odd_login.server.folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "date").write_text("#!/bin/sh\necho $(($(/bin/date +%s) - 3600)).0\n")
    (tools / "date").chmod(0o755)
    odd_login.session(f'export PATH={tools}:$PATH; exec sh -c "$SSH_ORIGINAL_COMMAND"')
    hosts.at(odd_login.server)
    found = hosts.run()["clock"]
    assert found["verdict"] == "warning"
    assert re.search(r"3(599|600|601) s behind", found["saw"])
    (tools / "date").write_text("#!/bin/sh\necho yesterday\n")
    assert hosts.run()["clock"]["verdict"] == "unknown"
    shutil.rmtree(tools)
    assert hosts.run()["clock"]["verdict"] == "ok"


def test_what_the_way_takes_is_no_difference() -> None:
    assert clock_check("clock", ClockReading(theirs=100.0, before=90.0, after=110.0)).verdict is Verdict.OK
    assert clock_check("clock", ClockReading(theirs=110.0 + MOST, before=90.0, after=110.0)).verdict is Verdict.OK
    assert clock_check("clock", ClockReading(theirs=111.0 + MOST, before=90.0, after=110.0)).verdict is Verdict.WARNING
    assert clock_check("clock", ClockReading(theirs=89.0 - MOST, before=90.0, after=110.0)).verdict is Verdict.WARNING


def test_the_time_zone_in_summer_and_in_winter() -> None:
    winter, summer = 1_764_000_000, 1_751_000_000
    for now, offset in ((winter, 3600), (summer, 7200)):
        assert zone_check(offset, "Europe/Berlin", now).verdict is Verdict.OK
        wrong = zone_check(0, "Europe/Berlin", now)
        assert wrong.verdict is Verdict.WARNING
        assert f"{offset // 3600} h west of Europe/Berlin" in wrong.saw


@pytest.fixture
def ox(hosts: HostSite) -> Path:
    """The stand-in on this machine, which is in the site file."""
    sbin = install(hosts.folder / "ox", admin_password=OX_PASSWORD)
    hosts.sections["openxchange"] = {"sbin": str(sbin), "admin_password_env": OX_ENV}
    control.set_switches(hosts.folder / "ox", USERNAME_CHANGEABLE=True, version="NEW")
    return hosts.folder / "ox"


def test_an_ox_without_a_fault(hosts: HostSite, ox: Path) -> None:
    found = hosts.run()
    assert {check["verdict"] for check in found.values()} == {"ok"}, found
    assert "7.10.4 or later" in found["version"]["saw"]


@pytest.mark.parametrize(
    ("version", "verdict", "word"), [("MID", "ok", "7.8 to 7.10"), ("OLD", "warning", "older than 7.8")]
)
def test_versions(hosts: HostSite, ox: Path, version: str, verdict: str, word: str) -> None:
    control.set_switches(ox, version=version)
    found = hosts.run()["version"]
    assert found["verdict"] == verdict
    assert word in found["saw"]


def test_a_tool_that_may_not_be_run(hosts: HostSite, ox: Path) -> None:
    (ox / "sbin" / "deleteuser").chmod(0o644)
    found = hosts.run()
    assert found["tools"]["verdict"] == "failed"
    assert found["tools"]["saw"].endswith(f"{ox}/sbin/deleteuser")
    assert "administrator" not in found


def test_a_wrong_password(hosts: HostSite, ox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OX_ENV, "another-one-3")
    found = hosts.run()
    assert found["administrator"]["verdict"] == "failed"
    assert "refuses the login of oxadmin" in found["administrator"]["saw"]
    assert "another-one-3" not in json.dumps(found)


def test_a_context_that_is_not_there(hosts: HostSite, ox: Path) -> None:
    hosts.sections["openxchange"]["context"] = 7
    assert hosts.run()["administrator"]["verdict"] == "failed"


def test_an_ox_that_is_down(hosts: HostSite, ox: Path) -> None:
    control.set_switches(ox, faults=[{"kind": "down"}])
    found = hosts.run()
    assert found["administrator"]["verdict"] == "failed"
    assert found["tools"]["verdict"] == "ok"


@pytest.mark.parametrize(
    ("switch", "value", "name"),
    [
        ("USERNAME_CHANGEABLE", False, "changes of the login"),
        ("PRIMARY_MAIL_UNCHANGEABLE", True, "changes of the primary address"),
        ("enforceUniqueDisplayName", False, "display names"),
    ],
)
def test_rules_that_stop_a_change(hosts: HostSite, ox: Path, switch: str, value: bool, name: str) -> None:
    control.set_switches(ox, **{switch: value})
    assert hosts.run()[name]["verdict"] == "warning"
    control.set_switches(ox, **{switch: not value})
    assert hosts.run()[name]["verdict"] == "ok"


def test_a_rule_that_is_not_written_has_the_default_of_the_code(hosts: HostSite, ox: Path) -> None:
    """facts/open-xchange.md 4: without the line, primary addresses are unchangeable."""
    (ox / "etc" / "AdminUser.properties").write_text("# PRIMARY_MAIL_UNCHANGEABLE=false\nOTHER=1\n")
    found = hosts.run()
    assert found["changes of the login"]["verdict"] == "warning"
    assert found["changes of the primary address"]["verdict"] == "warning"
    assert "is not written" in found["changes of the primary address"]["saw"]


def test_rules_that_cannot_be_read_are_not_taken_for_their_defaults(hosts: HostSite, ox: Path) -> None:
    (ox / "etc" / "AdminUser.properties").unlink()
    found = hosts.run()
    assert found["changes of login and address"]["verdict"] == "warning"
    assert "AdminUser.properties cannot be read" in found["changes of login and address"]["saw"]


def test_the_folder_of_6_20(hosts: HostSite, ox: Path) -> None:
    (ox / "etc" / "admindaemon").mkdir()
    (ox / "etc" / "AdminUser.properties").rename(ox / "etc" / "admindaemon" / "AdminUser.properties")
    assert hosts.run()["changes of the login"]["verdict"] == "ok"


def test_a_tool_that_a_dead_run_left(hosts: HostSite, ox: Path) -> None:
    with _running(ox / "sbin" / "changeuser") as pid:
        found = hosts.run()["tools at work"]
        assert found["verdict"] == "warning"
        assert f"process {pid}" in found["saw"]
    assert hosts.run()["tools at work"]["verdict"] == "ok"


class _running:
    """A process that looks like one of OX' tools among the processes."""

    def __init__(self, tool: Path) -> None:
        self._argv = [str(tool), "--nonl", "--contextid=1", "--adminuser=oxadmin"]

    def __enter__(self) -> int:
        self._process = subprocess.Popen(["sh", "-c", "read line", *self._argv], stdin=subprocess.PIPE)
        return self._process.pid

    def __exit__(self, *_: object) -> None:
        self._process.communicate(b"\n", timeout=10)


def test_ox_behind_ssh(hosts: HostSite, ox: Path, sshd: Sshd, open_folder: Path) -> None:
    sbin = install(open_folder / "ox", admin_password=OX_PASSWORD, portable=True)
    control.set_switches(open_folder / "ox", USERNAME_CHANGEABLE=True, version="NEW")
    for path in (open_folder / "ox", *(open_folder / "ox").rglob("*")):
        shutil.chown(path, sshd.user)
    hosts.at(sshd)
    hosts.sections["openxchange"] |= {"host": HOST, "sbin": str(sbin)}
    found = hosts.run()
    assert {check["verdict"] for check in found.values()} == {"ok"}, found
    (open_folder / "ox" / "etc" / "AdminUser.properties").chmod(0o600)
    shutil.chown(open_folder / "ox" / "etc" / "AdminUser.properties", "root")
    found = hosts.run()
    assert "Permission denied" in found["changes of login and address"]["saw"]


def test_ox_over_soap(hosts: HostSite, ox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = {"changes of the login", "changes of the primary address", "display names"}
    (ox / "sbin" / "listuser").unlink()
    with running(ox, PATH) as url:
        hosts.sections["openxchange"]["soap_url"] = url
        found = hosts.run()
        assert set(found) == {"administrator", *rules}
        assert {check["verdict"] for check in found.values()} == {"ok"}, found
        control.set_switches(ox, USERNAME_CHANGEABLE=False)
        assert hosts.run()["changes of the login"]["verdict"] == "warning"
        monkeypatch.setenv(OX_ENV, "another-one-3")
        found = hosts.run()
        assert found["administrator"]["verdict"] == "failed"
        assert "refuses the login of oxadmin" in found["administrator"]["saw"]
        assert "another-one-3" not in json.dumps(found)
        hosts.sections["openxchange"]["soap_url"] = url.replace("OXUser", "OXGroup")
        administrator = hosts.run()["administrator"]
        assert "HTTP status 404" in administrator["saw"]
        assert "open-xchange-admin-soap" in administrator["fix"][0]
    hosts.sections["openxchange"]["soap_url"] = "https://127.0.0.2:1/webservices/OXUserService"
    found = hosts.run()
    assert "cannot be reached" in found["administrator"]["saw"]
    assert found["rules"]["verdict"] == "warning"  # on another machine, into which the site file knows no way
    assert "openxchange.host" in found["rules"]["fix"][0]
