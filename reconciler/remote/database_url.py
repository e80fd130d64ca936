"""What a database URL of the site file may say beside user, host and database. Pure; `settings` reads it with these.

Options are an allow-list: some of a driver's send a local file or the password to whatever server the URL names, and
who writes the URL may be anybody who opens a merge request (docs/database.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:  # it takes longer to import than all that `validate` needs
    from sqlalchemy.engine import URL

DRIVERS = ("mysql+pymysql", "postgresql+psycopg", "sqlite")

ALLOWED: dict[str, tuple[str, ...]] = {
    "mysql": ("ssl_ca", "ssl_cert", "ssl_key", "connect_timeout", "charset"),
    "postgresql": ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout"),
    "sqlite": (),
}
"""The options of each kind of database."""
FILES = ("ssl_ca", "ssl_cert", "ssl_key", "sslrootcert", "sslcert", "sslkey")
"""Options whose value is a path."""
SYSTEM = "system"
"""Instead of a path: the certificate authorities of this machine."""
_AUTHORITIES = ("ssl_ca", "sslrootcert")
_SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_LONGEST_WAIT = 300


_URL = re.compile(
    r"(?P<driver>[\w+]+)://"
    r"(?:[^:/]*(?::(?P<password>[^@]*))?@)?"
    r"(?:(?:\[[^/?]+\]|[^/:?]+)?(?::(?P<port>[^/?]*))?)?"
    r"(?:/[^?]*)?"
    r"(?:\?(?P<query>.*))?"
)

Query = Mapping[str, str | tuple[str, ...]]


class Parts(NamedTuple):
    """What is checked of a URL, split as SQLAlchemy does it, which connects with it (a test compares the two)."""

    drivername: str
    password: str | None
    query: Query


def split(text: str) -> Parts:
    """The parts of a URL. Raises ValueError."""
    match = _URL.match(text)
    if match is None:
        raise ValueError("not a database URL")
    if match["port"] is not None:
        int(match["port"])
    query: dict[str, str | tuple[str, ...]] = {}
    for name, value in parse_qsl(match["query"] or ""):
        before = query.get(name, ())
        query[name] = value if name not in query else (*((before,) if isinstance(before, str) else before), value)
    return Parts(match["driver"], None if match["password"] is None else unquote(match["password"]), query)


def has_users(text: str) -> bool:
    """Whether it is a URL of a server, in whose database somebody logs in, and not of a file."""
    return not text.startswith("sqlite")


def with_user(text: str, user: str) -> str:
    """The URL with another user, also where the server is left out, as for a socket; a file has none."""
    if not has_users(text):
        return text
    driver, _, rest = text.partition("://")
    server, slash, path = rest.partition("/")
    return f"{driver}://{user}@{server.rpartition('@')[2]}{slash}{path}"


def has_password(text: object) -> bool:
    """Whether it is a URL with a password inside."""
    try:
        return isinstance(text, str) and split(text).password is not None
    except ValueError:
        return False


def checked_url(text: str) -> str:
    """The URL unchanged. Raises ValueError with what is wrong and what to write."""
    try:
        url = split(text)
    except ValueError:
        raise ValueError("not a database URL; write it like mysql+pymysql://user@host:3306/database") from None
    if url.password is not None:
        raise ValueError("a password inside the URL; name the variable that holds it in password_env instead")
    if url.drivername not in DRIVERS:
        raise ValueError(f"{url.drivername} is not a driver that works here; write one of {', '.join(DRIVERS)}")
    _check_options(url)
    return text


def _check_options(url: Parts) -> None:
    allowed = ALLOWED[url.drivername.partition("+")[0]]
    for name, value in url.query.items():
        if name not in allowed:
            known = f"only {', '.join(allowed)} may be written" if allowed else "a SQLite URL has none"
            raise ValueError(f"the option {name!r} is not allowed in a database URL; remove it: {known}")
        if not isinstance(value, str):
            raise ValueError(f"the option {name!r} is given more than once; write it once")  # noqa: TRY004  # pydantic's
        wanted = _wanted(name, value)
        if wanted:
            raise ValueError(f"the option {name!r} has a value that does not work; write {wanted}")


def _wanted(name: str, value: str) -> str | None:
    """What the value must be; None when it is that."""
    match name:
        case "connect_timeout":
            sound = value.isascii() and value.isdecimal() and 0 < int(value) <= _LONGEST_WAIT
            return None if sound else f"whole seconds from 1 to {_LONGEST_WAIT}"
        case "charset":
            return None if value == "utf8mb4" else "utf8mb4, or remove it: it is always that"
        case "sslmode":
            return None if value in _SSLMODES else f"one of {', '.join(_SSLMODES)}"
        case _:
            return None if value and "\0" not in value else "the path of a file"


def wrong_file(query: Query, path: Path, name: str) -> str | None:
    """Why the file of an option cannot be used."""
    import ssl

    try:
        path.open("rb").close()
        if name in _AUTHORITIES:
            ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        return f"{path}, which `?{name}=` names, holds no certificates in PEM"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        return f"{path}, which `?{name}=` names, cannot be read: {reason}"
    if name in ("ssl_key", "sslkey") and "ssl_cert" not in query and "sslcert" not in query:
        return f"`?{name}=` goes with a certificate, and none is named"
    return None


def files(query: Query) -> dict[str, str]:
    """The options that name files, with the path as it is written."""
    named = {name: str(value) for name, value in query.items() if name in FILES}
    return {n: v for n, v in named.items() if not (n in _AUTHORITIES and v == SYSTEM)}


def is_loopback(url: URL) -> bool:
    """Whether the server is on this machine."""
    host = url.host or "localhost"
    return host in ("localhost", "::1") or (host.startswith("127.") and host.replace(".", "").isdecimal())


def tls_is_verified(url: URL) -> bool:
    """Whether the server's certificate is verified for the host of the URL."""
    if url.get_backend_name() == "mysql":
        return any(name in url.query for name in ("ssl_ca", "ssl_cert"))
    return url.query.get("sslmode") == "verify-full" or (
        url.query.get("sslrootcert") == SYSTEM and "sslmode" not in url.query
    )
