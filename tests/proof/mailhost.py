"""A mail host that delivers: a real Postfix on PostfixAdmin's own SQL maps, a real Dovecot that shows the mailboxes.

Postfix asks MariaDB as `facts/postfixadmin.md` 12 has it, and puts mail where the column `maildir` says; Dovecot finds
it by the same column. Everybody's password is right: who may log in is another test's question.
"""

from __future__ import annotations

import contextlib
import imaplib
import os
import pwd
import shutil
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.services.databases import free_port
from tests.services.dovecot_conf import Lookup, write_configuration
from tests.services.mail import _postfix, _stop_master, _wait_for_greeting
from tests.services.main_cf import write_main_cf
from tests.services.needs import cannot, require
from tests.services.postfixadmin import PostfixAdminDatabase

_OWNER = "dovecot"

_MAPS = {
    "virtual_alias_maps": (
        "SELECT goto FROM alias WHERE address='%s' AND active = '1'",
        """SELECT goto FROM alias, alias_domain WHERE alias_domain.alias_domain = '%d' \
AND alias.address = CONCAT('%u', '@', alias_domain.target_domain) \
AND alias.active = '1' AND alias_domain.active = '1'""",
        """SELECT goto FROM alias, alias_domain WHERE alias_domain.alias_domain = '%d' \
AND alias.address = CONCAT('@', alias_domain.target_domain) AND alias.active = '1' AND alias_domain.active = '1'""",
    ),
    "virtual_mailbox_maps": (
        "SELECT maildir FROM mailbox WHERE username='%s' AND active = '1'",
        """SELECT maildir FROM mailbox, alias_domain WHERE alias_domain.alias_domain = '%d' \
AND mailbox.username = CONCAT('%u', '@', alias_domain.target_domain) \
AND mailbox.active = '1' AND alias_domain.active = '1'""",
    ),
    "virtual_mailbox_domains": ("SELECT domain FROM domain WHERE domain='%s' AND active = '1'",),
}

_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = mail.example
mydestination =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
alias_maps =
alias_database =
default_transport = discard:
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
virtual_transport = virtual
virtual_mailbox_base = {folder}/mail
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
"""

_MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
error      unix  - - n - - error
retry      unix  - - n - - error
discard    unix  - - n - - discard
virtual    unix  - n n - - virtual
anvil      unix  - - n - 1 anvil
postlog    unix-dgram n - n - 1 postlogd
"""

_USER_QUERY = """\
SELECT {uid} AS uid, {gid} AS gid, CONCAT('{folder}/mail/', maildir) AS home FROM mailbox \
WHERE username = '%u' AND active = '1'"""


@dataclass(frozen=True, slots=True)
class MailHost:
    """It takes mail on `smtp` and shows it on `imap`."""

    folder: Path
    smtp: int
    imap: int

    def send(self, recipient: str, subject: str) -> None:
        """Somebody out there writes. Raises SMTPException when Postfix refuses the recipient."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "freund@extern.example", recipient, subject
        mail.set_content("Hallo!\n")
        with smtplib.SMTP("127.0.0.1", self.smtp, local_hostname="client.test", timeout=30) as session:
            session.send_message(mail)

    def holders(self, subject: str, mailboxes: list[str]) -> set[str]:
        """In which of these mailboxes a mail with this subject has arrived; waits until it is in one."""
        until = time.monotonic() + 60
        while not (found := {mailbox for mailbox in mailboxes if self._holds(mailbox, subject)}):
            if time.monotonic() > until:
                pytest.fail(f"{subject!r} does not arrive: {(self.folder / 'mail.log').read_text()[-1500:]}")
            time.sleep(0.05)
        return found

    def _holds(self, mailbox: str, subject: str) -> bool:
        session = imaplib.IMAP4("127.0.0.1", self.imap, timeout=30)
        try:
            session.login(mailbox, "any")
            session.select("INBOX", readonly=True)
            _, (numbers,) = session.search(None, "SUBJECT", f'"{subject}"')
        except imaplib.IMAP4.error:
            return False  # there is no such mailbox, or none yet: Dovecot hangs up
        finally:
            session.shutdown()
        return bool(numbers)


@contextlib.contextmanager
def running_mail_host(database: PostfixAdminDatabase, **settings: str) -> Iterator[MailHost]:
    """Both servers on this database while the block runs; `settings` of main.cf come on top."""
    (postconf,) = require("postfix", "postconf")
    (dovecot,) = require("dovecot-imapd", "dovecot")
    if os.geteuid() != 0:
        cannot("a private Postfix needs root: its master gives up rights for each daemon")
    folder = Path(tempfile.mkdtemp(prefix="reconciler-mailhost-"))
    folder.chmod(0o755)
    host = MailHost(folder, free_port(), free_port())
    try:
        _configure(host, database, settings)
        asked = [postconf, "-c", str(folder / "etc"), "-m"]
        offered = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True).stdout.split()
        if "mysql" not in offered:
            cannot("this Postfix asks no MariaDB: apt-get install postfix-mysql")
        with _dovecot(host, dovecot), _started_postfix(host):
            yield host
    finally:
        shutil.rmtree(folder)


def _configure(host: MailHost, database: PostfixAdminDatabase, settings: Mapping[str, str]) -> None:
    folder, owner, url = host.folder, pwd.getpwnam(_OWNER), database.full_url
    for name in ("etc", "queue", "data", "mail"):
        (folder / name).mkdir(mode=0o755)
    shutil.chown(folder / "data", "postfix")
    shutil.chown(folder / "mail", _OWNER, _OWNER)
    who = {"folder": folder, "uid": owner.pw_uid, "gid": owner.pw_gid}
    main_cf = _MAIN_CF.format(**who)
    for setting, queries in _MAPS.items():
        files = [folder / "etc" / f"{setting}-{number}.cf" for number in range(len(queries))]
        for file, query in zip(files, queries, strict=True):
            file.write_text(
                f"hosts = inet:{url.host}:{url.port}\nuser = {url.username}\npassword = {url.password}\n"
                f"dbname = {url.database}\nquery = {query}\n"
            )
        main_cf += f"{setting} = {', '.join(f'mysql:{file}' for file in files)}\n"
    given = "".join(f"{name} = {value}\n" for name, value in settings.items())
    kept = (line for line in main_cf.splitlines(keepends=True) if line.partition(" ")[0] not in settings)
    write_main_cf(folder / "etc" / "main.cf", "".join(kept) + given)
    (folder / "etc" / "master.cf").write_text(_MASTER_CF.format(port=host.smtp))
    (dovecot,) = require("dovecot-imapd", "dovecot")
    rows = Lookup(url=url, query=_USER_QUERY.format(**who))
    write_configuration(dovecot, folder, host.imap, Lookup(fields={"nopassword": "y"}), rows)


@contextlib.contextmanager
def _started_postfix(host: MailHost) -> Iterator[None]:
    config = host.folder / "etc"
    subprocess.run([*_postfix(config), "start"], check=True, capture_output=True, timeout=60)
    try:
        _wait_for_greeting(host.smtp, host.folder / "mail.log")
        yield
    finally:
        _stop_master(host.folder / "queue" / "pid" / "master.pid")


@contextlib.contextmanager
def _dovecot(host: MailHost, program: str) -> Iterator[None]:
    process = subprocess.Popen([program, "-F", "-c", str(host.folder / "dovecot.conf")])
    try:
        _wait_for_greeting(host.imap, host.folder / "dovecot.log")
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)
