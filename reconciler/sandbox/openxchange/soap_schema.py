"""The schema of the SOAP service: which elements, and in which order (`facts/open-xchange.md` 7). Used by `soap.py`.

The facts name the fields of a user that differ from the CSV; all others are the CSV's with a small first letter, and
all stand in the alphabet's order but the youngest, which is last.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from reconciler.sandbox.openxchange.columns import COLUMNS

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SERVICE = "http://soap.admin.openexchange.com"
DATA = "http://dataobjects.soap.admin.openexchange.com/xsd"
CREDENTIALS = "http://dataobjects.rmi.admin.openexchange.com/xsd"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
NIL = f"{{{INSTANCE}}}nil"

_LAST = "primaryAccountName"
_OTHERWISE = {
    "GUI_Spam_filter_capabilities_enabled": "gui_spam_filter_enabled",
    "GuiPreferences": "guiPreferencesForSoap",
}
COLUMN_OF: Mapping[str, str] = {_OTHERWISE.get(name, f"{name[0].lower()}{name[1:]}"): name for name in COLUMNS}
"""Element to column."""
USER = (*sorted(COLUMN_OF.keys() - {_LAST}, key=str.lower), _LAST)
"""All elements of a user, in order."""
_CONTEXT = ("id", "name")
_AUTH = ("login", "password")

PARAMETERS = {
    "list": ("ctx", "search_pattern", "auth", "include_guests", "exclude_users"),
    "listAll": ("ctx", "auth", "includeGuests", "excludeUsers"),
    "getData": ("ctx", "user", "auth"),
    "getMultipleData": ("ctx", "users", "auth"),
    "exists": ("ctx", "user", "auth"),
    "create": ("ctx", "usrdata", "auth"),
    "change": ("ctx", "usrdata", "auth"),
    "delete": ("ctx", "user", "auth", "reassign"),
}
_SINCE_MID = frozenset({"include_guests", "exclude_users", "includeGuests", "excludeUsers", "reassign"})
_REPEATED = frozenset({"users", "aliases"})
_OBJECTS = {
    "ctx": (DATA, _CONTEXT),
    "auth": (CREDENTIALS, _AUTH),
    **dict.fromkeys(("user", "users", "usrdata"), (DATA, USER)),
}


class Misunderstood(Exception):
    """The message does not fit the schema: a fault of the client."""


def checked(operation: Element, version: str) -> str:
    """The name of the operation, whose message fits the schema of this release. Raises Misunderstood."""
    namespace, name = _split(operation.tag)
    if namespace != SERVICE or name not in PARAMETERS:
        raise Misunderstood(f"Unexpected wrapper element {operation.tag} found")
    known = [each for each in PARAMETERS[name] if version != "OLD" or each not in _SINCE_MID]
    _check_order(operation, SERVICE, known)
    for parameter in operation:
        inner, elements = _OBJECTS.get(local(parameter.tag), ("", ()))
        _check_order(parameter, inner, elements)
    return name


def _check_order(parent: Element, namespace: str, known: tuple[str, ...] | list[str]) -> None:
    reached = -1
    for child in parent:
        uri, name = _split(child.tag)
        if uri != namespace or name not in known:
            raise _unexpected(uri, name)
        position = known.index(name)
        if position < reached or (position == reached and name not in _REPEATED):
            raise _unexpected(uri, name)
        reached = position


def _unexpected(uri: str, name: str) -> Misunderstood:
    return Misunderstood(f'Unmarshalling Error: unexpected element (uri:"{uri}", local:"{name}").')


def local(tag: str) -> str:
    """The name of an element without its namespace."""
    return _split(tag)[1]


def _split(tag: str) -> tuple[str, str]:
    uri, _, name = tag.rpartition("}")
    return uri.removeprefix("{"), name
