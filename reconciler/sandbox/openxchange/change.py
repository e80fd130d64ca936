"""changeuser (`facts/open-xchange.md` 3.3). Called by `run.py`.

Not atomic: one call is several transactions in a fixed order, and what an earlier one did stays when a later one
fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.sandbox.openxchange import access, attributes, passwords, users
from reconciler.sandbox.openxchange.call import Answer, Call, Key, Server
from reconciler.sandbox.openxchange.failures import invalid_data, storage
from reconciler.sandbox.openxchange.parser import Given
from reconciler.sandbox.openxchange.store import transaction
from reconciler.sandbox.openxchange.users import User


def changeuser(call: Call) -> Answer:
    """Changes what was given and nothing else."""
    key = call.required_key()
    context_id = call.context_id()
    wanted = attributes.changes(call.given)
    password = attributes.new_password(call.given, call.environ)
    server = call.connect(context_id)
    user_id = server.find(key).id  # "read module access": credentials and user fail here (1.6)
    _change_module_access(call, server, user_id)
    _main_change(call, server, user_id, _sent(server, key, wanted, password))
    for option, step in _AFTERWARDS.items():
        _separately(server, user_id, call.given, option, step)
    return Answer([f"{call.subject.text} changed\n"])


def _sent(server: Server, key: Key, wanted: Mapping[str, str | None], password: str | None) -> dict[str, str | None]:
    """The columns that the main change carries. -u alone is the key; beside -i it is the wanted login (3.3)."""
    sent = dict(wanted)
    login = sent.pop("Name", None)
    if key.user_id is not None and login is not None:
        sent["Name"] = server.login(login)
    if password is not None:
        sent["Password"] = passwords.hashed(password)
    return sent


def _change_module_access(call: Call, server: Server, user_id: int) -> None:
    if not any(access.is_access(option) for option in call.given.values):
        return
    with transaction(server.connection):
        user = server.find(Key(user_id, None))
        _refuse_guest(user)
        changed = user._replace(access=access.switched(user.access, call.given.values))
        users.save(server.connection, server.context_id, changed)


def _main_change(call: Call, server: Server, user_id: int, sent: Mapping[str, str | None]) -> None:
    with transaction(server.connection):
        before = server.find(Key(user_id, None))
        _refuse_guest(before)
        after = _changed(call.given, before, sent)
        server.rules.check_change(before, after, sent=sent, is_admin=server.is_admin(before))
        after = _with_quota(call.given, server, after)
        users.save(server.connection, server.context_id, after)
        call.on_effect()


def _changed(given: Given, user: User, sent: Mapping[str, str | None]) -> User:
    merged = {**user.fields, **sent}
    replaced = attributes.aliases(given)
    return user._replace(
        fields={column: value for column, value in merged.items() if value is not None},
        aliases=user.aliases if replaced is None else replaced,
        attributes=attributes.user_attributes(user.attributes, given),
        preferences=attributes.preferences(user.preferences, given),
    )


def _with_quota(given: Given, server: Server, user: User) -> User:
    quota = given.get("quota")
    if quota is None:
        return user
    has_store = user.fields.get("FilestoreId", "0") != "0"
    if not has_store and not server.switches.ALLOW_CHANGING_QUOTA_IF_NO_FILESTORE_SET:
        raise storage(f"Quota cannot be changed: user {user.id} has no file store of its own")
    return user._replace(fields={**user.fields, "MaxQuota": quota})


def _refuse_guest(user: User) -> None:
    if user.is_guest:
        raise invalid_data(f"User {user.id} is a guest and cannot be changed")


Step = Callable[[User, str], User]


def _combination(user: User, name: str) -> User:
    return user._replace(access=access.combination(name))


def _add_capabilities(user: User, names: str) -> User:
    return user._replace(capabilities={**user.capabilities, **dict.fromkeys(_list(names), True)})


def _remove_capabilities(user: User, names: str) -> User:
    return user._replace(capabilities={**user.capabilities, **dict.fromkeys(_list(names), False)})


def _drop_capabilities(user: User, names: str) -> User:
    kept = {name: on for name, on in user.capabilities.items() if name not in _list(names)}
    return user._replace(capabilities=kept)


def _personal(user: User, name: str) -> User:
    return user._replace(personal=None if name == "NULL" else name)


# What follows the main change, in this order (3.3).
_AFTERWARDS: dict[str, Step] = {
    "access-combination-name": _combination,
    "capabilities-to-add": _add_capabilities,
    "capabilities-to-remove": _remove_capabilities,
    "capabilities-to-drop": _drop_capabilities,
    "personal": _personal,
}


def _separately(server: Server, user_id: int, given: Given, option: str, step: Step) -> None:
    value = given.get(option)
    if value is None:
        return
    with transaction(server.connection):
        users.save(server.connection, server.context_id, step(server.find(Key(user_id, None)), value))


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
