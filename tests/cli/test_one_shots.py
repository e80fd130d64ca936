"""`password_reset` in the entry of an account that is only being made, through the command."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command
from tests.cli.site import ANNA_DECLARED, StandInSite, password_in


def test_a_new_account_has_its_password_and_advice_that_works(site: StandInSite, command: Command) -> None:
    """One password and one letter; afterwards the date is over, and the advice is not to write it again."""
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    site.declare(ANNA_DECLARED.replace("}", f", password_reset: {today}}}"))
    assert "missed" not in command("plan").words
    assert command("apply", "--yes").status == 0
    password = password_in(site.letters()["anna@gmx.example"])
    document = command("plan", "--format", "json")
    assert document.status == 0, document.words
    (finding,) = [f for f in document.json["findings"] if f["rule"] == "missed"]
    assert f"the account was made on {today}" in finding["message"]
    assert finding["hint"].startswith(f"write `password_reset: {today + timedelta(days=1)}` to have it done then")
    assert command("apply", "--yes").status == 0
    assert password_in(site.letters()["anna@gmx.example"]) == password
    (advice,) = re.findall("`(password_reset: .*)`", finding["hint"])
    site.declare(ANNA_DECLARED.replace("}", f", {advice}}}"))
    document = command("plan", "--format", "json")
    assert [f["message"] for f in document.json["findings"] if f["rule"] == "one-shot"]


def test_a_reset_is_done_once_for_its_date(site: StandInSite, command: Command) -> None:
    day = datetime.now(ZoneInfo("Europe/Berlin")).date()
    site.declare(ANNA_DECLARED)
    assert command("apply", "--yes").status == 0
    first = password_in(site.letters()["anna@gmx.example"])
    site.declare(ANNA_DECLARED.replace("}", f", password_reset: {day}}}"))
    assert command("apply", "--yes").status == 0
    second = password_in(site.letters()["anna@gmx.example"])
    assert second != first
    written = sorted((site.folder / "outbox").iterdir())
    for words in (("plan",), ("apply", "--yes"), ("resume", "--yes")):
        assert command(*words).status == 0
    assert sorted((site.folder / "outbox").iterdir()) == written
    assert control.check_password(site.ox, "anna.beispiel", second)
