"""What we wrote must suit the programs that share it: PostfixAdmin's command line, Dovecot, smtpd."""

from __future__ import annotations

import pytest

from reconciler.sandbox.openxchange import control
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN
from tests.integration.sites import RealSite
from tests.services.mail import running_dovecot, sql_passwords

CLARA = f"clara.probe@{DOMAIN}"
CLARA_DECLARED = "clara.probe: {given_name: Clara, surname: Probe, member: 10111}"
PASSWORD_QUERY = "SELECT username AS user, password FROM mailbox WHERE username = '%u' AND active = '1'"
"""facts/postfixadmin.md section 12."""


def cli(site: RealSite, *arguments: str) -> str:
    """PostfixAdmin's own command line on the site's database; it must succeed."""
    done = site.database.cli(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_postfixadmin_shows_edits_and_deletes_what_we_made(site: RealSite) -> None:
    """And the next plan sees what it did: an edit is drift, a deleted mailbox is made anew with a new letter."""
    site.declare(ANNA_DECLARED, BERND_DECLARED, aliases=["vorstand: [anna.beispiel]"])
    assert site.run("apply", "--yes").status == 0
    assert ANNA in cli(site, "mailbox", "view", ANNA)
    assert ANNA in cli(site, "alias", "view", f"vorstand@{DOMAIN}")
    first = site.password_of("anna@gmx.example")

    cli(site, "mailbox", "update", ANNA, "--name", "Somebody Else")
    cli(site, "alias", "update", f"vorstand@{DOMAIN}", "--goto", "x@extern.example")
    planned = site.run("plan")
    assert planned.status == 4
    assert "Somebody Else" in planned.words
    assert "x@extern.example" in planned.words
    assert site.run("apply", "--yes").status == 0
    assert site.goto(f"vorstand@{DOMAIN}") == ANNA
    assert site.password_of("anna@gmx.example") == first
    assert site.run("plan").status == 0

    cli(site, "mailbox", "delete", ANNA)
    assert site.mailbox(ANNA) is None
    planned = site.run("plan", "--format", "json")
    assert planned.status == 4
    (anna,) = planned.json["transitions"]
    assert "openxchange/password/update/" + ANNA in {step["id"] for step in anna["steps"]}  # where Anna still is
    assert site.run("apply", "--yes").status == 0
    again = site.password_of("anna@gmx.example")
    assert again != first
    assert site.opens(ANNA, "anna.beispiel", again) == (True, True)
    assert site.run("plan").status == 0


def test_dovecot_and_ox_let_in_with_the_password_of_the_letter(site: RealSite) -> None:
    """All three schemes, by PostfixAdmin's documented query, in one Dovecot."""
    members = site.folder / "members.csv"
    members.write_text(members.read_text(encoding="utf-8") + "10111,active,clara@gmx.example,Clara,Probe\n")
    people = {
        "SHA512-CRYPT": (ANNA, ANNA_DECLARED, "anna@gmx.example"),
        "BLF-CRYPT": (BERND, BERND_DECLARED, "bernd@gmx.example"),
        "ARGON2ID": (CLARA, CLARA_DECLARED, "clara@gmx.example"),
    }
    declared: list[str] = []
    for scheme, (address, entry, _) in people.items():
        site.write(postfixadmin={**site.sections["postfixadmin"], "password_scheme": scheme})
        declared.append(entry)
        site.declare(*declared)
        assert site.run("apply", "--yes").status == 0
        box = site.mailbox(address)
        assert box is not None
        assert box["password"].startswith(f"{{{scheme}}}")
    with running_dovecot(sql_passwords(site.database.full_url, PASSWORD_QUERY)) as dovecot:
        for address, _, private in people.values():
            password = site.password_of(private)
            assert dovecot.lets_in(address, password), address
            assert not dovecot.lets_in(address, password[:-1]), address
            assert control.check_password(site.ox, address.partition("@")[0], password)
        # one that somebody types, of every kind of sign, as long as one may be
        typed = r"""Wal 87 "x'y" \ {}()[]<>|&;$`!?*#%@^~+=,.:/-_""".ljust(72, "z")
        site.write(postfixadmin={**site.sections["postfixadmin"], "password_scheme": "BLF-CRYPT"})
        answer = site.pipe(f"{typed}\n".encode(), "password", CLARA)
        assert answer.status == 0, answer
        assert dovecot.lets_in(CLARA, typed)
        assert not dovecot.lets_in(CLARA, typed[:-1])
        assert not dovecot.lets_in(CLARA, site.password_of("clara@gmx.example"))
        assert control.check_password(site.ox, CLARA.partition("@")[0], typed)
        # switched off by us, shut out by Dovecot
        site.declare(*declared[:-1], CLARA_DECLARED.replace("}", ", active: false}"))
        assert site.run("apply", "--yes").status == 0
        assert not dovecot.lets_in(CLARA, site.password_of("clara@gmx.example"))


def test_smtpd_refuses_what_is_declared_and_nothing_else(quick_site: RealSite) -> None:
    """The wiki's `@domain` never matches: reported where somebody wrote it by hand, and not what we write."""
    site = quick_site
    site.postfix.write_by_hand("@trap.example REJECT\nhand@made.example REJECT\n")
    site.declare(blocks=["domain: example.org, reason: spam", "sender: spam@example.net, reason: phishing"])
    planned = site.run("plan", "--format", "json")
    assert planned.status == 4
    (note,) = (f for f in planned.json["findings"] if f["rule"] == "unmanaged-line-never-matches")
    assert "write `trap.example`" in note["hint"]
    assert site.run("apply", "--yes").status == 0
    for sender in ("a@example.org", "A@Deep.Sub.EXAMPLE.org", "spam@example.net", "hand@made.example"):
        assert site.postfix.refuses(sender), sender
    for sender in ("a@trap.example", "a@notexample.org", "ham@example.net", "a@example.org.test"):
        assert not site.postfix.refuses(sender), sender
    # the domain that the trap meant, declared; two at once go
    site.write(policy={"limits": {"removals": {"number": 5, "at_least": 5, "share": 1}}})
    site.declare(blocks=["domain: trap.example, reason: as the wiki meant it"])
    assert site.run("apply", "--yes").status == 0
    assert site.postfix.refuses("a@trap.example")
    assert not site.postfix.refuses("a@example.org")  # its entry is gone
    assert site.postfix.refuses("hand@made.example")
    assert "@trap.example REJECT\nhand@made.example REJECT\n" in site.postfix.map.read_text()
    assert site.run("plan").status == 0


@pytest.mark.parametrize(
    "goto", ["x@extern.example", f"{ANNA},x@extern.example", f"{ANNA},anna.beispiel#pirat.alt@autoreply.example"]
)
def test_what_users_set_themselves_is_theirs(site: RealSite, goto: str) -> None:
    """A forward, a copy, a vacation token, set in PostfixAdmin: no drift, and kept when the account changes."""
    site.declare(ANNA_DECLARED)
    assert site.run("apply", "--yes").status == 0
    site.by_hand("UPDATE alias SET goto = :goto WHERE address = :a", goto=goto, a=ANNA)
    assert site.run("drift").status == 0
    site.declare(ANNA_DECLARED.replace("quota: 10240 MB", "quota: 20480 MB, active: false"))
    assert site.run("apply", "--yes").status == 0
    assert site.goto(ANNA) == goto
    box = site.mailbox(ANNA)
    assert box is not None
    assert (box["quota"], bool(box["active"])) == (20480 * 1024000, False)


def test_a_password_that_a_user_changed_stays(site: RealSite) -> None:
    """Only an account that is made gets a password; nothing else ever sets one."""
    site.declare(ANNA_DECLARED)
    assert site.run("apply", "--yes").status == 0
    cli(site, "mailbox", "update", ANNA, "--password", "their-own-4711", "--password2", "their-own-4711")
    theirs = site.mailbox(ANNA)
    site.declare(ANNA_DECLARED.replace("quota: 10240 MB", "quota: 20480 MB, name: Anna B."))
    assert site.run("apply", "--yes").status == 0
    ours = site.mailbox(ANNA)
    assert theirs is not None
    assert ours is not None
    assert ours["password"] == theirs["password"]
    assert ours["quota"] != theirs["quota"]
    assert len(site.sink.to("anna@gmx.example")) == 1
