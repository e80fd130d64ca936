"""What OX allows a change to be, as its properties files say."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.doctor.check import Check, Verdict
from reconciler.errors import Unreadable
from reconciler.remote.host import Host
from reconciler.settings import OpenXchange
from reconciler.systems.openxchange.properties import DISPLAY_NAMES, USERS, read_properties

AREA = "openxchange"
_RESTART = "as root there; OX reads it when it starts: systemctl restart open-xchange"
_UNREAD = "where it forbids a change, a rename stops at OX, and the mailbox is renamed already"


async def rules_checks(host: Host, sbin: str, section: OpenXchange) -> list[Check]:
    """Both files, each by itself. Raises Unreadable when the host does not answer any more."""
    try:
        users = await read_properties(host, sbin, USERS)
        checks = [login_check(users.values, users.path), primary_check(users.values, users.path)]
    except Unreadable as error:
        checks = [_unread("changes of login and address", error)]
    try:
        names = await read_properties(host, sbin, DISPLAY_NAMES)
        return [*checks, display_name_check(names.values, section.unique_display_names)]
    except Unreadable as error:
        return [*checks, _unread("display names", error)]


def rules_unseen(section: OpenXchange) -> Check:
    """OX is on another machine, and nothing says how to log in there."""
    saw = f"not looked at: its files are on the machine of {section.soap_url}, and `openxchange.host` is not written"
    fix = ("write `openxchange.host` and its login under `ssh`; users are read and changed over SOAP all the same",)
    return Check(AREA, "rules", Verdict.WARNING, saw, _UNREAD, fix)


def _unread(name: str, error: Unreadable) -> Check:
    return Check(AREA, name, Verdict.WARNING, error.message, _UNREAD, (error.hint,))


def login_check(values: Mapping[str, str], path: str) -> Check:
    """USERNAME_CHANGEABLE is false where nothing is written (facts/open-xchange.md 4)."""
    name = "changes of the login"
    if values.get("USERNAME_CHANGEABLE") == "true":
        return Check(AREA, name, Verdict.OK, "allowed (USERNAME_CHANGEABLE=true)")
    why = "a rename is carried out in the mail database and stops at OX, where the login would stay the old one"
    fix = (f"write in {path}, {_RESTART}", "USERNAME_CHANGEABLE=true")
    return Check(AREA, name, Verdict.WARNING, "OX does not change logins (USERNAME_CHANGEABLE is not true)", why, fix)


def primary_check(values: Mapping[str, str], path: str) -> Check:
    """PRIMARY_MAIL_UNCHANGEABLE is shipped as false, and true where the line is missing (facts/open-xchange.md 4)."""
    name = "changes of the primary address"
    value = values.get("PRIMARY_MAIL_UNCHANGEABLE")
    if value == "false":
        return Check(AREA, name, Verdict.OK, "allowed (PRIMARY_MAIL_UNCHANGEABLE=false)")
    said = "is true" if value is not None else "is not written, and counts as true"
    why = "a rename is carried out in the mail database and stops at OX, from which mail goes on under the old address"
    fix = (f"write in {path}, {_RESTART}", "PRIMARY_MAIL_UNCHANGEABLE=false")
    saw = f"OX does not change primary addresses (PRIMARY_MAIL_UNCHANGEABLE {said})"
    return Check(AREA, name, Verdict.WARNING, saw, why, fix)


def display_name_check(values: Mapping[str, str], expected: bool) -> Check:
    """enforceUniqueDisplayName is true where nothing is written (facts/open-xchange.md 4)."""
    name = "display names"
    unique = values.get("com.openexchange.user.enforceUniqueDisplayName", "true") == "true"
    shown = f"unique by OX' rules: {str(unique).lower()}"
    if unique == expected:
        return Check(AREA, name, Verdict.OK, f"{shown}, as the site file says")
    why = "a plan with two equal names is refused though OX would take it"
    if unique:
        why = "a plan with two equal names is not refused, and stops at OX in the middle"
    fix = (f"write in the site file: openxchange: {{unique_display_names: {str(unique).lower()}}}",)
    return Check(AREA, name, Verdict.WARNING, f"{shown}, and the site file says {str(expected).lower()}", why, fix)
