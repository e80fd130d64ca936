"""The site as the planner sees it: with the logins of the section `planner`, which read and nothing else.

Which of the two a command is, the environment says and not the site file, so that one file serves the job of a merge
request and the job that applies. Called by `load`.
"""

from __future__ import annotations

import os

from reconciler.errors import UsageError
from reconciler.remote.database_url import has_users, with_user
from reconciler.settings import Ledger, Planner, PostfixAdmin, Settings, Ssh

VARIABLE = "RECONCILER_ROLE"
PLANNER = "planner"


def in_its_role(settings: Settings) -> Settings:
    """The site for whoever RECONCILER_ROLE names; without it, as the file has it. Raises UsageError."""
    role = os.environ.get(VARIABLE, "")
    if not role:
        return settings
    if role != PLANNER:
        raise UsageError(f"{VARIABLE} is {role!r}, and the only role is {PLANNER}", hint=f"unset {VARIABLE}")
    if settings.planner is None:
        hint = f"write it (docs/site-file.md), or unset {VARIABLE}"
        raise UsageError(f"{VARIABLE} is {PLANNER}, and the site file has no section `planner`", hint=hint)
    planner, database = settings.planner, settings.postfixadmin
    logins = {name: login_of(settings, name) for name in planner.ssh}
    return settings.model_copy(
        update={
            "as_planner": True,
            "applier_variables": settings.secret_variables,
            "postfixadmin": database and _database(database, planner),
            "ledger": _ledger(settings.ledger, planner),
            "ssh": settings.ssh | {name: login for name, login in logins.items() if login is not None},
        }
    )


def _database(section: PostfixAdmin, planner: Planner) -> PostfixAdmin:
    if planner.database_user is None or not has_users(section.url):
        return section
    return section.model_copy(
        update={
            "url": with_user(section.url, planner.database_user),
            "read_url": section.read_url and with_user(section.read_url, planner.database_user),
            "password_env": planner.database_password_env,
            "password_file": planner.database_password_file,
        }
    )


def _ledger(section: Ledger, planner: Planner) -> Ledger:
    if planner.database_user is None or section.url is None or not has_users(section.url):
        return section
    return section.model_copy(
        update={
            "url": with_user(section.url, planner.database_user),
            "password_env": planner.database_password_env,
            "password_file": planner.database_password_file,
        }
    )


def login_of(settings: Settings, host: str) -> Ssh | None:
    """How the planner logs in to this host; None when nothing is said of it."""
    section = settings.ssh.get(host)
    if settings.planner is None or host not in settings.planner.ssh:
        return section
    its = settings.planner.ssh[host]
    written = {name: getattr(its, name) for name in its.model_fields_set}
    # `model_copy` notes what is updated as written, and that counts before the ssh_config
    return (section or Ssh()).model_copy(update={**written, "read_only": its.read_only})
