"""What is read: normalised, complete, one moment, nothing written, and never poisoned by a hand-made row."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow
from reconciler.planning.finding import Severity
from reconciler.systems.postfixadmin.observe import observe
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import changes_of, records_of, review_of
from tests.systems.postfixadmin.support import (
    ANNA,
    DOMAIN,
    VORSTAND,
    alias,
    alias_in,
    apply,
    by_hand,
    closing,
    insert_alias,
    insert_mailbox,
    mailbox,
    mailbox_in,
    make_system,
    rows,
    state,
)


@pytest.fixture
def database(pfa_database: PostfixAdminDatabase) -> PostfixAdminDatabase:
    """One domain."""
    pfa_database.add_domain(DOMAIN)
    return pfa_database


async def test_values_that_mean_the_same_are_equal(database: PostfixAdminDatabase) -> None:
    """Case, spaces, order, duplicates, Unicode form and whole MB are no drift."""
    insert_mailbox(database, "Anna.Beispiel@Pirat.alt", "  Anna\u00a0 A\u0308ngstro\u0308m ", 10737418240)
    insert_alias(database, "anna.beispiel@PIRAT.alt", f"B@x.example, {ANNA.upper()},b@x.example,,")
    system = make_system(database)
    with closing(system):
        found = await records_of(system)
        # keys, too, where the collation finds them; elsewhere a look-up of Postfix or Dovecot does not
        odd = database.backend != "mysql"
        box, own = ("Anna.Beispiel@Pirat.alt", "anna.beispiel@PIRAT.alt") if odd else ("", "")
        assert mailbox_in(found) == (ANNA, "", "Anna Ängström", 10486, True, False, False, box)
        assert alias_in(found, ANNA) == AliasRow(ANNA, "", (ANNA, "b@x.example"), True, spelling=own)
        # so a declaration of the same is in place, and nothing is written for the sake of how a field is spelt
        planned = await changes_of(system, state(mailbox(name="Anna Ängström", quota=10486)))
        assert {name for change in planned for name, *_ in change.fields()} == ({"spelling"} if odd else set())


# what Postfix and Dovecot ask, from PostfixAdmin's own documents (facts/postfixadmin.md 12)
LOOK_UPS = (
    "SELECT goto FROM alias WHERE address = '{key}' AND active = {yes}",
    "SELECT maildir FROM mailbox WHERE username = '{key}' AND active = {yes}",
    "SELECT username, password FROM mailbox WHERE username = '{key}' AND active = {yes}",
)


async def test_what_no_look_up_finds_is_stored_as_it_is_looked_up(database: PostfixAdminDatabase) -> None:
    """With its domain column, which is a foreign key in PostgreSQL; maildir and password stay."""
    insert_mailbox(database, "Anna.Beispiel@pirat.alt", "Anna", 10737418240)
    insert_alias(database, " anna.beispiel@pirat.alt", ANNA)
    by_hand(database, "UPDATE mailbox SET maildir = 'pirat.alt/Anna/'")
    by_hand(database, "INSERT INTO quota2 (username, bytes, messages) VALUES ('Anna.Beispiel@pirat.alt', 7, 1)")
    yes = "true" if database.backend == "postgresql" else "1"
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox(name="Anna", quota=10486)))
        assert await changes_of(system, state(mailbox(name="Anna", quota=10486))) == []
    for look_up in LOOK_UPS:
        assert len(rows(database, look_up.format(key=ANNA, yes=yes))) == 1, look_up
    assert [row["maildir"] for row in rows(database, "SELECT maildir FROM mailbox")] == ["pirat.alt/Anna/"]
    assert len(rows(database, f"SELECT bytes FROM quota2 WHERE username = '{ANNA}' AND bytes = 7")) == 1


async def test_quota_zero_and_minus_one_are_kept(database: PostfixAdminDatabase) -> None:
    """facts 8: unlimited and disabled; and 500000 bytes, which the web form makes unlimited, is not."""
    for name, quota in {"null": 0, "aus": -1, "klein": 500000}.items():
        insert_mailbox(database, f"{name}@pirat.alt", quota=quota)
    system = make_system(database)
    with closing(system):
        found = await records_of(system)
    quotas = [mailbox_in(found, f"{name}@pirat.alt").quota for name in ("null", "aus", "klein")]
    assert quotas == [0, -1, 1]


async def test_a_catch_all_has_one_key(database: PostfixAdminDatabase) -> None:
    """facts 6: `*@d` is stored as `@d`."""
    assert database.cli("alias", "add", "*@pirat.alt", "--goto", ANNA).returncode == 0
    system = make_system(database)
    with closing(system):
        assert alias_in(await records_of(system), "*@pirat.alt").goto == (ANNA,)
        assert await changes_of(system, state(alias("*@pirat.alt", ANNA))) == []


async def test_the_pseudo_domain_is_no_domain(database: PostfixAdminDatabase) -> None:
    """facts 1: setup.php makes a row `ALL`."""
    by_hand(database, "INSERT INTO domain (domain, description, transport) VALUES ('ALL', '', '')")
    assert database.cli("domain", "add", "andere.example", "--default-aliases", "0").returncode == 0
    linked = database.cli("aliasdomain", "add", "andere.example", "--target-domain", DOMAIN)
    assert linked.returncode == 0, linked.stdout + linked.stderr
    system = make_system(database)
    with closing(system):
        found = await records_of(system)
    assert found["domain"] == {name: DomainRow(name, True) for name in (DOMAIN, "andere.example")}
    assert found["alias_domain"] == {"andere.example": AliasDomainRow("andere.example", DOMAIN, True)}


async def test_a_row_outside_ascii_is_nobodys_and_poisons_nothing(database: PostfixAdminDatabase) -> None:
    """facts 13.2: `é` fits into latin1, `ł` into no WHERE on these columns; we ask for neither."""
    insert_mailbox(database, "andré@pirat.alt")
    insert_alias(database, "andré@pirat.alt", "andré@pirat.alt,é@x.example")
    system = make_system(database)
    with closing(system):
        found = await records_of(system)
        assert "andré@pirat.alt" in found["mailbox"]
        outcomes = await apply(system, state(mailbox("andre@pirat.alt"), alias(VORSTAND, "andre@pirat.alt")))
    assert len(outcomes) == 4
    assert len(rows(database, "SELECT username FROM mailbox")) == 2


async def test_a_zero_date_does_not_hurt(mariadb: PostfixAdminDatabase) -> None:
    """facts 13.7: PyMySQL returns it as text, so no date is read."""
    mariadb.add_domain(DOMAIN)
    insert_mailbox(mariadb, ANNA)
    by_hand(mariadb, "SET sql_mode = ''", "UPDATE mailbox SET created = 0, modified = 0, token_validity = 0")
    assert rows(mariadb, "SELECT created FROM mailbox") == [{"created": "0000-00-00 00:00:00"}]
    system = make_system(mariadb)
    with closing(system):
        await apply(system, state(mailbox(quota=3)))
    assert rows(mariadb, "SELECT quota FROM mailbox") == [{"quota": 3 * 1024000}]


@pytest.mark.parametrize("first", [ANNA, "Anna.Beispiel@pirat.alt"])
async def test_two_rows_of_one_address_are_reported_and_the_canonical_one_counts(
    request: pytest.FixtureRequest, first: str
) -> None:
    """facts 3: both can live where case matters; Postfix and PostfixAdmin see the lower-case one only."""
    for backend in ("postgresql", "sqlite"):
        database: PostfixAdminDatabase = request.getfixturevalue(f"new_{backend}")()
        database.add_domain(DOMAIN)
        second = "Anna.Beispiel@pirat.alt" if first == ANNA else ANNA
        insert_mailbox(database, first, quota=1024000 if first == ANNA else 0)
        insert_mailbox(database, second, quota=1024000 if second == ANNA else 0)
        system = make_system(database)
        with closing(system):
            found = await system.observe()
            assert mailbox_in(found.records).quota == 1
            (finding,) = review_of(system, state(mailbox()), found)
            assert (finding.severity, finding.rule, finding.subject) == (Severity.WARNING, "twice-live", ANNA)
            assert "'Anna.Beispiel@pirat.alt'" in finding.message
            planned = await changes_of(system, state(mailbox(quota=1)))
            assert [change.kind for change in planned] == ["alias"], "the mailbox is as it is wanted"
            await apply(system, state(mailbox(quota=2)))
        stored = rows(database, "SELECT username, quota FROM mailbox ORDER BY quota")
        assert [tuple(r.values()) for r in stored] == [("Anna.Beispiel@pirat.alt", 0), (ANNA, 2 * 1024000)]


async def test_an_own_alias_without_its_mailbox_is_reported(database: PostfixAdminDatabase) -> None:
    """facts 5.7: left over, or in flight; never adopted."""
    insert_alias(database, "halb@pirat.alt", "halb@pirat.alt")
    system = make_system(database)
    with closing(system):
        found = await system.observe()
        (finding,) = review_of(system, state(), found)
        assert (finding.severity, finding.rule, finding.subject) == (Severity.NOTE, "leftover-alias", "halb@pirat.alt")
        assert list(review_of(system, state(mailbox("halb@pirat.alt")), found)) == []


async def test_reading_sees_one_moment(database: PostfixAdminDatabase) -> None:
    """A mailbox that PostfixAdmin makes between our statements is there with both rows or with none (facts 14)."""
    system = make_system(database)
    made = threading.Event()

    def add_after_the_first_table(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        # SQLite's journal lets nobody write while we read, which is one moment as well
        if "FROM alias" in statement and not made.is_set() and database.backend != "sqlite":
            made.set()
            added = database.cli("mailbox", "add", ANNA, "--password", "abcd-2345", "--password2", "abcd-2345")
            assert added.returncode == 0

    event.listen(system._database._reading, "before_cursor_execute", add_after_the_first_table)
    with closing(system):
        found = await records_of(system)
        assert made.is_set() == (database.backend != "sqlite")
        assert (found["alias"], found["mailbox"]) == ({}, {})


async def test_nothing_can_be_written_while_reading(database: PostfixAdminDatabase) -> None:
    """`plan` and `drift` read only; the database itself says so."""
    system = make_system(database)

    def try_to_write() -> None:
        with system._database.snapshot() as connection:
            observe(connection, system._database.tables, 1)
            with pytest.raises(DBAPIError, match=r"(?i)read.?only"):
                connection.execute(text("DELETE FROM mailbox"))

    with closing(system):
        await asyncio.to_thread(try_to_write)


@pytest.mark.parametrize("count", [0, 3000])
async def test_the_number_of_statements_does_not_depend_on_the_number_of_rows(
    database: PostfixAdminDatabase, count: int
) -> None:
    fill(database, count)
    system = make_system(database)
    statements: list[str] = []

    def note(_connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(system._database._reading, "before_cursor_execute", note)
    with closing(system):
        found = await records_of(system)
    assert len(found["mailbox"]) == count
    assert len(statements) == {"mysql": 15, "postgresql": 14, "sqlite": 13}[database.backend], statements


def fill(database: PostfixAdminDatabase, count: int) -> None:
    """Mailboxes in bulk."""
    engine = database.engine()
    query = text(
        "INSERT INTO mailbox (username, password, name, maildir, local_part, domain) VALUES (:u, '', '', '', '', :d)"
    )
    with engine.begin() as connection:
        if count:
            connection.execute(query, [{"u": f"konto{i}@pirat.alt", "d": DOMAIN} for i in range(count)])
    engine.dispose()
