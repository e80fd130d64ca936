"""YAML in, plan out, three live systems changed: on real parts, and once more through a real sshd."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.sandbox.openxchange import control
from reconciler.settings import Postfix as PostfixSection
from reconciler.systems.postfix.tools import Tools
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN
from tests.integration.sink import Sink
from tests.integration.sites import RealSite, far_postfix, near
from tests.services.mail import Postfix
from tests.services.postfixadmin import PostfixAdminDatabase

ROLE = f"technik@{DOMAIN}"
ALIASES = ["vorstand: [anna.beispiel, klaus@extern.example]", "alt: {goto: [vorstand], active: false}"]
BLOCKS = [
    "sender: spam@example.net, reason: phishing wave, added: 2026-11-22",
    "domain: example.org, reason: sells addresses",
]


def declare(site: RealSite) -> None:
    role = "technik: {name: AG Technik, groupware: false}"
    site.declare(ANNA_DECLARED, BERND_DECLARED, role, aliases=ALIASES, blocks=BLOCKS)


def everything_is_there(site: RealSite) -> None:
    """In all systems, as declared; and the letters went to the register's addresses with the passwords that hold."""
    anna = site.mailbox(ANNA)
    assert anna is not None
    assert (anna["name"], anna["quota"], bool(anna["active"])) == ("Anna Beispiel", 10240 * 1024000, True)
    assert site.goto(ANNA) == ANNA
    assert site.goto(f"10042@{DOMAIN}") == ANNA
    assert set((site.goto(f"vorstand@{DOMAIN}") or "").split(",")) == {ANNA, "klaus@extern.example"}
    (alt,) = site.rows("SELECT active FROM alias WHERE address = :a", a=f"alt@{DOMAIN}")
    assert not alt["active"]
    assert site.mailbox(ROLE) is not None
    actions = {row["action"] for row in site.rows("SELECT action FROM log")}
    assert {"create_mailbox", "create_alias"} <= actions
    assert site.ox_logins() == ["anna.beispiel", "bernd.muster"]
    user = control.user(site.ox, "anna.beispiel")
    assert (user.fields["Display_name"], user.fields["PrimaryEmail"]) == ("Anna Beispiel", ANNA)
    for address, login, private in (
        (ANNA, "anna.beispiel", "anna@gmx.example"),
        (BERND, "bernd.muster", "bernd@gmx.example"),
    ):
        assert site.opens(address, login, site.password_of(private)) == (True, True)
    assert site.password_of("anna@gmx.example") != site.password_of("bernd@gmx.example")
    # one letter each, and the welcome mail that makes each maildir; nothing to anybody else
    recipients = sorted(mail.recipient for mail in site.sink.mails)
    assert recipients == sorted(["anna@gmx.example", "bernd@gmx.example", ANNA, BERND, ROLE])
    for sender, blocked in (("spam@example.net", True), ("x@sub.example.org", True), ("ham@example.net", False)):
        assert site.postfix.refuses(sender) is blocked


def converges(site: RealSite) -> None:
    declare(site)
    before = site.live()
    planned = site.run("plan")
    assert planned.status == 4, planned
    assert site.live() == before
    applied = site.run("apply", "--yes")
    assert applied.status == 0, applied
    everything_is_there(site)
    for name in ("plan", "drift"):
        again = site.run(name)
        assert again.status == 0, again
    for private in ("anna@gmx.example", "bernd@gmx.example"):
        assert site.password_of(private) not in applied.out + applied.err


def test_a_whole_site_here(folder: Path, pfa_database: PostfixAdminDatabase, postfix: Postfix, sink: Sink) -> None:
    """PostfixAdmin's own tables on MariaDB, PostgreSQL and SQLite alike."""
    converges(near(folder, pfa_database, postfix, sink))


def test_a_whole_site_through_ssh_as_a_user_without_rights(far_site: RealSite) -> None:
    """The map by sudo with exactly the printed lines; OX' tools as they stand on the mail host."""
    converges(far_site)


def test_the_printed_sudoers_lines_allow_nothing_else(far_site: RealSite, postfix: Postfix) -> None:
    """Neither another file nor one more argument: facts/postfix.md section 5."""
    tools = Tools(PostfixSection.model_validate(far_postfix(postfix)))
    user = far_site.sections["ssh"]["mail.example"]["user"]

    def sudo(*argv: str) -> bool:
        # -l asks whether it would be allowed, and does nothing
        done = subprocess.run(["sudo", "-n", "-l", *argv], user=user, capture_output=True, check=False)
        return done.returncode == 0

    assert all(sudo(*argv) for argv in tools.privileged)
    assert not sudo("/usr/bin/tee", "/etc/passwd")
    assert not sudo("/usr/bin/tee", tools.new, "/etc/passwd")
    assert not sudo("/usr/bin/cp", "-pT", tools.path, "/etc/passwd")
    assert not sudo("/usr/sbin/postmap", "-c", str(postfix.config), f"hash:{tools.path}")
    assert not sudo("/bin/sh")
    assert not sudo("/usr/bin/rm", "-f", tools.path)


def test_drift_through_ssh_is_put_right(far_site: RealSite) -> None:
    declare(far_site)
    assert far_site.run("apply", "--yes").status == 0
    far_site.by_hand("UPDATE mailbox SET quota = 512 * 1024000 WHERE username = :a", a=ANNA)
    far_site.postfix.write_by_hand(re.sub("example.org REJECT\n", "", far_site.postfix.map.read_text()))
    assert not far_site.postfix.refuses("x@example.org")
    drifted = far_site.run("drift")
    assert drifted.status == 4
    assert "quota 512 MB → 10240 MB" in drifted.words
    assert "example.org" in drifted.words
    assert far_site.run("apply", "--yes").status == 0
    everything_is_there(far_site)
    assert far_site.run("drift").status == 0


@pytest.mark.parametrize("refused", ["anna@gmx.example", ANNA])
def test_a_mail_that_is_refused_is_said(
    folder: Path, new_sqlite: Callable[[], PostfixAdminDatabase], postfix: Postfix, sink: Sink, refused: str
) -> None:
    """A letter, and a welcome mail: the account stands, the status is 8, and who got nothing is named."""
    site = near(folder, new_sqlite(), postfix, sink)
    site.declare(ANNA_DECLARED)
    sink.refused.add(refused)
    answer = site.run("apply", "--yes")
    assert answer.status == 8
    assert "550 no such user here" in answer.words
    assert site.mailbox(ANNA) is not None
    assert sink.to(refused) == []
