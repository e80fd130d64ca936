"""OX administered over SOAP: one kept connection, and no process for each user (facts/open-xchange.md 7).

`list` gives ids alone, so the users are then fetched by `getMultipleData`, so many at a time. Faults say by name what
the tools say by exit status, and are told in the same words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TypeVar
from xml.etree.ElementTree import Element

from pydantic import SecretStr

from reconciler.errors import Unreadable
from reconciler.model.records import Owner
from reconciler.planning.changes import Action, Outcome, Result
from reconciler.remote.concurrency import to_its_end
from reconciler.settings import OpenXchange
from reconciler.systems.openxchange.listuser_csv import listed
from reconciler.systems.openxchange.provisioning import ALL, One, Provisioning, Write
from reconciler.systems.openxchange.recent_list import UserList
from reconciler.systems.openxchange.soap_client import Broken, SoapClient
from reconciler.systems.openxchange.soap_messages import Fault, Operation, User, cells, request, user_id
from reconciler.systems.openxchange.tool_answers import (
    AGAIN,
    LOG,
    PLAN,
    Words,
    known_failure,
    server_message,
    status_of,
)
from reconciler.systems.system_context import Fence, NoFence

T = TypeVar("T")
_User = str
"""The cells of one user in one text, a quarter of their size one by one: a list may be kept (`recent_list`)."""
_BETWEEN = "\0"
"""No text of XML has it."""

AT_ONCE = 1000
"""Users in one `getMultipleData`: OX looks each up before it answers, and a proxy gives up after a minute or so."""
_TRIES = 3
"""Lists, while somebody deletes users."""
_SECONDS = 180.0
"""For one answer, as for one call of a tool."""

_STATUS = {
    "InvalidCredentialsException": 101,
    "NoSuchContextException": 102,
    "InvalidDataException": 103,
    "StorageException": 106,
    "RemoteException": 107,
    "NoSuchUserException": 108,
    "DatabaseUpdateException": 1,
}
"""The exit status of the tools for the same exception (facts 1.4)."""
_WRITES: dict[Action, tuple[Operation, str]] = {
    Action.CREATE: ("create", "usrdata"),
    Action.UPDATE: ("change", "usrdata"),
    Action.DELETE: ("delete", "user"),
}
_ELEMENTS = {
    "login": ("name",),
    "given_name": ("given_name",),
    "surname": ("sur_name",),
    "imap_login": ("imapLogin",),
    "primary": ("primaryEmail", "email1"),  # the tools do that; here it is ours to send both (facts 7)
    "default_sender": ("defaultSenderAddress",),
}
"""Our words that are not the service's."""


class Soap(Provisioning):
    """One context, asked one thing after the other."""

    def __init__(
        self,
        section: OpenXchange,
        client: SoapClient,
        admin_password: SecretStr,
        words: Words,
        fence: Fence = NoFence(),  # noqa: B008  # it has no state
    ) -> None:
        super().__init__(section, words, fence, parallel=1)
        self._context = section.context
        self._client = client
        self._password = admin_password
        self._turn = asyncio.Semaphore(1)

    async def _list(self, one: One) -> UserList:
        """See Provisioning; here one user is fetched by id, else by login."""
        async with self._turn:
            found = await asyncio.to_thread(self._users if one == ALL else lambda: self._user(one))
        return UserList(one, lambda: (listed(user.split(_BETWEEN)) for user in found))

    async def _write(self, write: Write, password: SecretStr | None, owner: Owner, words: Words) -> Outcome | None:
        """See Provisioning."""
        async with self._turn, self.fence.effect(owner):
            return await to_its_end(self._written, write, password, words)

    async def check(self) -> None:
        """See Provisioning; the service that lists users is the one that writes them."""
        await self.read(list, One(self.admin), keep=False)

    async def close(self) -> None:
        """See Provisioning."""
        self._client.close()

    def _users(self) -> list[_User]:
        ids = self._ids()
        if not ids:
            raise self._unlisted("the list has no user at all, not even the context admin", AGAIN)
        starts = range(0, len(ids), AT_ONCE)
        return [user for start in starts for user in self._several(ids[start : start + AT_ONCE])]

    def _ids(self) -> list[str]:
        try:
            ids = self._returned("list", user_id, "search_pattern", "*")
        except Fault as fault:
            raise self._unread(fault) from None
        if not all(map(_is_id, ids)) or len(set(ids)) != len(ids):
            raise self._unlisted("the list has a user without an id, or one twice", LOG)
        return ids

    def _several(self, ids: Sequence[str]) -> list[_User]:
        """Those users whole. Somebody may delete one of them meanwhile: then OX answers for none."""
        for _ in range(_TRIES):
            try:
                found = self._returned("getMultipleData", self._whole, "users", [{"id": each} for each in ids])
            except Fault as fault:
                there = set(self._ids()) if fault.name == "NoSuchUserException" else set(ids)
                if there.issuperset(ids):
                    raise self._unread(fault) from None
                ids = [each for each in ids if each in there]
                if not ids:
                    return []
                continue
            if sorted(map(_id_of, found)) != sorted(ids):
                raise self._unlisted("OX answered for others than it was asked for", LOG)
            return found
        raise self._unlisted("users go faster than they can be read", AGAIN)

    def _user(self, one: One) -> list[_User]:
        key = {"id": one.user_id} if one.user_id else {"name": one.login}
        try:
            found = self._returned("getData", self._whole, "user", [key])
        except Fault as fault:
            if fault.name == "NoSuchUserException":
                return []
            raise self._unread(fault) from None
        if len(found) != 1 or one.user_id not in ("", _id_of(found[0])):
            raise self._unlisted("OX did not answer for the one user that it was asked for", LOG)
        return found

    def _whole(self, user: Element) -> _User:
        """Every user has an id and a login: who has none was not fetched whole, and all else of it would be missing,
        too."""
        values = cells(user)
        if not _is_id(values[0]) or not values[1]:
            raise self._unlisted("the answer has a user without an id or a login", LOG)
        return _BETWEEN.join(values)

    def _returned(
        self, operation: Operation, make: Callable[[Element], T], name: str, values: str | Sequence[User]
    ) -> list[T]:
        """What only reads is asked a second time when the connection breaks. Raises Fault, too."""
        message = self._request(operation, name, values)
        try:
            return self._asked(operation, message, make)
        except Broken:
            return self._asked(operation, message, make)

    def _asked(self, operation: Operation, message: bytes, make: Callable[[Element], T]) -> list[T]:
        with closing(self._client.ask(operation, message, _SECONDS)) as users:
            return list(map(make, users))

    def _written(self, write: Write, password: SecretStr | None, words: Words) -> Outcome | None:
        operation, name = _WRITES[write.action]
        message = self._request(operation, name, [_elements(write, password)])
        try:
            made = self._asked(operation, message, user_id)
        except Fault as fault:
            return _failure(fault, words, self._hiding(fault.text, password))
        if operation == "create" and not any(made):
            return Outcome(Result.FAILED, "OX answered without saying that it did anything", AGAIN, temporary=True)
        return None

    def _request(self, operation: Operation, name: str, values: str | Sequence[User]) -> bytes:
        return request(operation, self._context, (self.admin, self._password.get_secret_value()), name, values)

    def _hiding(self, text: str, *passwords: SecretStr | None) -> str:
        """A server that does not understand a message may repeat it."""
        for secret in (self._password, *passwords):
            if secret is not None and secret.get_secret_value():
                text = text.replace(secret.get_secret_value(), "…")
        return text

    def _unread(self, fault: Fault) -> Unreadable:
        problem = _failure(fault, self.words, self._hiding(fault.text))
        return self._unlisted(problem.message, problem.hint)

    def _unlisted(self, message: str, hint: str) -> Unreadable:
        return Unreadable(f"the OX users cannot be listed: {message}", hint=hint)


def _id_of(user: _User) -> str:
    return user.partition(_BETWEEN)[0]


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _elements(write: Write, password: SecretStr | None) -> dict[str, str | tuple[str, ...]]:
    elements = {element: value for name, value in write.values.items() for element in _ELEMENTS.get(name, (name,))}
    if write.user_id:
        elements["id"] = write.user_id
    if password is not None:
        elements["password"] = password.get_secret_value()
    return elements


def _failure(fault: Fault, words: Words, text: str) -> Outcome:
    reason = server_message(text) or "no reason given"
    if fault.of_client:
        hint = f"compare {words.where} with its WSDL (`?wsdl` behind the address), and report it"
        return Outcome(Result.FAILED, f"this version of OX does not understand what it was asked: {reason}", hint)
    status = _STATUS.get(fault.name) or status_of(text)
    known = known_failure(status, f"{fault.name}: {text}", words._replace(reason=reason))
    return known or Outcome(Result.FAILED, f"OX answers with an error: {reason}", f"{LOG}; {PLAN}")
