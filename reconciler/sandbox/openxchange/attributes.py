"""From options to the columns of a user (`facts/open-xchange.md` 1.1, 3.1). For createuser, changeuser, `options.py`.

What is wrong here is found by the tool itself, before it asks the server.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from reconciler.sandbox.openxchange.columns import BOOLEANS, COLUMNS, DATES, NUMBERS
from reconciler.sandbox.openxchange.failures import ILLEGAL_VALUE, LocalFailure, invalid_data
from reconciler.sandbox.openxchange.parser import Given, Option

_NAMED = {
    "username": "Name",
    "displayname": "Display_name",
    "givenname": "Given_name",
    "surname": "Sur_name",
    "language": "Language",
    "timezone": "Timezone",
    "department": "Department",
    "company": "Company",
    "primaryEmail": "PrimaryEmail",  # over SOAP only: no tool has it, and --email is more than this (3.1)
}
_WITHOUT_OPTION = NUMBERS | {
    *_NAMED.values(),
    *(
        "PrimaryEmail",
        "Aliases",
        "Password",
        "Filestore_name",
        "UserAttributes",
        "GuiPreferences",
        "PrimaryAccountName",
    ),
}
_GENERIC = {column.lower(): column for column in COLUMNS if column not in _WITHOUT_OPTION}
"""The tools make an option of every other attribute: its name in small letters."""


def _kind(column: str) -> str:
    return "boolean" if column in BOOLEANS else "text"


ATTRIBUTE_OPTIONS = tuple(
    Option(name, value=name, help=column.replace("_", " "), extended=True, kind=_kind(column))
    for name, column in _GENERIC.items()
)


def changes(given: Given) -> dict[str, str | None]:
    """The columns that the command line sets; None clears one. Raises LocalFailure (109), ServerFailure (103)."""
    _check_timezone(given.get("timezone"))
    found: dict[str, str | None] = {}
    email = given.get("email")
    if email is not None:
        found |= {"PrimaryEmail": email, "Email1": email}  # -e sets both, and nothing else (3.1)
    for option, column in (_NAMED | _GENERIC).items():
        value = given.get(option)
        if value is not None:
            found[column] = _value(option, column, value)
    return found


def aliases(given: Given) -> frozenset[str] | None:
    """The whole new alias set; None when `-a` was not given, the empty set for `-a ''`."""
    text = given.get("aliases")
    if text is None:
        return None
    return frozenset(part.strip() for part in text.split(",")) - {""}


def user_attributes(stored: Mapping[str, str], given: Given) -> dict[str, str]:
    """User attributes after --config/key=value and --remove-config/key."""
    removed = {name for name, value in given.attributes.items() if value is None}
    added = {name: value for name, value in given.attributes.items() if value is not None}
    return {name: value for name, value in stored.items() if name not in removed} | added


def preferences(stored: Mapping[str, str], given: Given) -> dict[str, str]:
    """GUI preferences after --addguipreferences and --removeguipreferences. Raises LocalFailure (109)."""
    kept = {key: value for key, value in stored.items() if key != given.get("removeguipreferences")}
    added = given.get("addguipreferences")
    if added is None:
        return kept
    key, equals, value = added.partition("=")
    if not equals:
        raise LocalFailure(ILLEGAL_VALUE, f"Illegal value '{added}' for option --addguipreferences")
    return kept | {key: value}


def new_password(given: Given, environ: Mapping[str, str]) -> str | None:
    """NEW_USER_PASSWORD wins over -p, in changeuser too (1.3). None when there is neither."""
    return from_environment(environ, "NEW_USER_PASSWORD") or given.get("password")


def from_environment(environ: Mapping[str, str], name: str) -> str | None:
    """A variable's value; empty and blank ones count as unset (1.3)."""
    value = environ.get(name, "")
    return value if value.strip() else None


def _value(option: str, column: str, value: str) -> str | None:
    if column in BOOLEANS:
        return value.lower()
    if value == "" and column != "Department":  # the one that an empty value does not clear (1.1)
        return None
    if column in DATES:
        _check_date(option, value)
    return value


def _check_date(option: str, value: str) -> None:
    try:
        date.fromisoformat(value)
    except ValueError:
        raise LocalFailure(ILLEGAL_VALUE, f"Illegal value '{value}' for option --{option}") from None


def _check_timezone(name: str | None) -> None:
    """Against the machine's zones; a machine without any takes every name of the right form."""
    if name is None:
        return
    if not any(Path(folder).is_dir() for folder in zoneinfo.TZPATH):
        known = name.replace("/", "").replace("_", "").isalnum()
    else:
        known = _is_zone(name)
    if not known:
        raise invalid_data("The given timezone is invalid")


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError, an odd path a ValueError
        return False
    except KeyError:
        return False
    return True
