"""A rename that somebody did by hand, but for details: put right without a new password (docs/rename.md)."""

from __future__ import annotations

from reconciler.sandbox.openxchange import control
from reconciler.sandbox.openxchange.bulk import import_users
from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, DOMAIN, StandInSite, today

MUSTER = f"anna.muster@{DOMAIN}"
AWAY = "autoreply.example"


def test_what_is_still_wrong_is_put_right_without_a_new_password_and_without_a_letter(
    site: StandInSite, command: Command
) -> None:
    token = f"anna.muster#{DOMAIN}@{AWAY}"
    site.write(postfixadmin={**site.sections["postfixadmin"], "vacation_domain": AWAY})
    site.add_mailbox(ANNA, name="Anna Beispiel")
    site.add_mailbox(MUSTER, f"{ANNA},{token}", name="Anna Beispiel ehem. Muster")
    site.sql("INSERT INTO vacation (email, subject, body, domain) VALUES (?, 'Urlaub', 'weg', ?)", MUSTER, DOMAIN)
    site.add_alias(f"10042@{DOMAIN}", ANNA)
    user = {"Name": "anna.beispiel", "Display_name": "Anna Beispiel", "Given_name": "Anna", "Sur_name": "Beispiel"}
    addresses = {"PrimaryEmail": ANNA, "Email1": ANNA, "ImapLogin": ANNA, "Aliases": f"{MUSTER},{ANNA}"}
    import_users(site.ox, [{**user, **addresses, "DefaultSenderAddress": MUSTER, "Password": "chosen-by-hand"}])
    renamed = {"from": "anna.muster", "to": "anna.beispiel", "date": f"{today()}", "former_surname": "Muster"}
    site.declare(ANNA_DECLARED, more={"renames": [renamed]})
    planned = command("plan")
    assert planned.status == 4, planned.words
    assert "new password" not in planned.words
    done = command("apply", "--yes")
    assert done.status == 0, done.words
    (there,) = (user for user in control.users(site.ox) if user.fields["Name"] == "anna.beispiel")
    assert there.fields["DefaultSenderAddress"] == ANNA
    assert site.goto(ANNA) == f"anna.beispiel#{DOMAIN}@{AWAY},{ANNA}"
    assert [row["email"] for row in site.sql("SELECT email FROM vacation")] == [ANNA]
    assert control.check_password(site.ox, "anna.beispiel", "chosen-by-hand")
    assert [row["password"] for row in site.sql("SELECT password FROM mailbox")] == ["{x}y"] * 2
    assert site.letters() == {}
    assert command("plan").status == 0
