"""Makes a stand-in in a folder. Called by `__main__.py`, the sandbox and tests."""

from __future__ import annotations

import shlex
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from reconciler.errors import UsageError
from reconciler.sandbox.openxchange import passwords, store, users
from reconciler.sandbox.openxchange import switches as switch_file
from reconciler.sandbox.openxchange.access import ADMIN_ACCESS
from reconciler.sandbox.openxchange.portable import ROOT, copy_code, python_for_all
from reconciler.sandbox.openxchange.users import User

ADMIN_ID = 2
_MODULE = "reconciler.sandbox.openxchange.run"

# -S: nothing but the standard library is needed, and start-up is what a thousand calls wait for. -P: a csv.py in the
# caller's folder is not ours. The last two leave the locale to the tool, which looks at it as a JVM would.
_SCRIPT = """#!/bin/sh
# Stand-in of reconciler for Open-Xchange's {tool}. Not Open-Xchange.
PYTHONPATH={root} PYTHONCOERCECLOCALE=0 exec {python} -S -s -P -X utf8 -m {module} {script} "$@"
"""


def install(
    folder: Path,
    *,
    admin_password: str,
    admin: str = "oxadmin",
    context: int = 1,
    admin_mail: str = "oxadmin@example.org",
    portable: bool = False,
) -> Path:
    """Makes `folder/sbin/{listuser,…}`, the store and the switches, and returns the sbin folder.

    Safe to repeat: users and switches that are there stay, the scripts are written anew, and the context admin gets
    this password. Another `context` is added beside those that are there. `portable`: every user of the machine can run
    the tools once the folder is theirs, wherever this code and this Python stand. Raises UsageError.
    """
    if not admin_password:
        raise UsageError("the context admin needs a password", hint="an empty one never authenticates; choose another")
    sbin = folder.resolve() / "sbin"
    sbin.mkdir(parents=True, exist_ok=True)
    store.create(folder)
    if not (folder / switch_file.FILE_NAME).exists():
        switch_file.save(folder, switch_file.Switches())
    with closing(store.connect(folder)) as connection, store.transaction(connection):
        _put_admin(connection, context, _admin(admin, admin_mail, admin_password))
    root, python = (copy_code(sbin.parent), python_for_all()) if portable else (ROOT, Path(sys.executable))
    for tool in switch_file.TOOLS:
        _write_script(sbin / tool, tool, root, python)
    return sbin


def _admin(login: str, mail: str, password: str) -> User:
    fields = {
        "Name": login,
        "Display_name": "Context Admin",
        "Given_name": "Context",
        "Sur_name": "Admin",
        "PrimaryEmail": mail,
        "Email1": mail,
        "DefaultSenderAddress": mail,
        "Language": "en_US",
        "Timezone": "Europe/Berlin",
        "Mailenabled": "true",
        "Password": passwords.hashed(password),
        "PasswordMech": passwords.MECHANISM,
        "MaxQuota": "-1",
    }
    return User(ADMIN_ID, fields, frozenset({mail}), ADMIN_ACCESS)


def _put_admin(connection: sqlite3.Connection, context: int, admin: User) -> None:
    stored = users.find(connection, context, user_id=ADMIN_ID)
    if stored is None:
        connection.execute(
            "INSERT INTO context (cid, admin_id, next_id) VALUES (?, ?, ?)", (context, ADMIN_ID, ADMIN_ID + 1)
        )
        users.insert(connection, context, [admin])
        return
    if stored.fields.get("Name") != admin.fields["Name"]:
        raise UsageError(
            f"context {context} already has the administrator {stored.ident}",
            hint=f"install with --admin {stored.ident}, or into another folder",
        )
    password = {"Password": admin.fields["Password"]}
    users.save(connection, context, stored._replace(fields={**stored.fields, **password}))


def _write_script(path: Path, tool: str, root: Path, python: Path) -> None:
    """Replaced at once: a tool may be running from it."""
    script = _SCRIPT.format(
        tool=tool,
        root=shlex.quote(str(root)),
        python=shlex.quote(str(python)),
        module=_MODULE,
        # its name is seen among the processes, as that of Open-Xchange's own script is
        script=shlex.quote(str(path)),
    )
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(script, encoding="utf-8")
    fresh.chmod(0o755)
    fresh.replace(path)
