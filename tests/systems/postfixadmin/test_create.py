"""A mailbox that we make is the one that PostfixAdmin would make, and PostfixAdmin can work with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from reconciler.planning.changes import Result
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import NO_PLAN, steps_of
from tests.systems.postfixadmin.support import (
    ANNA,
    DOMAIN,
    MEMBER,
    PASSWORD,
    VORSTAND,
    Outbox,
    alias,
    apply,
    by_hand,
    closing,
    mailbox,
    make_system,
    results,
    rows,
    state,
)

THEIRS = "klaus@pirat.alt"
CLOCKS = ("created", "modified", "token_validity", "password_expiry")
MAILBOX = "SELECT * FROM mailbox WHERE username = :key"
ALIAS = "SELECT * FROM alias WHERE address = :key"


@pytest.fixture
def database(pfa_database: PostfixAdminDatabase) -> PostfixAdminDatabase:
    """One domain, whose passwords last 365 days."""
    pfa_database.add_domain(DOMAIN)
    return pfa_database


def add_by_postfixadmin(database: PostfixAdminDatabase, *options: str) -> None:
    password = ("--password", PASSWORD, "--password2", PASSWORD, "--welcome-mail", "0")
    done = database.cli("mailbox", "add", THEIRS, *password, *options)
    assert done.returncode == 0, done.stdout + done.stderr


def same(row: dict[str, Any], key: str) -> dict[str, Any]:
    """Without the hash and the clocks, and with one address for both."""
    local = key.partition("@")[0]
    return {
        name: value.replace(key, "KEY").replace(local, "LOCAL") if isinstance(value, str) else value
        for name, value in row.items()
        if name not in {"password", *CLOCKS}
    }


def as_time(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


async def test_every_column_is_what_postfixadmin_writes(database: PostfixAdminDatabase) -> None:
    """facts/postfixadmin.md 5.2: both rows, on every backend."""
    add_by_postfixadmin(database, "--name", "Anna Ängström", "--quota", "10240", "--active", "1")
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox(name="Anna Ängström", quota=10240)))
    for query in (MAILBOX, ALIAS):
        (theirs,), (ours,) = rows(database, query, key=THEIRS), rows(database, query, key=ANNA)
        assert same(ours, ANNA) == same(theirs, THEIRS)


async def test_clocks_are_written_as_postfixadmin_writes_them(database: PostfixAdminDatabase) -> None:
    """facts 3, 5.2: the same form, and the same time within this test's minute (expiry in whole minutes)."""
    add_by_postfixadmin(database)
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox()))
    (theirs,), (ours,) = rows(database, MAILBOX, key=THEIRS), rows(database, MAILBOX, key=ANNA)
    for column in CLOCKS:
        assert type(ours[column]) is type(theirs[column])
        assert len(str(ours[column])) == len(str(theirs[column])) or database.backend == "postgresql", column
        assert abs(as_time(ours[column]) - as_time(theirs[column])) < timedelta(minutes=2), column
    assert as_time(ours["password_expiry"]).second == 0


async def test_log_rows_have_postfixadmins_actions_and_our_name(database: PostfixAdminDatabase) -> None:
    """facts 5.2, 5.6: create_alias before create_mailbox; the member alias is one more alias."""
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox(member="10042")))
        await apply(system, state(mailbox(member="10042", quota=1), alias("*@pirat.alt", ANNA)))
    query = "SELECT username, domain, action, data FROM log WHERE username LIKE 'reconciler (%)' ORDER BY id"
    assert [(r["domain"], r["action"], r["data"]) for r in rows(database, query)] == [
        (DOMAIN, "create_alias", ANNA),
        (DOMAIN, "create_alias", MEMBER),
        (DOMAIN, "create_mailbox", ANNA),
        (DOMAIN, "edit_mailbox", ANNA),
        (DOMAIN, "create_alias", "@pirat.alt"),
    ]


async def test_postfixadmin_can_view_edit_and_delete_it(database: PostfixAdminDatabase) -> None:
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox(name="Anna Beispiel", quota=512), alias(VORSTAND, ANNA)))
    viewed = database.cli("mailbox", "view", ANNA)
    assert "Anna Beispiel" in viewed.stdout
    assert "512" in viewed.stdout
    edited = database.cli("mailbox", "update", ANNA, "--name", "Anna Anders", "--active", "0")
    assert edited.returncode == 0, edited.stdout + edited.stderr
    (row,) = rows(database, MAILBOX, key=ANNA)
    assert (row["name"], row["quota"], bool(row["active"])) == ("Anna Anders", 512 * 1024000, False)
    assert database.cli("alias", "update", VORSTAND, "--goto", "x@extern.example").returncode == 0
    deleted = database.cli("mailbox", "delete", ANNA)
    assert deleted.returncode == 0, deleted.stdout + deleted.stderr
    assert rows(database, MAILBOX, key=ANNA) == rows(database, ALIAS, key=ANNA) == []


@pytest.mark.parametrize("days", [0, 30])
async def test_password_expiry_is_now_plus_the_domains_days(database: PostfixAdminDatabase, days: int) -> None:
    """facts 16.2: with 0 days it is now, which means "never" to the look-ups (facts 12)."""
    by_hand(database, "UPDATE domain SET password_expiry = :days", days=days)
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox()))
    (row,) = rows(database, MAILBOX, key=ANNA)
    lasting = as_time(row["password_expiry"]) - as_time(row["created"])
    assert timedelta(days=days, minutes=-2) < lasting <= timedelta(days=days)


async def test_the_sites_multiplier_and_maildir_are_used(database: PostfixAdminDatabase) -> None:
    """facts 5.2, 8: they are in PostfixAdmin's configuration, not in its database."""
    system = make_system(database, quota_multiplier=1048576, maildir="{domain}/{address}/")
    with closing(system):
        await apply(system, state(mailbox(quota=10240)))
    (row,) = rows(database, MAILBOX, key=ANNA)
    assert row["quota"] == 10737418240
    assert row["maildir"] == f"pirat.alt/{ANNA}/"


async def test_unlimited_is_stored_as_zero(database: PostfixAdminDatabase) -> None:
    """facts 5.2."""
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox(quota=0)))
    assert rows(database, MAILBOX, key=ANNA)[0]["quota"] == 0


async def test_columns_of_postfixadmin_4_keep_their_defaults(database: PostfixAdminDatabase) -> None:
    """facts 4, 16.2: smtp_active and totp_secret are not ours; nor are columns that a site added (11)."""
    by_hand(
        database,
        "ALTER TABLE mailbox ADD COLUMN totp_secret varchar(255) NULL",
        "ALTER TABLE mailbox ADD COLUMN smtp_active smallint NOT NULL DEFAULT 1",
        "ALTER TABLE alias ADD COLUMN description varchar(255) NOT NULL DEFAULT ''",
        "ALTER TABLE mailbox ADD COLUMN x_site varchar(10) NOT NULL DEFAULT 'x'",
        "UPDATE config SET value = '1856' WHERE name = 'version'",
    )
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox(member="10042")))
        await apply(system, state(mailbox(member="10042", quota=3)))
    (row,) = rows(database, MAILBOX, key=ANNA)
    assert (row["totp_secret"], row["smtp_active"], row["x_site"]) == (None, 1, "x")


async def test_a_domain_that_postfixadmin_lacks_stops_its_account_only(database: PostfixAdminDatabase) -> None:
    """Without foreign keys an orphan would be stored (facts 2); the hint says what to run."""
    outbox = Outbox()
    system = make_system(database, outbox)
    with closing(system):
        planned = await steps_of(system, state(mailbox("ida@fehlt.example"), mailbox()))
        outcomes = {s.id: o for s, o in zip(planned, await system.perform(NO_PLAN, planned), strict=True)}
    refused = outcomes["postfixadmin/mailbox/create/ida@fehlt.example"]
    assert refused.result is Result.FAILED
    assert "postfixadmin-cli domain add fehlt.example" in refused.hint
    assert outcomes["postfixadmin/welcome_mail/create/ida@fehlt.example"].result is Result.NOT_TRIED
    assert outcomes[f"postfixadmin/mailbox/create/{ANNA}"].result is Result.DONE
    assert rows(database, "SELECT address FROM alias") == [{"address": ANNA}]
    assert [message["To"] for message in outbox.messages] == [ANNA]


async def test_a_leftover_alias_of_a_failed_add_does_not_stop_us(database: PostfixAdminDatabase) -> None:
    """facts 5.7: PostfixAdmin itself refuses the address for ever after."""
    failed = database.cli("mailbox", "add", ANNA, "--password", PASSWORD, "--password2", PASSWORD, "--name", "x" * 300)
    query = "INSERT INTO alias (address, goto, domain) VALUES (:key, :key, 'pirat.alt')"
    if not rows(database, ALIAS, key=ANNA):  # SQLite stores the long name
        assert failed.returncode == 0 or database.backend != "mysql"
        by_hand(database, query, key=ANNA)
    by_hand(database, "DELETE FROM mailbox")
    system = make_system(database)
    with closing(system):
        outcomes = await apply(system, state(mailbox()))
    assert results(outcomes) == [Result.DONE, Result.DONE]  # the mailbox and its welcome mail
    assert len(rows(database, MAILBOX, key=ANNA)) == 1
