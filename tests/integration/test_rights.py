"""The rights that docs/database.md prints are enough, for `plan` and for `apply`; one less is unknown, never absent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from reconciler.doctor.context import Role
from reconciler.sandbox.openxchange import control
from tests.cli.site import ANNA_DECLARED, DOMAIN, today
from tests.doctor.granted import granted, optional
from tests.integration.sink import Sink
from tests.integration.sites import RealSite, bare, near
from tests.services.mail import Postfix
from tests.services.own_engine import Server, own_engine
from tests.services.postfixadmin import PostfixAdminDatabase

ENV, PASSWORD = "RECONCILER_TEST_RIGHTS", "exactly-these-4"
NEW = "anna.neu: {given_name: Anna, surname: Neu, member: 10042}"
VACATION = "anna.beispiel#pirat.alt@autoreply.example"


def printed(database: str, command: str) -> list[str]:
    """The statements that an account needs: the page has the same (tests/test_docs.py)."""
    account = Role.APPLIER if command == "apply" else Role.PLANNER
    return [line.rstrip(";") for line in granted(database, account)]


@pytest.fixture(params=["MariaDB", "PostgreSQL"])
def backend(request: pytest.FixtureRequest) -> str:
    """Which of the two is asked."""
    return str(request.param)


@pytest.fixture
def rights_site(
    backend: str,
    request: pytest.FixtureRequest,
    folder: Path,
    postfix: Postfix,
    sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[RealSite, Callable[[list[str]], None]]]:
    """A site in use, and what opens it as a user with exactly these rights."""
    fresh: Callable[[], PostfixAdminDatabase] = request.getfixturevalue(f"new_{backend.lower()}")
    server: Server = request.getfixturevalue(f"{backend.lower()}_server")
    site = near(folder, fresh(), postfix, sink)
    site.tools = False  # the database's rights are asked for
    full = site.database.full_url
    made: list[str] = []
    monkeypatch.setenv(ENV, PASSWORD)

    def admin() -> Engine:
        url = server.admin.url.set(database=full.database)
        return own_engine(url, isolation_level="AUTOCOMMIT")

    def as_user_with(statements: list[str]) -> None:
        user = f"r{len(made)}_{full.database}"
        made.append(user)
        with admin().connect() as connection:
            here = f"{user}@'127.0.0.1'" if backend == "MariaDB" else user
            word = "IDENTIFIED BY" if backend == "MariaDB" else "PASSWORD"
            connection.exec_driver_sql(f"CREATE USER {here} {word} '{PASSWORD}'")
            for statement in statements:
                named = re.sub(r" TO \w+(@'%')?$", f" TO {here}", statement)
                connection.exec_driver_sql(named.replace("postfixadmin.", f"{full.database}."))
        url: URL = full.set(username=user)
        site.write(postfixadmin={"url": bare(url), "password_env": ENV, "vacation_domain": "autoreply.example"})

    yield site, as_user_with
    with admin().connect() as connection:
        for user in made:
            if backend == "MariaDB":
                connection.exec_driver_sql(f"DROP USER {user}@'127.0.0.1'")
            else:
                connection.exec_driver_sql(f"DROP OWNED BY {user}")
                connection.exec_driver_sql(f"DROP USER {user}")


def in_use(site: RealSite) -> None:
    """Anna is there, on holiday, and is about to be renamed; an alias is new."""
    site.write(postfixadmin={**site.sections["postfixadmin"], "vacation_domain": "autoreply.example"})
    site.declare(ANNA_DECLARED)
    applied = site.run("apply", "--yes")
    assert applied.status == 0, applied
    control.set_switches(site.ox, USERNAME_CHANGEABLE=True)
    cache, empty = ("cache, ", "'', ") if "mysql" in site.database.url else ("", "")
    site.by_hand(
        f"UPDATE alias SET goto = 'anna.beispiel@{DOMAIN},{VACATION}' WHERE address = 'anna.beispiel@{DOMAIN}'",
        f"INSERT INTO vacation ({cache}email, subject, body, domain) VALUES "
        f"({empty}'anna.beispiel@{DOMAIN}', 'weg', 'weg', '{DOMAIN}')",
    )
    entry = {"from": "anna.beispiel", "to": "anna.neu", "date": "2026-11-20"}
    site.declare(NEW, aliases=["info: [anna.neu]"], more={"renames": [entry]})


def test_the_printed_rights_are_enough(backend: str, rights_site: tuple[RealSite, Callable[[list[str]], None]]) -> None:
    site, as_user_with = rights_site
    in_use(site)
    as_user_with(printed(backend, "plan and drift"))
    planned = site.run("plan")
    assert planned.status == 4, planned
    assert "vacation" in planned.words
    assert site.run("show", "anna.neu").status == 0
    assert site.run("drift").status == 4
    assert site.run("history", "1").status == 0
    assert site.run("history", "verify").status == 0
    refused = site.run("apply", "--yes")
    assert refused.status == 9, refused
    assert "GRANT" in refused.words or "denied" in refused.words
    as_user_with(printed(backend, "apply"))
    applied = site.run("apply", "--yes")
    assert applied.status == 0, applied
    assert site.rows("SELECT email FROM vacation") == [{"email": f"anna.neu@{DOMAIN}"}]
    assert site.run("plan").status == 0
    pruned = site.run("ledger", "prune", "--before", str(today() - timedelta(days=20)), "--yes")
    assert pruned.status == 0, pruned


def test_one_right_less_is_unknown_and_the_grant_is_printed(
    backend: str, rights_site: tuple[RealSite, Callable[[list[str]], None]]
) -> None:
    """No right on `vacation` is not "no vacation": a rename would leave it behind."""
    site, as_user_with = rights_site
    in_use(site)
    statements = printed(backend, "plan and drift")
    for table in ("mailbox", "alias", "vacation", "config"):
        lacking = [s for s in statements if not re.search(rf"ON (postfixadmin\.)?{table} ", s)]
        assert len(lacking) == len(statements) - 1
        as_user_with(lacking)
        planned = site.run("plan")
        assert planned.status == 9, planned
        (missing,) = set(statements) - set(lacking)
        start = re.match(r"GRANT SELECT \(.*?\) ON ", missing)
        assert start
        assert start[0] in planned.words
        with_right = re.search(rf"{re.escape(start[0])}\S+ TO \S+", planned.words)
        assert with_right, planned.words


def test_the_log_is_written_and_never_read(
    backend: str, rights_site: tuple[RealSite, Callable[[list[str]], None]]
) -> None:
    (log,) = [s for s in printed(backend, "apply") if re.search(r"ON (postfixadmin\.)?log ", s)]
    assert log.startswith("GRANT INSERT ON")
    assert not [s for s in printed(backend, "plan and drift") if "password" in s or re.search(r"\blog\b", s)]
    site, as_user_with = rights_site
    in_use(site)
    as_user_with([s for s in printed(backend, "apply") if not re.search(r"ON (postfixadmin\.)?log ", s)])
    refused = site.run("apply", "--yes")
    assert refused.status == 9, refused
    assert site.goto(f"info@{DOMAIN}") is None


def test_domains_are_written_by_whoever_may_and_by_nobody_else(
    backend: str, rights_site: tuple[RealSite, Callable[[list[str]], None]]
) -> None:
    """The page says that `apply` needs more where git declares them: that is found before the first effect."""
    site, as_user_with = rights_site
    in_use(site)
    until = {"gate": "new-domain", "until": str(today() + timedelta(days=7)), "reason": "ours"}
    site.declare(
        "info@neu.example: {name: Info, groupware: false}",
        aliases=["kontakt: [info@neu.example]"],
        more={
            "domains": {"neu.example": {}, "alt.example": {}},
            "alias_domains": {"alt.example": {"target": "neu.example"}},
            "confirm": [{**until, "subject": domain} for domain in ("neu.example", "alt.example")],
        },
    )
    usual = printed(backend, "apply")
    prefix = "postfixadmin." if backend == "MariaDB" else ""
    domain = f"GRANT INSERT, UPDATE ON {prefix}domain TO reconciler"
    alias_domain = f"GRANT SELECT, INSERT, UPDATE, DELETE ON {prefix}alias_domain TO reconciler"
    before = site.live()
    for given in ([], [domain], [alias_domain]):
        as_user_with([*usual, *given])
        refused = site.run("apply", "--yes")
        assert refused.status == 9, refused
        assert site.live() == before, given
    as_user_with([*usual, domain, alias_domain])
    applied = site.run("apply", "--yes")
    assert applied.status == 0, applied


def test_each_right_of_the_planner_is_needed(
    backend: str, rights_site: tuple[RealSite, Callable[[list[str]], None]]
) -> None:
    site, as_user_with = rights_site
    in_use(site)
    statements = printed(backend, "plan and drift")

    def unreadable() -> bool:
        """What DNS says of the site is not asked for, only what doctor says of the rights."""
        checks = site.run("doctor", "--account", "planner", "--format", "json").json["checks"]
        (rights,) = [check for check in checks if check["name"].startswith("rights of")]
        return 9 in (site.run("plan").status, site.run("history", "1").status) or rights["verdict"] == "failed"

    as_user_with(statements)
    assert not unreadable()
    for missing in statements:
        as_user_with([each for each in statements if each != missing])
        assert unreadable(), missing


def test_each_right_of_the_applier_is_needed(
    backend: str, rights_site: tuple[RealSite, Callable[[list[str]], None]]
) -> None:
    """Each attempt has something new to do in every table that a run writes, a reset that was missed among it."""
    site, as_user_with = rights_site
    in_use(site)
    statements = printed(backend, "apply")
    entry = {"from": "anna.beispiel", "to": "anna.neu", "date": "2026-11-20"}
    for number, missing in enumerate((*statements, "")):
        missed = f"password_reset: 2026-0{1 + number // 28}-{1 + number % 28:02}"
        anna = NEW.replace("10042", f"10042, {missed}")
        site.declare(anna, aliases=[f"info{number}: [anna.neu]"], more={"renames": [entry]})
        as_user_with([each for each in statements if each != missing])
        applied = site.run("apply", "--yes")
        assert (applied.status in (8, 9)) == bool(missing), (missing, applied)
    assert site.rows("SELECT * FROM reconciler_one_shots")


def test_optional_rights_explain_drift_and_decide_nothing(
    backend: str, rights_site: tuple[RealSite, Callable[[list[str]], None]]
) -> None:
    """Which side moved is known without them; who did it, by the log and its clock, and how big a mailbox is, with
    them. What is taken over from the real database leaves nothing to do."""
    site, as_user_with = rights_site
    site.declare(ANNA_DECLARED, aliases=["info: anna.beispiel"])
    assert site.run("apply", "--yes").status == 0
    info, anna = f"info@{DOMAIN}", f"anna.beispiel@{DOMAIN}"
    by_hand = "INSERT INTO log (timestamp, username, domain, action, data) VALUES"
    admin = "'admin@pirat.alt (192.0.2.7)'"
    site.by_hand(
        f"UPDATE alias SET goto = 'x@extern.example' WHERE address = '{info}'",
        f"{by_hand} (CURRENT_TIMESTAMP, {admin}, '{DOMAIN}', 'edit_alias', '{info}')",
        f"{by_hand} (CURRENT_TIMESTAMP - INTERVAL '3' HOUR, 'old', '{DOMAIN}', 'edit_alias', '{info}')",
        f"UPDATE mailbox SET quota = 0 WHERE username = '{anna}'",
        f"INSERT INTO quota2 (username, bytes) VALUES ('{anna}', 1500000)",
    )
    as_user_with(printed(backend, "plan and drift"))
    without = site.run("drift", "--format", "json").json
    as_user_with([*printed(backend, "plan and drift"), *(line.rstrip(";") for line in optional(backend))])
    told = site.run("drift", "--format", "json").json
    assert told["digest"] == without["digest"]
    assert [t["direction"] for t in without["transitions"]] == [t["direction"] for t in told["transitions"]]
    assert {t["direction"] for t in told["transitions"]} == {"drift"}
    by = {t["subject"]: [(b["who"], b["action"]) for b in t["by"]] for t in told["transitions"]}
    assert by == {info: [("admin@pirat.alt", "edit_alias")], anna: []}
    assert not any(t["by"] for t in without["transitions"])
    assert "1.5 MB of mail" in next(t["meaning"] for t in told["transitions"] if t["subject"] == anna)
    (note,) = [f for f in without["findings"] if f["rule"] == "not-explained"]
    assert all(words in note["message"] for words in ("sizes of mailboxes", "who changed something by hand"))
    assert not [f for f in told["findings"] if f["rule"] == "not-explained"]
    taken = site.run("drift", "--patch", "--write")
    assert taken.status == 0, taken
    assert site.run("plan").status == 0
