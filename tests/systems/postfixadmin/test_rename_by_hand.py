"""A rename that somebody began by hand, after any of the wiki's steps: exactly the rest is done
(docs/rename-invariants.md, invariant 4).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from itertools import chain, combinations

import pytest

from reconciler.planning.changes import Result
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from tests.model_of_postfix import assert_reachable
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import NO_PLAN, changes_of, records_of, steps_of
from tests.systems.postfixadmin.people import ADDRESSES, FORWARD, NEW, OLD, as_before, dump, forwards, renamed
from tests.systems.postfixadmin.support import (
    MEMBER,
    Outbox,
    apply,
    by_hand,
    closing,
    kinds,
    make_system,
    results,
    rows,
)


def make_the_new_mailbox(database: PostfixAdminDatabase) -> None:
    """Step 1, by PostfixAdmin itself."""
    secret = ("--password", "other-45", "--password2", "other-45")
    done = database.cli("mailbox", "add", NEW, *secret, "--quota", "512", "--name", "Anna Beispiel")
    assert done.returncode == 0, done.stdout + done.stderr


def lead_the_number_there(database: PostfixAdminDatabase) -> None:
    """Step 2."""
    by_hand(database, "UPDATE alias SET goto = :new WHERE address = :key", new=NEW, key=MEMBER)


def lead_the_old_address_there(database: PostfixAdminDatabase) -> None:
    """Step 3."""
    by_hand(database, "UPDATE alias SET goto = :new WHERE address = :key", new=NEW, key=OLD)


def name_the_old_mailbox(database: PostfixAdminDatabase) -> None:
    """Step 4."""
    by_hand(database, "UPDATE mailbox SET name = 'Anna Beispiel ehem. Muster' WHERE username = :key", key=OLD)


def one_password(database: PostfixAdminDatabase) -> None:
    """Step 5: nobody can see it."""
    by_hand(database, "UPDATE mailbox SET password = '{PLAIN}other-45'")


ByHand = Callable[[PostfixAdminDatabase], None]
WIKI: tuple[ByHand, ...] = (
    make_the_new_mailbox,
    lead_the_number_there,
    lead_the_old_address_there,
    name_the_old_mailbox,
    one_password,
)
SUBSETS = list(chain.from_iterable(combinations(WIKI, count) for count in range(len(WIKI) + 1)))
CHANGES: dict[ByHand, set[str]] = {
    make_the_new_mailbox: {f"create alias {NEW}", f"create mailbox {NEW}"},
    lead_the_number_there: {f"update alias {MEMBER}"},
    lead_the_old_address_there: {f"update alias {OLD}"},
    name_the_old_mailbox: {f"update mailbox {OLD}"},
    one_password: set(),
}


@pytest.fixture
def database(new_sqlite: Callable[[], PostfixAdminDatabase]) -> PostfixAdminDatabase:
    """What is planned is the same on every backend, and 32 subsets are many."""
    return new_sqlite()


@pytest.fixture
async def system(database: PostfixAdminDatabase) -> AsyncIterator[PostfixAdminSystem]:
    """Anna under the old name."""
    system = make_system(database, Outbox())
    await as_before(database, system)
    with closing(system):
        yield system


@pytest.mark.parametrize("done", SUBSETS, ids=lambda done: "-".join(str(WIKI.index(s) + 1) for s in done) or "none")
async def test_exactly_the_rest_is_done(
    database: PostfixAdminDatabase,
    system: PostfixAdminSystem,
    done: tuple[ByHand, ...],
) -> None:
    for step in done:
        step(database)
    rest: set[str] = set().union(*(CHANGES[step] for step in WIKI if step not in done))
    assert set(kinds(await changes_of(system, renamed()))) == rest
    if rest:
        await apply(system, renamed())
    assert await changes_of(system, renamed()) == []
    tables = dump(database)
    assert {r["address"]: r["goto"] for r in tables["alias"]} == {NEW: NEW, OLD: NEW, MEMBER: NEW}
    assert {r["username"]: r["name"] for r in tables["mailbox"]} == {
        NEW: "Anna Beispiel",
        OLD: "Anna Beispiel ehem. Muster",
    }
    assert_reachable(await records_of(system), ADDRESSES, (NEW, OLD))


async def test_an_alias_of_their_own_becomes_the_new_own_alias(
    database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    """A rename whose target exists as an alias of the same account; left so it would be a loop."""
    by_hand(
        database,
        "INSERT INTO alias (address, goto, domain) VALUES (:new, :goto, 'pirat.alt')",
        new=NEW,
        goto=f"{OLD},{FORWARD}",
    )
    await apply(system, renamed())
    aliases = {r["address"]: set(r["goto"].split(",")) for r in dump(database)["alias"]}
    assert (aliases[NEW], aliases[OLD]) == ({NEW, FORWARD}, {NEW})
    assert await changes_of(system, renamed()) == []


async def test_an_old_mailbox_that_is_gone_leaves_its_address_only(
    database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    """Its alias, if somebody made one, is no own alias: its other targets never got Anna's mail."""
    assert database.cli("mailbox", "delete", OLD).returncode == 0
    by_hand(
        database,
        "INSERT INTO alias (address, goto, domain) VALUES (:old, 'liste@extern.example', 'pirat.alt')",
        old=OLD,
    )
    await apply(system, renamed())
    tables = dump(database)
    assert [r["username"] for r in tables["mailbox"]] == [NEW]
    assert {r["address"]: r["goto"] for r in tables["alias"]} == {NEW: NEW, OLD: NEW, MEMBER: NEW}


@pytest.mark.parametrize(
    ("statement", "key"),
    [
        ("UPDATE alias SET goto = 'new@extern.example,' || goto WHERE address = :key", OLD),
        ("UPDATE alias SET goto = 'new@extern.example,' || goto WHERE address = :key", MEMBER),
        ("UPDATE mailbox SET name = 'Anna Anders' WHERE username = :key", OLD),
        ("INSERT INTO alias (address, goto, domain) VALUES (:key, 'x@extern.example', 'pirat.alt')", NEW),
    ],
)
async def test_an_edit_between_plan_and_apply_is_kept_and_stops_all_of_it(
    database: PostfixAdminDatabase, system: PostfixAdminSystem, statement: str, key: str
) -> None:
    """docs/rename-invariants.md, invariants 3 and 7."""
    forwards(database, f"{FORWARD},{OLD}")
    planned = [s for s in await steps_of(system, renamed()) if s.stage.name == "MAIL_FLOW"]
    assert by_hand(database, statement, key=key) == 1
    theirs, hashes = dump(database), rows(database, "SELECT password FROM mailbox")
    outcomes = await system.perform(NO_PLAN, planned)
    assert sorted(set(results(outcomes))) == [Result.FAILED, Result.NOT_TRIED]
    assert not any(outcome.temporary for outcome in outcomes)
    assert (dump(database), rows(database, "SELECT password FROM mailbox")) == (theirs, hashes)
