"""`reconciler letters …`: a letter before it is sent, and those that did not leave."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND_DECLARED, DOMAIN, StandInSite, password_in, today
from tests.cli.test_letters import FROM
from tests.services.smtp import Fault, running_server

LETTER = "anna@gmx.example"


def test_a_preview_is_the_letter_without_its_password(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    shown = command("letters", "preview", "anna.beispiel")
    assert shown.status == 0
    head, _, body = shown.out.partition("\n\n")
    assert command("apply", "--yes").status == 0
    letter = site.letters()[LETTER]
    assert f"Subject: {letter['Subject']}" in head
    assert "To: (the registered address of member 10042)" in head
    assert FROM in head
    sent = letter.get_content().replace(password_in(letter), "XXXXX-XXXXX-XXXXX-XXXXX")
    assert body.split() == sent.split()


@pytest.mark.parametrize("kind", ["account", "renamed", "password", "moved"])
def test_a_preview_changes_nothing_and_needs_no_register(site: StandInSite, command: Command, kind: str) -> None:
    site.declare(ANNA_DECLARED)
    (site.folder / "members.csv").unlink()
    site.fault("down")
    before = site.live()
    shown = command("letters", "preview", ANNA, "--kind", kind)
    assert shown.status == 0
    assert ("XXXXX" in shown.out) is (kind != "moved")
    assert ("no rename to" in shown.err) is (kind in ("renamed", "moved"))
    assert site.live() == before


def test_a_rename_that_is_to_come_is_shown_as_of_its_day(site: StandInSite, command: Command) -> None:
    rename = {"from": "anna.beispiel", "to": "anna.neu", "date": str(today() + timedelta(days=3))}
    site.declare("anna.neu: {given_name: Anna, surname: Neu, member: 10042}", more={"renames": [rename]})
    shown = command("letters", "preview", "anna.neu", "--kind", "renamed")
    assert (shown.status, shown.err) == (0, "")
    assert ANNA in shown.out
    assert f"10042@{DOMAIN}" in shown.out


def test_a_preview_of_a_local_part_that_nobody_has_speaks_of_no_file(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED, "hans@other.example: {groupware: false}")
    answer = command("letters", "preview", "nobody")
    assert answer.status == 2
    assert f"'nobody' has no domain → write the whole address, with one of other.example, {DOMAIN}" in answer.words
    assert "top of the file" not in answer.words


def test_the_sites_own_letter_is_shown(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED, "info: {groupware: false}")
    (site.folder / "mine").mkdir()
    (site.folder / "mine" / "password.de.txt.j2").write_text("Subject: Ahoi {{ name }}\n\n{{ password }}\x1b[2J\n")
    site.write(letters={**site.sections["letters"], "templates": "mine"})
    shown = command("letters", "preview", "anna.beispiel", "--kind", "password")
    assert "Subject: Ahoi Anna Beispiel\n" in shown.out
    assert "\x1b" not in shown.out
    nobody = command("letters", "preview", "info")
    assert (nobody.status, "To: (nobody)" in nobody.out, "no `member`" in nobody.err) == (0, True, True)
    site.write(letters=None)
    assert command("letters", "preview", "info").status == 2


def test_what_is_owed_is_listed_and_drift(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    assert (command("letters", "list").status, command("letters", "list").out) == (0, "")
    said = command("letters", "list", "--format", "markdown")
    assert (said.status, said.out.strip()) == (0, "no letter is owed, and none is uncertain")
    with running_server() as server:
        site.write(letters={"smtp": {"host": server.host, "port": server.port}, "from": FROM})
        server.faults = {Fault.REFUSES_DATA}
        assert command("apply", "--yes").status == 8
        server.faults = set()
        listed = command("letters", "list")
        assert listed.status == 4
        assert re.search(
            rf"the letter `account` of run 1 \({today()} \d\d:\d\d\) is still owed to the owner of {ANNA}", listed.words
        )
        assert "reconciler resume" in listed.words
        assert LETTER not in listed.words
        (finding,) = command("letters", "list", "--format", "json").json["findings"]
        assert (finding["rule"], finding["subject"]) == ("owed-letter", ANNA)
        assert command("drift").status == 4
        assert command("resume", "--yes").status == 0
        assert command("letters", "list").status == 0
        assert command("drift").status == 0


def test_what_may_not_have_arrived_is_listed(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    with running_server() as server:
        site.write(letters={"smtp": {"host": server.host, "port": server.port}, "from": FROM})
        server.faults = {Fault.DROPS_AFTER_DATA}
        assert command("apply", "--yes").status == 8
        listed = command("letters", "list")
        assert (listed.status, f"{ANNA} may not have arrived" in listed.words) == (4, True)
        assert f"password_reset: {today()}" in listed.words
        site.declare(BERND_DECLARED)  # nobody owes a letter for what git does not declare
        assert command("letters", "list").status == 0
