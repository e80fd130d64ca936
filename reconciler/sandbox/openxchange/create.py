"""createuser (`facts/open-xchange.md` 3.2). Called by `run.py`."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.sandbox.openxchange import access, attributes, passwords, users
from reconciler.sandbox.openxchange.call import Answer, Call, Key, Server
from reconciler.sandbox.openxchange.failures import ILLEGAL_VALUE, LocalFailure, invalid_data
from reconciler.sandbox.openxchange.parser import number
from reconciler.sandbox.openxchange.store import transaction
from reconciler.sandbox.openxchange.users import User

_NO_IMPORT = "Option --csv-import is not part of this stand-in of Open-Xchange: create users one by one"


def createuser(call: Call) -> Answer:
    """Adds one user and says its id. Everything or nothing: a failure rolls back."""
    if call.given.has("csv-import"):
        raise LocalFailure(ILLEGAL_VALUE, _NO_IMPORT)
    context_id = call.context_id()
    wanted = attributes.changes(call.given)
    password = attributes.new_password(call.given, call.environ)
    store = _filestore(call)
    server = call.connect(context_id)
    rights = _rights(call, server)
    with transaction(server.connection):
        fresh = _user(call, server, wanted, rights)
        if store:
            fresh = _with_filestore(server, fresh, store)
        server.rules.check_create(fresh, password)
        fresh = fresh._replace(fields={**fresh.fields, "Password": passwords.hashed(password or "")})
        users.insert(server.connection, context_id, [fresh])
        server.connection.execute("UPDATE context SET next_id = ? WHERE cid = ?", (fresh.id + 1, context_id))
        call.on_effect()
    return Answer([f"user {fresh.id} in context {context_id} created\n"])


def _rights(call: Call, server: Server) -> frozenset[str]:
    """With a combination name the single --access options are ignored (3.2)."""
    name = call.given.get("access-combination-name")
    if name is not None:
        return access.combination(name)
    return access.switched(access.baseline(server.admin.access), call.given.values)


def _user(call: Call, server: Server, wanted: Mapping[str, str | None], rights: frozenset[str]) -> User:
    """The user as it will be stored; ids come from a sequence and are never used again."""
    fields = defaults(server) | {column: value for column, value in wanted.items() if value is not None}
    if "Name" in fields:
        fields["Name"] = server.login(fields["Name"])
    primary = fields.get("PrimaryEmail")
    if primary is not None:
        fields.setdefault("DefaultSenderAddress", primary)
    account_name = call.given.get("primary-account-name")
    if account_name:
        fields["PrimaryAccountName"] = account_name
    # The server itself adds the primary address and the default sender, so -a may omit them (3.2).
    own = {fields[column] for column in ("PrimaryEmail", "DefaultSenderAddress") if column in fields}
    row = server.connection.execute("SELECT next_id FROM context WHERE cid = ?", (server.context_id,)).fetchone()
    return User(
        row["next_id"],
        fields,
        frozenset(own) | (attributes.aliases(call.given) or frozenset()),
        rights,
        attributes.user_attributes({}, call.given),
        attributes.preferences({}, call.given),
    )


def defaults(server: Server) -> dict[str, str]:
    """What a new user gets where nothing is said."""
    return {
        "Language": server.switches.defaultLanguage,
        "Timezone": server.switches.DEFAULT_TIMEZONE,
        "ImapServer": "imap://localhost:143",
        "SmtpServer": "smtp://localhost:25",
        "Mailenabled": "true",
        "Password_expired": "false",
        "PasswordMech": passwords.MECHANISM,
        "MaxQuota": "-1",
    }


def _filestore(call: Call) -> dict[str, str]:
    """-q, -f and -o as columns. Raises NotANumber."""
    found = {}
    if call.given.has("quota"):
        found["MaxQuota"] = call.given.values["quota"]
    for option, column in (("filestore", "FilestoreId"), ("owner", "FilestoreOwner")):
        text = call.given.get(option)
        if text is not None:
            found[column] = str(number(text))
    return found


def _with_filestore(server: Server, user: User, store: Mapping[str, str]) -> User:
    """A file store of the user's own, unless an owner is named, who must exist and have one."""
    owner = store.get("FilestoreOwner", "0")
    if owner != "0" and not owns_filestore(server.find(Key(int(owner), None))):
        raise invalid_data(f"The user with id {owner} is not an owner of a filestore")
    return user._replace(fields={**user.fields, "FilestoreId": "1", "FilestoreOwner": owner, **store})


def owns_filestore(user: User) -> bool:
    """The user has a file store and is its owner (owner 0 means itself)."""
    own = user.fields.get("FilestoreOwner", "0") in {"0", str(user.id)}
    return own and user.fields.get("FilestoreId", "0") != "0"
