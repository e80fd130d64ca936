"""`reconciler init --probe`: what it finds on a host, what it leaves there, and what it says of it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from reconciler.remote.local_host import LocalHost
from reconciler.sandbox.openxchange.install import install
from reconciler.setup.probe import Probed, probe, told

PASSWORD = "never-leaves-7"
CONFIG = f"""\
<?php
$CONF['configured'] = true;
$CONF['database_type'] = 'mysqli';
$CONF['database_host'] = 'localhost';
  $CONF["database_user"] = "postfix";  // as it was
$CONF['database_password'] = '{PASSWORD}';
$CONF['database_name'] = 'old';
# $CONF['database_name'] = 'commented';
$CONF['database_prefix'] = '';
$CONF['quota_multiplier'] = 1048576;
$CONF['vacation_domain'] = 'autoreply.mail.example';
$CONF['encrypt'] = 'dovecot:BLF-CRYPT';
$CONF['domain_path'] = 'YES';
$CONF['domain_in_mailbox'] = 'YES';
"""
LOCAL = f"""\
<?php
$CONF['database_name'] = 'mail'; $CONF['database_password'] = '{PASSWORD}';
$CONF['mailbox_postcreation_script'] = 'sudo -u ox FOLDER/ox_create';
"""
MAIN_CF = """\
compatibility_level = 3.6
smtpd_sender_restrictions = check_sender_access hash:/etc/postfix/maps/sender_access, permit_mynetworks
"""


NAMED = "$CONF['database_name'] = 'x';\n"


class Machine:
    """A folder with all three, on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("config.inc.php", CONFIG)
        self.write("config.local.php", LOCAL.replace("FOLDER", str(folder)))
        self.write("ox_create", f"createuser -c 7 -A oxadmin -P {PASSWORD} -u $1\n")
        self.write("main.cf", MAIN_CF)
        self.write("master.cf", "")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")
        os.utime(self.folder / name, (0, 0))  # postconf waits until a fresh main.cf has cooled down

    def probed(self) -> Probed:
        sbin = install(self.folder / "ox", admin_password="x")
        return asyncio.run(probe(LocalHost(), [str(self.folder), str(sbin)], str(self.folder)))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def _values(probed: Probed) -> dict[str, str]:
    return {found.key: found.value for found in probed.found}


def test_all_three_are_found_with_where_it_was_seen(machine: Machine) -> None:
    probed = machine.probed()
    assert _values(probed) == {
        "postfixadmin.url": f"mysql+pymysql://postfix@{LocalHost().name}/mail",
        "postfixadmin.quota_multiplier": "1048576",
        "postfixadmin.vacation_domain": "autoreply.mail.example",
        "postfixadmin.password_scheme": "BLF-CRYPT",
        "postfixadmin.maildir": "{domain}/{address}/",
        "openxchange.host": LocalHost().name,
        "openxchange.sbin": f"{machine.folder}/ox/sbin",
        "openxchange.context": "7",
        "postfix.host": LocalHost().name,
        "postfix.sender_access": "hash:/etc/postfix/maps/sender_access",
    }
    sources = {found.key: found.source for found in probed.found}
    assert sources["postfixadmin.url"].startswith(f"{machine.folder}/config.local.php")
    assert sources["postfixadmin.quota_multiplier"].startswith(f"{machine.folder}/config.inc.php")
    assert sources["openxchange.context"].startswith(f"{machine.folder}/ox_create")
    assert "check_sender_access" in sources["postfix.sender_access"]
    assert probed.missing == []


class Recorder(LocalHost):
    """What leaves the machine."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[list[str]] = []
        self.output = b""

    async def run(self, argv, **options):  # type: ignore[no-untyped-def]  # stands in for a host
        self.commands.append(list(argv))
        done = await super().run(argv, **options)
        self.output += done.stdout + done.stderr
        return done


def test_the_password_does_not_leave_the_host_and_nothing_is_written_there(machine: Machine) -> None:
    host = Recorder()
    asyncio.run(probe(host, [str(machine.folder)], str(machine.folder)))
    assert PASSWORD.encode() not in host.output
    assert {Path(argv[0]).name for argv in host.commands} == {"grep", "ls", "postconf"}
    assert not any("database_password" in word for argv in host.commands for word in argv)


def test_what_debian_writes(machine: Machine) -> None:
    machine.write("config.inc.php", "<?php\nrequire_once('dbconfig.inc.php');\n$CONF['database_user'] = $dbuser;\n")
    machine.write(
        "dbconfig.inc.php",
        f"$dbuser='pfa';\n$dbpass='{PASSWORD}';\n$dbname='p/fa';\n$dbserver='db.example';\n$dbport='5433';\n"
        "$dbtype='pgsql';\n",
    )
    machine.write("config.local.php", "<?php\n")
    assert _values(machine.probed())["postfixadmin.url"] == "postgresql+psycopg://pfa@db.example:5433/p%2Ffa"


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("config.inc.php", "", "its type is computed, or not set, in "),
        (
            "config.local.php",
            "$CONF['database_name'] = 'x';\n$CONF['database_type'] = 'sqlite';\n",
            "its type is sqlite",
        ),
        ("main.cf", "compatibility_level = 3.6\n", "no `check_sender_access`"),
        ("main.cf", MAIN_CF.replace("hash:", "regexp:"), "is of a type that cannot be managed"),
        ("main.cf", f"{MAIN_CF} check_sender_access hash:/etc/other\n", "there are several"),
        ("ox_create", "createuser -c 1\ncreateuser --contextid=2\n", "no script of PostfixAdmin names one"),
    ],
)
def test_what_is_not_certain_is_not_found_and_said(machine: Machine, file: str, text: str, said: str) -> None:
    machine.write(file, text)
    lines = "\n".join(told(machine.probed()))
    assert said in lines, lines


def test_what_is_computed_is_not_guessed(machine: Machine) -> None:
    machine.write(
        "config.local.php", "$CONF['quota_multiplier'] = getenv('Q');\n$CONF['vacation_domain'] = 'a' . $b;\n"
    )
    values = _values(machine.probed())
    assert values["postfixadmin.quota_multiplier"] == "1048576"
    assert values["postfixadmin.vacation_domain"] == "autoreply.mail.example"


def test_of_two_installations_neither_is_taken(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    other = machine.folder / "other"
    other.mkdir()
    (other / "config.local.php").write_text("$CONF['database_name'] = 'another';\n$CONF['database_type'] = 'mysqli';\n")
    monkeypatch.setattr("reconciler.setup.probe._FOLDERS", (str(machine.folder), str(other)))
    probed = asyncio.run(probe(LocalHost(), [], str(machine.folder)))
    assert "postfixadmin.url" not in _values(probed)
    assert f"there are several, in {machine.folder}, {other}" in "\n".join(told(probed))
    probed = asyncio.run(probe(LocalHost(), [str(other)], str(machine.folder)))
    assert _values(probed)["postfixadmin.url"].endswith("/another")


def test_a_machine_with_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.setup.probe._FOLDERS", (str(tmp_path),))
    monkeypatch.setattr("reconciler.setup.probe.POSTCONF", str(tmp_path / "postconf"))
    probed = asyncio.run(probe(LocalHost(), [], str(tmp_path)))
    assert probed.found == []
    assert [missing.what for missing in probed.missing] == [
        "PostfixAdmin's configuration",
        "OX' command-line tools",
        "Postfix",
    ]
