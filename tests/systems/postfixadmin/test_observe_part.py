"""What is read of a part of the site: all that concerns it, however it is written, and nothing more of it for a bigger
site. That a plan from it says the same as one from everything: tests/integration/test_property.py."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import event

from reconciler.model.records import Found, Records
from reconciler.planning.concern import MOST, Concern, Person, concern_of
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import DomainNumbers
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.postfixadmin.support import (
    ANNA,
    DOMAIN,
    MEMBER,
    alias,
    by_hand,
    closing,
    insert_alias,
    insert_mailbox,
    mailbox,
    make_system,
    state,
)

OTHER = "sub.pirat.alt"


@pytest.fixture
def database(pfa_database: PostfixAdminDatabase) -> PostfixAdminDatabase:
    """Two domains and one that leads to the first; Anna, what leads to that mailbox, and others."""
    for domain in (DOMAIN, OTHER, "alt.pirat.alt"):
        pfa_database.add_domain(domain)
    yes = "true" if pfa_database.backend == "postgresql" else "1"
    by_hand(
        pfa_database,
        f"INSERT INTO alias_domain (alias_domain, target_domain, active) VALUES ('alt.pirat.alt', '{DOMAIN}', {yes})",
    )
    for name in (ANNA, f"bernd@{DOMAIN}", f"clara@{DOMAIN}", f"dora@{OTHER}"):
        insert_mailbox(pfa_database, name, name.partition("@")[0], 2 * 1024000 - 1)
        insert_alias(pfa_database, name, name)
    leading = {
        MEMBER: ANNA,
        f"10042@{OTHER}": f"dora@{OTHER}",
        f"vorstand@{DOMAIN}": f"X@extern.example, {ANNA.upper()} ,bernd@{DOMAIN}",
        f"box@{DOMAIN}": f"anna.beispiel+box@{DOMAIN}",
        f"old@{OTHER}": "anna.beispiel@alt.pirat.alt",
        f"alle@{OTHER}": f"vorstand@{DOMAIN}",
        f"presse@{DOMAIN}": f"clara@{DOMAIN}",
        f"annaxbeispiel@{DOMAIN}": f"annaxbeispiel@{DOMAIN}",
        f"@{OTHER}": f"bernd@{DOMAIN}",
    }
    for address, goto in leading.items():
        insert_alias(pfa_database, address, goto)
    return pfa_database


async def nothing() -> Records:
    """What is wanted; the database is not asked by it."""
    return {}


async def part(database: PostfixAdminDatabase, about: Concern) -> Found:
    """What is read, every row of which is what reading everything gives."""
    system = make_system(database)
    with closing(system):
        seen, everything = await system.observe_part(about, nothing), (await system.observe()).records
        assert seen.site is not None
        assert seen.site.mailboxes == everything["mailbox"].keys()
        for kind, rows in seen.records.items():
            assert rows.items() <= everything[kind].items(), kind
        assert (seen.records["domain"], seen.records["alias_domain"]) == (
            everything["domain"],
            everything["alias_domain"],
        )
        return seen.records


async def test_what_leads_to_an_address_and_where_that_leads(database: PostfixAdminDatabase) -> None:
    """Over several aliases, in capitals, with an extension, by a domain that leads to its own."""
    found = await part(database, Concern(frozenset([ANNA])))
    leading = {MEMBER, f"vorstand@{DOMAIN}", f"box@{DOMAIN}", f"old@{OTHER}", f"alle@{OTHER}"}
    assert found["alias"].keys() >= leading | {ANNA, f"bernd@{DOMAIN}"}
    assert f"presse@{DOMAIN}" not in found["alias"]
    assert found["mailbox"].keys() == {ANNA, f"bernd@{DOMAIN}"}


async def test_where_aliases_lead(database: PostfixAdminDatabase) -> None:
    """Also over the catch-all of a domain."""
    insert_alias(database, f"neu@{DOMAIN}", f"niemand@{OTHER}")
    found = await part(database, Concern(frozenset([f"neu@{DOMAIN}"])))
    assert found["alias"].keys() == {f"neu@{DOMAIN}", f"*@{OTHER}", f"bernd@{DOMAIN}"}
    assert found["mailbox"].keys() == {f"bernd@{DOMAIN}"}


async def test_a_domain_is_every_address_in_it_and_what_leads_there(database: PostfixAdminDatabase) -> None:
    found = await part(database, Concern(domains=frozenset([OTHER])))
    there = {f"10042@{OTHER}", f"old@{OTHER}", f"alle@{OTHER}", f"*@{OTHER}", f"dora@{OTHER}"}
    assert found["alias"].keys() >= there | {f"vorstand@{DOMAIN}"}
    assert f"presse@{DOMAIN}" not in found["alias"]
    assert f"dora@{OTHER}" in found["mailbox"]


@pytest.mark.parametrize("called", ["Jürgen  Groß", "JÜRGEN GROSS", "Ju\u0308rgen Groß"])
async def test_who_is_called_like_somebody_new(database: PostfixAdminDatabase, called: str) -> None:
    """However the name is written; and who has the number, in any domain. Of somebody who is there nobody is asked."""
    insert_mailbox(database, f"jg@{OTHER}", called)
    new = Person(f"j.gross@{DOMAIN}", "10042", frozenset(["Jürgen Groß"]))
    found = await part(database, Concern(frozenset([new.address]), people=(new,)))
    assert found["mailbox"].keys() - {f"bernd@{DOMAIN}"} == {f"jg@{OTHER}", ANNA, f"dora@{OTHER}"}
    there = Person(f"clara@{DOMAIN}", None, frozenset(["Jürgen Groß"]))
    found = await part(database, Concern(frozenset([there.address]), people=(there,)))
    assert found["mailbox"].keys() == {f"clara@{DOMAIN}"}


async def test_spellings_that_only_some_databases_tell_apart(database: PostfixAdminDatabase) -> None:
    insert_mailbox(database, f"Emil.E@{DOMAIN}", "Emil")
    insert_alias(database, f" emil.e@{DOMAIN}", f"emil.e@{DOMAIN}")
    found = await part(database, Concern(frozenset([f"emil.e@{DOMAIN}"])))
    assert found["mailbox"].keys() == found["alias"].keys() == {f"emil.e@{DOMAIN}"}


async def test_limits_are_counted_in_the_whole_domain(database: PostfixAdminDatabase) -> None:
    by_hand(database, f"UPDATE domain SET mailboxes = 3, quota = 10 WHERE domain IN ('{DOMAIN}', '{OTHER}')")
    by_hand(database, f"UPDATE mailbox SET quota = 0 WHERE username = 'bernd@{DOMAIN}'")
    by_hand(database, f"UPDATE mailbox SET quota = 7 WHERE username = 'clara@{DOMAIN}'")
    system = make_system(database)
    with closing(system):
        seen = await system.observe_part(Concern(frozenset([ANNA])), nothing)
        assert seen.site is not None
        assert seen.site.domains == {DOMAIN: DomainNumbers(3, 5, 2 + 0 + 1)}


async def test_statements_do_not_grow_with_the_site(database: PostfixAdminDatabase) -> None:
    sent: list[str] = []
    numbers = []
    for size in (5, 200):
        for number in range(size):
            insert_alias(database, f"list{size}-{number}@{DOMAIN}", f"clara@{DOMAIN}")
        system = make_system(database)
        event.listen(
            system._database._reading,
            "before_cursor_execute",
            lambda _connection, _cursor, statement, *_rest: sent.append(statement),
        )
        sent.clear()
        with closing(system):
            seen = await system.observe_part(Concern(frozenset([ANNA])), nothing)
        numbers.append((len(sent), len(seen.records["alias"])))
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("missing", [70, 21, 1, 0])
async def test_keys_of_all_mailboxes_are_never_cut(database: PostfixAdminDatabase, missing: int) -> None:
    """They come as one text, which MariaDB cuts silently."""
    boxes = {ANNA, f"bernd@{DOMAIN}", f"clara@{DOMAIN}", f"dora@{OTHER}"}
    longest = sum(len(key) + 1 for key in boxes) - missing
    system = make_system(database)

    @event.listens_for(system._database._reading, "connect")
    def limit(connection: Any, _record: object) -> None:
        if database.backend == "mysql":
            connection.cursor().execute(f"SET SESSION group_concat_max_len = {longest}")

    with closing(system):
        seen = await system.observe_part(Concern(frozenset([ANNA])), nothing)
        assert seen.site is not None
        assert seen.site.mailboxes == boxes


async def test_who_is_only_called_alike_is_nobody_of_the_part(database: PostfixAdminDatabase) -> None:
    """`%anna%@a.example%` is looked for, and finds Johanna and Anna-Lena, and Anna before somebody else there. However
    many they are, and whatever leads to them, nothing of it is followed. One look for all domains."""
    for n in range(3 * MOST):
        target = (f"xanna.beispiel@{DOMAIN}", f"anna.beispielx{n}@{DOMAIN}", f"{ANNA}.example,bernd@{DOMAIN}")[n % 3]
        insert_alias(database, f"alike{n}@{OTHER}", target)
        insert_alias(database, f"further{n}@{OTHER}", f"alike{n}@{OTHER}")
    insert_alias(database, f"anna-x@{DOMAIN}", f"x@extern.example,anna.beispiel-x@{DOMAIN}")
    sent: list[str] = []
    system = make_system(database)
    event.listen(system._database._reading, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    with closing(system):
        seen = await system.observe_part(Concern(frozenset([ANNA])), nothing)
    found = seen.records["alias"].keys()
    assert not [key for key in found if key.startswith(("alike", "further"))]
    assert {MEMBER, f"old@{OTHER}", f"alle@{OTHER}", f"anna-x@{DOMAIN}"} <= found
    # to Anna, to what leads to Anna, to what leads to that
    assert len([statement for statement in sent if "FROM alias" in statement and "LIKE" in statement]) == 3


async def test_who_forwards_where_a_declared_alias_leads_is_not_looked_for(database: PostfixAdminDatabase) -> None:
    """Half of a site may forward to the address that a declared list has, too. To accounts all is looked for."""
    for n in range(2 * MOST + 1):
        insert_alias(database, f"forward{n}@{OTHER}", "x@extern.example")
    context = PlanContext.of(state(mailbox(member="10042"), alias(f"vorstand@{DOMAIN}", ANNA, "x@extern.example")))
    for names in ([f"vorstand@{DOMAIN}"], [ANNA, f"vorstand@{DOMAIN}"]):
        about = concern_of(names, (), [context])
        assert about is not None
        assert about.targets == {"x@extern.example"}
        found = await part(database, about)
        assert {MEMBER, f"vorstand@{DOMAIN}", f"alle@{OTHER}"} <= found["alias"].keys()
        assert not [key for key in found["alias"] if key.startswith("forward")]
    asked = concern_of(["x@extern.example", f"vorstand@{DOMAIN}"], (), [context])
    assert asked is not None
    assert not asked.targets
    assert f"forward0@{OTHER}" in (await part(database, asked))["alias"]


async def test_too_many_for_one_by_one_is_everything(database: PostfixAdminDatabase) -> None:
    people = tuple(Person(f"neu{n}@{OTHER}", None, frozenset([f"Neu {n}"])) for n in range(MOST + 1))
    found = await part(database, Concern(domains=frozenset([OTHER]), people=people))
    assert f"presse@{DOMAIN}" in found["alias"]


def test_what_belongs_to_what_is_asked_for() -> None:
    """A mailbox with its number, an alias with its targets; a state that names too many is read whole."""
    declared = state(mailbox(member="10042"), alias(f"vorstand@{DOMAIN}", ANNA, f"presse@{DOMAIN}"))
    context = PlanContext.of(declared)
    about = concern_of([f"vorstand@{DOMAIN}"], (), [context])
    assert about is not None
    assert about.addresses == {f"vorstand@{DOMAIN}", ANNA, MEMBER, f"presse@{DOMAIN}"}
    assert about.targets == {f"presse@{DOMAIN}"}
    assert [person.address for person in about.people] == [ANNA]
    assert concern_of([f"a{n}@{DOMAIN}" for n in range(MOST + 1)], (), [context]) is None
    assert declared.today == date(2026, 11, 22)
    everybody = concern_of([f"*@{DOMAIN}"], (), [context])
    assert everybody is not None
    assert everybody.covers(f"who@{DOMAIN}")
