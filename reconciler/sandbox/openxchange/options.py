"""Which options each tool knows in each release (`facts/open-xchange.md` 1.2, 2.1, 3.1, 3.4, 8). Used by `run.py`."""

from __future__ import annotations

from reconciler.sandbox.openxchange.attributes import ATTRIBUTE_OPTIONS
from reconciler.sandbox.openxchange.columns import access_columns
from reconciler.sandbox.openxchange.parser import Option

DYNAMIC_TOOLS = frozenset({"createuser", "changeuser"})
"""The tools that know --namespace/name=value."""

_COMMON = (
    Option("help", "h", help="Prints a help text"),
    Option("environment", help="Show info about commandline environment"),
    Option("nonl", help="Remove all newlines (\\n) from output"),
    Option("responsetimeout", value="seconds", kind="number", help="Response timeout, default 0: infinite"),
)
_EXTENDED = Option("extendedoptions", help="All options, use this instead of help")
_CREDENTIALS = (
    Option("contextid", "c", "contextid", "*", "The id of the context"),
    Option("adminuser", "A", "adminuser", "?", "Admin username"),
    Option("adminpass", "P", "adminpass", "?", "Admin password"),
)
_KEY = (
    Option("userid", "i", "userid", help="Id of the user"),
    Option("username", "u", "username", help="Username of the user"),
)
_GUESTS = (
    Option("includeguests", help="Also list guests"),
    Option("excludeusers", help="List guests only; useful with --includeguests"),
)
_PAGING = (
    Option("length", value="number", kind="number", help="How many users to list"),
    Option("offset", value="number", kind="number", help="How many users to leave out first"),
)
_REASSIGN = (
    Option("reassign", "r", "userid", help="Who gets the shared data; default: the context admin"),
    Option("no-reassign", help="Delete the shared data too"),
)
_FILESTORE = (
    Option("filestore", "f", "filestore", help="Id of the user's file store"),
    Option("owner", "o", "owner", help="Id of the file store's owner"),
)
_QUOTA = (Option("quota", "q", "quota", kind="number", help="Quota of the user's file store in MB"),)
_CHANGE_ONLY = (
    Option("personal", value="name", help="Personal part of the primary address; NULL clears it"),
    Option("capabilities-to-add", value="list", help="Capabilities to add, comma separated"),
    Option("capabilities-to-remove", value="list", help="Capabilities to remove, comma separated"),
    Option("capabilities-to-drop", value="list", help="Capabilities to forget, comma separated"),
)
_PREFERENCES = (
    Option("addguipreferences", value="key=value", help="Add a GUI setting", extended=True),
    Option("removeguipreferences", value="key", help="Remove a GUI setting", extended=True),
)


def options(tool: str, version: str, *, password_in_environment: bool) -> tuple[Option, ...]:
    """The options of `tool`. `password_in_environment`: NEW_USER_PASSWORD is set, so -p is not mandatory (1.3)."""
    known = (*_COMMON, *_CREDENTIALS)
    match tool:
        case "listuser":
            return (*known, *_list_options(version))
        case "createuser":
            return (*known, _EXTENDED, *_create_options(version, password_in_environment))
        case "changeuser":
            return (*known, _EXTENDED, *_change_options(version))
        case "deleteuser":
            return (*known, *_KEY, *(() if version == "OLD" else _REASSIGN))
        case _:
            return (*known, *_KEY)


def _list_options(version: str) -> tuple[Option, ...]:
    always = (
        Option("searchpattern", "s", "pattern", help="The search pattern, * matches anything"),
        Option("csv", help="Format output to csv"),
    )
    newer = (Option("ignorecase", "i", help="Match case-insensitively"), *_GUESTS) if version != "OLD" else ()
    return (*always, *newer, *(_PAGING if version == "NEW" else ()))


def _create_options(version: str, password_in_environment: bool) -> tuple[Option, ...]:
    mandatory = (
        Option("username", "u", "username", "*", "Username of the user"),
        *_person("*"),
        Option("password", "p", "password", "" if password_in_environment else "*", "Password of the user"),
        Option("email", "e", "email", "*", "Primary mail address"),
    )
    newer = (*_QUOTA, *_FILESTORE, Option("primary-account-name", value="name", help="Name of mail account 0"))
    return (
        *mandatory,
        *_attributes(version),
        *(newer if version != "OLD" else ()),
        _PREFERENCES[0],
        Option("csv-import", value="CSV file", help="Import users from a file; the stand-in does not have it"),
    )


def _change_options(version: str) -> tuple[Option, ...]:
    person = (*_person(""), Option("password", "p", "password", help="Password of the user"))
    newest = (Option("convert-drive-user-folders", help="Convert Drive user folders"),)
    return (
        *_KEY,
        *person,
        Option("email", "e", "email", help="Primary mail address"),
        *_attributes(version),
        *((*_QUOTA, *_CHANGE_ONLY) if version != "OLD" else ()),
        *_PREFERENCES,
        *(newest if version == "NEW" else ()),
    )


def _person(marker: str) -> tuple[Option, ...]:
    return (
        Option("displayname", "d", "displayname", marker, "Display name of the user"),
        Option("givenname", "g", "givenname", marker, "Given name of the user"),
        Option("surname", "s", "surname", marker, "Surname of the user"),
    )


def _attributes(version: str) -> tuple[Option, ...]:
    access = (Option(name, value="on/off", help="Module access", extended=True) for name in access_columns(version))
    named = (
        Option("aliases", "a", "aliases", help="All aliases, comma separated: replaces those that are there"),
        Option("language", "l", "language", help="Language, for example de_DE"),
        Option("timezone", "t", "timezone", help="Timezone, for example Europe/Berlin"),
        Option("department", "x", "department", help="Department"),
        Option("company", "z", "company", help="Company"),
        Option("access-combination-name", value="name", help="Name of a set of access rights"),
    )
    return (*named, *access, *ATTRIBUTE_OPTIONS)
