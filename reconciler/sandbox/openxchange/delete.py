"""deleteuser and existsuser (`facts/open-xchange.md` 3.4). Called by `run.py`."""

from __future__ import annotations

from reconciler.sandbox.openxchange import users
from reconciler.sandbox.openxchange.call import Answer, Call, Key, Server
from reconciler.sandbox.openxchange.create import owns_filestore
from reconciler.sandbox.openxchange.failures import NO_SUCH_USER, ServerFailure, invalid_data
from reconciler.sandbox.openxchange.parser import number
from reconciler.sandbox.openxchange.store import transaction
from reconciler.sandbox.openxchange.users import User


def deleteuser(call: Call) -> Answer:
    """Deletes a user; the stand-in has no shared data that could go to somebody."""
    key = call.required_key()
    context_id = call.context_id()
    reassign = call.given.get("reassign")
    target = None if reassign is None else number(reassign)
    server = call.connect(context_id)
    with transaction(server.connection):
        user = _find(server, key)
        _check(server, user)
        if target is not None and not call.given.has("no-reassign"):  # --no-reassign wins
            _check_target(server, user, target)
        users.delete(server.connection, context_id, user.id)
        server.connection.execute("DELETE FROM mail_account WHERE cid = ? AND user = ?", (context_id, user.id))
    call.on_effect()  # plug-in errors are reported when the user is gone already
    return Answer([f"{call.subject.text} deleted\n"])


def existsuser(call: Call) -> Answer:
    """Says yes with exit 0 and no with exit 1, both on stdout."""
    key = call.key()
    context_id = call.context_id()
    if key == Key(None, None):
        raise invalid_data("Either username or userid must be given")
    server = call.connect(context_id)
    call.on_effect()
    try:
        server.find(key)
    except ServerFailure as failure:
        if failure.status != NO_SUCH_USER:
            raise
        return Answer([f"User {call.subject.ident} does not exist\n"], status=1)
    return Answer([f"User {call.subject.ident} exists\n"])


def _find(server: Server, key: Key) -> User:
    """This tool has a text of its own for an unknown id (1.6)."""
    if key.user_id is not None and users.find(server.connection, server.context_id, user_id=key.user_id) is None:
        raise ServerFailure(NO_SUCH_USER, f"No such user(s) {key.user_id} in context {server.context_id}")
    return server.find(key)


def _check(server: Server, user: User) -> None:
    if server.is_admin(user):
        raise invalid_data("Admin delete not supported")
    if users.owns_for_others(server.connection, server.context_id, user.id):
        raise invalid_data(f"User {user.id} is the owner of a master filestore which other users are using")


def _check_target(server: Server, user: User, target: int) -> None:
    """A target must exist, be somebody else and own a file store, whether or not there is anything to hand over."""
    if target == user.id:
        raise invalid_data("Cannot reassign to the user that is being deleted")
    if target > 0 and not owns_filestore(server.find(Key(target, None))):
        raise invalid_data(f"The reassign user with id {target} is not an owner of a filestore")
