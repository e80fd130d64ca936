"""What the plan says of a domain in PostfixAdmin, and of sub-addresses as targets of aliases."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.site import DOMAIN, StandInSite

TECHNIK, SUB = "technik: {groupware: false, quota: 20 MB}", "liste: [technik+liste]"


def findings(command: Command, *rules: str) -> list[dict[str, Any]]:
    return [f for f in command("plan", "--format", "json").json["findings"] if f["rule"] in rules]


@pytest.mark.parametrize(
    ("change", "rule", "severity", "said"),
    [
        ("active = 0", "domain-off", "warning", "is switched off in PostfixAdmin: mail to its addresses is refused"),
        ("backupmx = 1", "domain-backup-mx", "warning", "only a backup MX"),
        ("mailboxes = 1", "domain-limits", "warning", "2 mailboxes of 1 allowed"),
        ("mailboxes = 2", "domain-limits", "note", "2 mailboxes of 2 allowed"),
        ("aliases = 1", "domain-limits", "note", "1 aliases of 1 allowed"),
        ("aliases = -1", "domain-limits", "warning", "1 aliases of 0 allowed"),
        ("quota = 15", "domain-limits", "warning", "20 MB of quotas of 15 allowed"),
        ("maxquota = 10", "domain-limits", "note", f"20 MB for technik@{DOMAIN} of 10 MB allowed for one mailbox"),
    ],
)
def test_a_domain_is_named_once_with_the_place(
    site: StandInSite, command: Command, change: str, rule: str, severity: str, said: str
) -> None:
    """One mailbox is there, this plan makes one more, and an alias; own aliases of mailboxes do not count."""
    site.add_mailbox(f"alt@{DOMAIN}")
    site.sql(f"UPDATE domain SET {change}")
    site.declare(TECHNIK, "alt: {groupware: false}", aliases=["info: [alt]"])
    (found,) = findings(command, "domain-off", "domain-backup-mx", "domain-limits")
    assert (found["rule"], found["severity"], found["subject"]) == (rule, severity, DOMAIN)
    assert said in found["message"]
    assert "in PostfixAdmin (Domain List, Edit)" in found["hint"]
    assert found["place"]["file"] == "state/state.yaml"


def test_within_its_limits_nothing_is_said(site: StandInSite, command: Command) -> None:
    site.sql("UPDATE domain SET mailboxes = 2, aliases = 2, quota = 40, maxquota = 20")
    site.declare(TECHNIK, aliases=["info: [technik]"])
    assert findings(command, "domain-off", "domain-backup-mx", "domain-limits") == []


def with_delimiter(site: StandInSite, value: str) -> None:
    main = site.folder / "postfix" / "main.cf"
    main.write_text(f"compatibility_level = 3.6\nrecipient_delimiter = {value}\n", encoding="utf-8")


def test_a_sub_address_is_a_target_where_postfix_takes_it(site: StandInSite, command: Command) -> None:
    site.declare(TECHNIK, aliases=[SUB])
    with_delimiter(site, "+")
    checked = command("validate")
    assert "not declared" not in checked.words
    assert f"liste@{DOMAIN} leads to technik+liste@{DOMAIN}, which arrives at technik@{DOMAIN}" in checked.words
    assert findings(command, "dangling-alias", "mail-flow", "sub-address") == []
    assert command("apply", "--yes").status == 0
    shown = command("show", "liste")
    assert "technik, now and after the plan" in shown.out
    assert f"liste@{DOMAIN}" in command("show", f"technik@{DOMAIN}").out
    with_delimiter(site, "")
    (found,) = findings(command, "sub-address")
    assert found["severity"] == "warning"
    assert "mail to it comes back" in found["message"]


def test_without_a_delimiter_it_would_bounce(site: StandInSite, command: Command) -> None:
    site.declare(TECHNIK, aliases=[SUB])
    (found,) = findings(command, "dangling-alias")
    assert found["severity"] == "refusal"
    assert "`+` is not in Postfix' `recipient_delimiter`" in found["message"]
    assert f"write technik@{DOMAIN}" in found["hint"]


def test_a_service_with_a_delimiter_of_its_own_refuses_nothing(site: StandInSite, command: Command) -> None:
    """cleanup takes sub-addresses, main.cf says that nobody does."""
    with_delimiter(site, "")
    master = site.folder / "postfix" / "master.cf"
    master.write_text("cleanup unix n - y - 0 cleanup\n  -o recipient_delimiter=+\n", encoding="utf-8")
    site.declare(TECHNIK, aliases=[SUB])
    (found,) = findings(command, "dangling-alias", "mail-flow", "sub-address")
    assert (found["rule"], found["severity"]) == ("sub-address", "note")


def test_where_postfix_is_not_asked_it_is_said(site: StandInSite, command: Command) -> None:
    site.write(postfix=None)
    site.declare(TECHNIK, aliases=[SUB])
    (found,) = findings(command, "dangling-alias", "mail-flow", "sub-address")
    assert (found["rule"], found["severity"]) == ("sub-address", "note")
    assert "only where Postfix has `recipient_delimiter = +`" in found["message"]
