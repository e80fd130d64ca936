"""The pure parts: texts, what is expected, passwords, and the tables that we declare."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from passlib.hash import sha512_crypt  # type: ignore[import-untyped]  # libpass has no stubs
from pydantic import SecretStr
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from reconciler.model.records import AliasRole, AliasRow, MailboxRow
from reconciler.planning.plan_context import PlanContext
from reconciler.sandbox.postfixadmin_tables import create_tables
from reconciler.settings import Settings
from reconciler.systems.postfixadmin.expect import expect
from reconciler.systems.postfixadmin.password_hashes import Scheme, hash_all, hash_password
from reconciler.systems.postfixadmin.stored_values import (
    address_key,
    alias_key,
    goto_of,
    goto_text,
    megabytes,
    quota_bytes,
    stored_alias,
)
from reconciler.systems.postfixadmin.tables import declare
from reconciler.systems.postfixadmin.write_statements import password_expiry
from tests.services.needs import require
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import changes_of
from tests.systems.postfixadmin.support import (
    ANNA,
    MEMBER,
    VORSTAND,
    alias,
    apply,
    closing,
    mailbox,
    rows,
    state,
    system_of,
)

SITE = Settings.model_validate({"site": "t", "folder": Path("/"), "postfixadmin": {"url": "sqlite:///pfa.db"}})
TARGETS = st.lists(st.from_regex(r"[a-z]{1,5}@[a-z]{1,3}\.example", fullmatch=True))


def test_expected_rows_of_a_mailbox() -> None:
    """Own and member alias always; name and quota managed only when written."""
    found = expect(PlanContext.of(state(mailbox(member="10042"))), SITE)
    assert found["mailbox"] == {ANNA: MailboxRow(ANNA, ANNA, "", 10240, True, False, False)}
    assert found["alias"] == {
        ANNA: AliasRow(ANNA, ANNA, (ANNA,), True, AliasRole.OWN),
        MEMBER: AliasRow(MEMBER, ANNA, (ANNA,), True, AliasRole.MEMBER),
    }
    assert list(found) == ["alias", "mailbox"], "PostfixAdmin's order (facts 5.2)"


def test_a_disabled_mailbox_leaves_its_member_alias_alone() -> None:
    found = expect(PlanContext.of(state(mailbox(member="10042", active=False))), SITE)
    member = found["alias"][MEMBER]
    assert member.merged_with(AliasRow(MEMBER, "", (ANNA,), False)) == AliasRow(MEMBER, "", (ANNA,), False)
    own_alias = found["alias"][ANNA]
    forwarding = AliasRow(ANNA, "", ("x@extern.example",), True)
    assert own_alias.merged_with(forwarding) == forwarding._replace(active=False)


def test_written_names_and_quotas_are_managed() -> None:
    found = expect(PlanContext.of(state(mailbox(name=" Anna  A\u0308ngstro\u0308m", quota=0))), SITE)
    assert found["mailbox"][ANNA] == MailboxRow(ANNA, ANNA, "Anna Ängström", 0, True, True, True)


def test_a_declared_alias_owns_its_whole_goto() -> None:
    row = expect(PlanContext.of(state(alias(VORSTAND, "b@x.example", ANNA))), SITE)["alias"][VORSTAND]
    assert row == AliasRow(VORSTAND, VORSTAND, (ANNA, "b@x.example"), True, AliasRole.DECLARED)


@given(TARGETS)
def test_a_goto_survives_being_stored(targets: list[str]) -> None:
    goto = tuple(sorted(set(targets)))
    assert goto_of(goto_text(goto, goto[0] if goto else ANNA)) == goto


def test_a_goto_is_written_as_postfixadmin_writes_it() -> None:
    """facts 6: no spaces, the mailbox itself last."""
    assert goto_text(("a@x.example", ANNA, "z@x.example"), ANNA) == f"a@x.example,z@x.example,{ANNA}"


def test_goto_is_a_set() -> None:
    assert goto_of(" B@x.example,c@x.example,, b@X.example ,") == ("b@x.example", "c@x.example")
    assert goto_of("") == goto_of(" , ,") == ()


def test_keys() -> None:
    assert address_key(" Anna@Pirat.alt ") == "anna@pirat.alt"
    assert address_key("\u212aarl@pirat.alt") == "\u212aarl@pirat.alt", "a Kelvin sign is no k"
    assert (alias_key("@Pirat.alt"), stored_alias("*@pirat.alt")) == ("*@pirat.alt", "@pirat.alt")
    assert stored_alias(ANNA) == ANNA


@given(st.integers(min_value=-1, max_value=10**7), st.sampled_from([1024000, 1048576]))
def test_whole_megabytes_survive_being_stored(quota: int, multiplier: int) -> None:
    """facts 8: every value that PostfixAdmin's form can show and save."""
    assert megabytes(quota_bytes(quota, multiplier), multiplier) == quota


def test_megabytes_are_rounded_and_never_to_unlimited() -> None:
    assert megabytes(10737418240, 1024000) == 10486
    assert megabytes(1, 1024000) == 1


def test_expiry_is_in_whole_minutes_and_keeps_the_wall_clock() -> None:
    assert password_expiry(datetime(2026, 11, 22, 10, 48, 59), 365) == datetime(2027, 11, 22, 10, 48)


@pytest.mark.parametrize(
    ("scheme", "form"),
    [
        ("SHA512-CRYPT", r"\{SHA512-CRYPT\}\$6\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86}"),
        ("BLF-CRYPT", r"\{BLF-CRYPT\}\$2y\$10\$[./0-9A-Za-z]{53}"),
        ("ARGON2ID", r"\{ARGON2ID\}\$argon2id\$v=19\$m=65536,t=3,p=1\$.+\$.+"),
    ],
)
def test_dovecot_accepts_the_hash(scheme: Scheme, form: str) -> None:
    """facts 10: the forms, at most 255 characters, a salt of its own each time."""
    first, second = (hash_password(scheme, SecretStr("abcd-2345")) for _ in range(2))
    assert re.fullmatch(form, first)
    assert len(first) <= 255
    assert first != second
    (doveadm,) = require("dovecot-core", "doveadm")
    for password, status in (("abcd-2345", 0), ("abcd-2346", 1)):
        # a throw-away password of this test; without -p the program wants a terminal
        tried = subprocess.run([doveadm, "pw", "-t", first, "-p", password], capture_output=True, timeout=30)
        assert (tried.returncode == 0) == (status == 0), tried.stderr


def test_all_hashes_belong_to_their_keys() -> None:
    made = hash_all("SHA512-CRYPT", {f"k{i}": SecretStr(f"abcd-{i}") for i in range(8)}, halt=lambda: None)
    for i in range(8):
        assert sha512_crypt.verify(f"abcd-{i}", made[f"k{i}"].removeprefix("{SHA512-CRYPT}"))


def test_our_tables_have_the_columns_of_postfixadmins_installer(
    tmp_path: Path, new_sqlite: Callable[[], PostfixAdminDatabase]
) -> None:
    """The demo's tables: names, nullability, defaults, keys, and what SQLite makes of the types."""
    engine = create_engine(f"sqlite:///{tmp_path / 'ours.db'}", poolclass=NullPool)
    create_tables(engine)
    theirs = new_sqlite()
    query = 'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(:table)'
    with engine.connect() as connection:
        made_by_us = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        for table in (name for name in made_by_us if not name.startswith("sqlite_")):
            made = [dict(r._mapping) for r in connection.exec_driver_sql(query, {"table": table})]
            assert _shape(made) == _shape(rows(theirs, query, table=table)), table
        version = connection.exec_driver_sql("SELECT value FROM config WHERE name = 'version'").scalar_one()
    assert {"value": version} in rows(theirs, "SELECT value FROM config")


def test_the_columns_that_statements_name_are_postfixadmins(new_sqlite: Callable[[], PostfixAdminDatabase]) -> None:
    """All of them where rows are inserted: any other column there is the site's own."""
    theirs, declared = new_sqlite(), declare()
    for table in (*declared[:-1], *declared.dependent_tables[:5]):
        there = {row["name"] for row in rows(theirs, "SELECT name FROM pragma_table_info(:table)", table=table.name)}
        named = set(table.columns.keys())
        assert named <= there, table.name
        assert named == there or table.name not in ("mailbox", "alias", "log"), table.name


def _shape(columns: list[dict[str, object]]) -> dict[object, tuple[object, ...]]:
    return {c["name"]: (_affinity(str(c["type"])), c["notnull"], _default(c["dflt_value"]), c["pk"]) for c in columns}


def _default(written: object) -> str:
    return "" if written in (None, "NULL") else str(written).strip("'")


def _affinity(declared: str) -> str:
    """https://www.sqlite.org/datatype3.html 3.1"""
    upper = declared.upper()
    if "INT" in upper:
        return "INTEGER"
    return "TEXT" if "CHAR" in upper or "TEXT" in upper else "NUMERIC"


async def test_the_demos_tables_can_be_used(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'ours.db'}", poolclass=NullPool)
    create_tables(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO domain (domain, description, transport) VALUES ('pirat.alt', '', '')")
    written = {"site": "t", "folder": tmp_path, "postfixadmin": {"url": "sqlite:///ours.db"}}
    system = system_of(Settings.model_validate(written))
    with closing(system):
        await apply(system, state(mailbox(member="10042")))
        assert await changes_of(system, state(mailbox(member="10042"))) == []


_FIRST_USE = """
import os, sys, threading, time
from pydantic import SecretStr
from passlib.utils import binary
from reconciler.systems.postfixadmin.password_hashes import hash_all
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.plan_context import PlanContext

build = binary.Base64Engine.__init__

def slowly(*args, **kwargs):
    build(*args, **kwargs)
    time.sleep(0.002)

binary.Base64Engine.__init__ = slowly
sys.setswitchinterval(1e-6)
for _ in range(20):
    child = os.fork()
    if not child:
        try:
            hash_all("SHA512-CRYPT", {str(n): SecretStr(f"abcd-{n}") for n in range(8)}, halt=lambda: None)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


def test_the_first_hashes_of_a_process_are_made_by_many_threads() -> None:
    """libpass builds its tables at the first use; two threads at once ended the very first apply with a traceback."""
    ended = subprocess.run([sys.executable, "-c", _FIRST_USE], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stdout + ended.stderr
