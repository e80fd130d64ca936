"""PostfixAdmin's tables, declared by hand: reflection loses lengths, and one schema has several column orders.

Every statement is built from these and names its columns, so that columns which a site or PostfixAdmin 4.0 added
(`smtp_active`, `totp_secret`, `description`) keep their defaults (facts/postfixadmin.md 1, 4 and 11). Where rows are
inserted, in `mailbox`, `alias` and `log`, all columns of 3.3 are declared; elsewhere those that some statement names.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects.sqlite import DATETIME

# 0 and 1, and a real boolean on PostgreSQL; kept as found, since a hand-made 2 must match in the WHERE
_Flag = Integer().with_variant(Boolean(), "postgresql")
_Clock = DateTime(timezone=True)
# PostfixAdmin writes it on SQLite without seconds (facts/postfixadmin.md 3); all other clocks are the database's own
_Minute = _Clock.with_variant(
    DATETIME(storage_format="%(year)04d-%(month)02d-%(day)02d %(hour)02d:%(minute)02d"),  # type: ignore[no-untyped-call]  # SQLAlchemy's own gap
    "sqlite",
)


class DependentTables(NamedTuple):
    """The other tables that know a mailbox by its user name. Those of 4.0 are looked for, never demanded."""

    vacation: Table
    vacation_notification: Table
    quota: Table
    quota2: Table
    fetchmail: Table
    mailbox_app_password: Table
    """4.0 (facts/postfixadmin.md 4)."""
    totp_exception_address: Table
    """4.0."""
    admin: Table
    """Read only: the administrators of PostfixAdmin."""


class PostfixAdminTables(NamedTuple):
    """The tables that are read or written; their columns are found by PostfixAdmin's names."""

    mailbox: Table
    alias: Table
    domain: Table
    alias_domain: Table
    log: Table
    config: Table
    dependent_tables: DependentTables


def declare(prefix: str = "") -> PostfixAdminTables:
    """The tables with the site's `table_prefix` before their names."""
    metadata = MetaData()

    def table(name: str, *groups: tuple[str, Any]) -> Table:
        columns = [Column(column, kind) for names, kind in groups for column in names.split()]
        return Table(prefix + name, metadata, *columns)

    def texts(names: str) -> tuple[str, Any]:
        return names, String(255)

    clocks, active = ("created modified", _Clock), ("active", _Flag)
    return PostfixAdminTables(
        table(
            "mailbox",
            texts("username password name maildir local_part domain phone email_other token"),
            ("quota", BigInteger()),
            ("token_validity", _Clock),
            ("password_expiry", _Minute),
            clocks,
            active,
        ),
        table("alias", texts("address domain"), ("goto", Text()), clocks, active),
        table(
            "domain",
            texts("domain description transport"),
            ("aliases mailboxes password_expiry", Integer()),
            ("maxquota quota", BigInteger()),
            ("backupmx", _Flag),
            clocks,
            active,
        ),
        table("alias_domain", texts("alias_domain target_domain"), clocks, active),
        table("log", ("id", Integer()), ("timestamp", _Clock), texts("username domain action"), ("data", Text())),
        table("config", ("name value", Text())),
        DependentTables(
            table("vacation", texts("email domain"), active),
            # the date is carried over as the driver gives it
            table("vacation_notification", texts("on_vacation notified"), ("notified_at", None)),
            table("quota", texts("username")),
            table("quota2", texts("username")),
            table("fetchmail", texts("mailbox domain")),
            table("mailbox_app_password", texts("username")),
            table("totp_exception_address", texts("username")),
            table("admin", texts("username")),
        ),
    )
