"""Which columns are read and written, and the rights that this needs: by table, under PostfixAdmin's names."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.remote.grants import EVERYTHING, Grant

WITH_APP_PASSWORDS = 1851
"""The `config.version` of PostfixAdmin 4.0, which has two more tables by user name (facts/postfixadmin.md 4)."""

READ = {
    "mailbox": "username name quota active created",
    "alias": "address goto active",
    "domain": "domain active backupmx mailboxes aliases maxquota quota",
    "alias_domain": "alias_domain target_domain active",
    "vacation": "email active",
    "config": "name value",
    "admin": "username",
}
"""What `plan`, `drift` and `import` read: no password, no log. What cannot be seen is unknown, never absent."""
TOLD = {"quota2": "username bytes", "log": "id timestamp username domain action data"}
"""What `plan` and `drift` tell beside their lines, where the account may read it (docs/drift.md)."""
WRITTEN = {
    "mailbox": "username password name maildir quota local_part domain created modified active token_validity "
    "password_expiry",
    "alias": "address goto domain created modified active",
    "domain": "domain active password_expiry",
    "log": "timestamp username domain action data",
    "vacation": "email domain active",
    "vacation_notification": "on_vacation notified",
    "quota": "username",
    "quota2": "username",
    "fetchmail": "mailbox domain",
}
"""What `apply` needs in addition."""
LATE = {"mailbox_app_password": "username", "totp_exception_address": "username"}
"""The same for the tables of PostfixAdmin 4.0."""

SECRETS = {
    "mailbox": ("password", "token", "totp_secret"),
    "admin": ("password", "token", "totp_secret"),
    "mailbox_app_password": ("password_hash",),
    "fetchmail": ("src_password",),
}
"""The columns that let somebody in, or from which a password can be guessed (facts/postfixadmin.md 2, 4 and 10)."""

_LESS = {"domain": ("SELECT",), "log": ("INSERT",)}
"""What is not written, and what is not read."""


def to_read(word: str, table: str) -> Grant:
    """What a planner needs on this table."""
    return Grant(("SELECT",), table, tuple(READ[word].split()))


def to_write(word: str, table: str) -> Grant:
    """What an applier needs on this table."""
    return Grant(_LESS.get(word, EVERYTHING if word in WRITTEN | LATE else ("SELECT",)), table)


def planner_grants(prefix: str) -> list[Grant]:
    """For `plan`, `drift` and `show`. `prefix` is the site's `table_prefix`."""
    return [to_read(word, prefix + word) for word in READ]


def optional_grants(prefix: str) -> list[Grant]:
    """What a planner needs not, and what explains its lines."""
    return [Grant(("SELECT",), prefix + word, tuple(columns.split())) for word, columns in TOLD.items()]


def applier_grants(prefix: str, dialect: str, version: int = 0) -> list[Grant]:
    """For `apply` and `resume`, with tables of the given `config.version` (0: of the oldest)."""
    late = LATE if version >= WITH_APP_PASSWORDS else {}
    wanted = [to_write(word, prefix + word) for word in _in_order(late)]
    if dialect == "postgresql":
        wanted.append(Grant(("USAGE",), f"{prefix}log_id_seq", sequence=True))
    return wanted


def domain_grants(prefix: str) -> list[Grant]:
    """For `apply` where git declares `domains` or `alias_domains`, in addition."""
    return [Grant(("INSERT", "UPDATE"), f"{prefix}domain"), Grant(EVERYTHING[1:], f"{prefix}alias_domain")]


def _in_order(late: dict[str, str]) -> Iterator[str]:
    """Tables that are written, those that are read, and the log."""
    yield from (word for word in WRITTEN if word not in _LESS)
    yield from late
    yield from (word for word in READ if word not in WRITTEN or word in _LESS)
    yield "log"
