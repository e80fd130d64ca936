"""The SOAP service of the stand-in for users: `/webservices/OXUserService` (`facts/open-xchange.md` 7).

What an operation does is what the tool of the same effect does: same rules, same store, same faults. `web.py` serves
it.
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError, fromstring

from reconciler.sandbox.openxchange import store
from reconciler.sandbox.openxchange import switches as switch_file
from reconciler.sandbox.openxchange.call import Call, Key, Server
from reconciler.sandbox.openxchange.change import changeuser
from reconciler.sandbox.openxchange.console import exception_suffix
from reconciler.sandbox.openxchange.create import createuser
from reconciler.sandbox.openxchange.delete import deleteuser, existsuser
from reconciler.sandbox.openxchange.failures import COMMUNICATION, LocalFailure, ToolFailure, invalid_data, storage
from reconciler.sandbox.openxchange.listing import matching
from reconciler.sandbox.openxchange.parser import Given, number
from reconciler.sandbox.openxchange.soap_schema import (
    CREDENTIALS,
    DATA,
    NIL,
    SERVICE,
    SOAP,
    Misunderstood,
    checked,
    local,
)
from reconciler.sandbox.openxchange.soap_xml import answer_xml, fault_xml, user_xml
from reconciler.sandbox.openxchange.users import User

PATH = "/webservices/OXUserService"
_EXCEPTIONS = {
    1: "DatabaseUpdateException",
    101: "InvalidCredentialsException",
    102: "NoSuchContextException",
    103: "InvalidDataException",
    106: "StorageException",
    107: "RemoteException",
    108: "NoSuchUserException",
}
"""What the tools say by exit status."""
_TOOL_OF = {
    **dict.fromkeys(("list", "listAll"), "listuser"),
    **dict.fromkeys(("getData", "getMultipleData"), switch_file.GETDATA),
    "exists": "existsuser",
    "create": "createuser",
    "change": "changeuser",
    "delete": "deleteuser",
}
_OPTION_OF = {"id": "userid", "name": "username", "sur_name": "surname", "given_name": "givenname"}
_OPTION_OF |= {"display_name": "displayname", "primaryEmail": "primaryEmail"}
_GATEWAY = b"<!DOCTYPE html>\n<html><body><h1>Service Unavailable</h1></body></html>\n"


class Reply(NamedTuple):
    """One answer over HTTP."""

    status: int
    body: bytes
    kind: str = "text/xml;charset=UTF-8"
    is_cut: bool = False
    """Only its first half arrives."""


class UserService:
    """The service of one stand-in."""

    def __init__(self, folder: Path) -> None:
        switch_file.load(folder)  # there must be a stand-in
        self._folder = folder

    def reply(self, body: bytes) -> Reply | None:
        """The answer; None when a fault loses it after the effect."""
        switches = switch_file.load(self._folder)
        try:
            message = fromstring(body)
            operation = message.find(f"{{{SOAP}}}Body/*")
            if operation is None:
                raise Misunderstood("Message part is not recognized.")
            name = checked(operation, switches.version)
        except (ParseError, Misunderstood) as error:
            return Reply(500, fault_xml("soap:Client", str(error), ""))
        with closing(store.connect(self._folder)) as connection:
            call = Call(_TOOL_OF[name], connection, switches, _given(operation), {})
            try:
                answer = answer_xml(name, _OPERATIONS[name](call, operation))
            except sqlite3.Error as error:
                return self._failed(storage(f"{type(error).__name__}: {error}"), switches)
            except ToolFailure as failure:
                return self._failed(failure, switches)
        kinds = call.faults.kinds if call.faults is not None else frozenset()
        if "dies_after_effect" in kinds:
            return None
        return Reply(200, answer, is_cut="half_answer" in kinds)

    def _failed(self, failure: ToolFailure, switches: switch_file.Switches) -> Reply:
        if failure.status == COMMUNICATION:
            return Reply(503, _GATEWAY, "text/html")  # what a web server in front of it says
        if isinstance(failure, LocalFailure):
            text = "Missing com.openexchange.admin.rmi.OXUserInterface instance."
            return Reply(500, fault_xml("soap:Server", text, "RemoteException"))
        suffix = exception_suffix(str(self._folder)) if switches.version == "NEW" else ""
        return Reply(500, fault_xml("soap:Server", failure.message + suffix, _EXCEPTIONS[failure.status]))


def _given(operation: Element) -> Given:
    """The message as a tool's command line would say it. What is nil or missing is left alone."""
    values = {"contextid": operation.findtext(f"{{{SERVICE}}}ctx/{{{DATA}}}id") or ""}
    for name, option in (("login", "adminuser"), ("password", "adminpass")):
        values[option] = operation.findtext(f"{{{SERVICE}}}auth/{{{CREDENTIALS}}}{name}") or ""
    for parameter in operation:
        name = local(parameter.tag)
        if name in ("user", "usrdata"):
            values |= _options(parameter)
        elif name == "search_pattern":
            values["searchpattern"] = parameter.text or ""
        elif name in _FLAGS and parameter.text == "true":
            values[name.replace("_", "").lower()] = "true"
        elif name == "reassign" and parameter.text:
            values["reassign"] = parameter.text
    return Given(values, {}, ())


_FLAGS = ("include_guests", "exclude_users", "includeGuests", "excludeUsers")


def _options(user: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for child in user:
        name = local(child.tag)
        if child.get(NIL) in ("true", "1"):
            continue
        text = child.text or ""
        if name == "aliases":
            found["aliases"] = f"{found['aliases']},{text}" if "aliases" in found else text
        else:
            found[_OPTION_OF.get(name, name.lower())] = text
    return found


def _list(call: Call, _: Element) -> Iterable[str]:
    """Ids and nothing else (7)."""
    server = call.connect(call.context_id())
    call.on_effect()
    return [user_xml(User(user.id, {})) for user in matching(call.given, server, random.Random(call.switches.seed))]


def _data(call: Call, operation: Element) -> Iterable[str]:
    """Those that are asked for, or a fault when one of them is not there."""
    server = call.connect(call.context_id())
    call.on_effect()
    users = [each for each in operation if local(each.tag) in ("user", "users")]
    return [user_xml(_found(server, each)) for each in users]


def _found(server: Server, user: Element) -> User:
    given = _options(user)
    if "userid" not in given and "username" not in given:
        raise invalid_data("Username and userid missing.")
    return server.find(Key(number(given["userid"]) if "userid" in given else None, given.get("username")))


def _exists(call: Call, _: Element) -> Iterable[str]:
    return [f"<return>{'true' if existsuser(call).status == 0 else 'false'}</return>"]


def _create(call: Call, _: Element) -> Iterable[str]:
    said = "".join(createuser(call).text)
    created = re.match(r"user ([0-9]+) ", said)
    assert created is not None, said
    return [user_xml(User(int(created[1]), {}))]


def _change(call: Call, _: Element) -> Iterable[str]:
    changeuser(call)
    return ()


def _delete(call: Call, _: Element) -> Iterable[str]:
    deleteuser(call)
    return ()


_OPERATIONS: dict[str, Callable[[Call, Element], Iterable[str]]] = {
    "list": _list,
    "listAll": _list,
    "getData": _data,
    "getMultipleData": _data,
    "exists": _exists,
    "create": _create,
    "change": _change,
    "delete": _delete,
}
