"""Module access rights: which there are by default, and the named sets (`facts/open-xchange.md` 3.1, 3.2).

Used by createuser, changeuser and the installation.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.sandbox.openxchange.columns import access_columns
from reconciler.sandbox.openxchange.failures import invalid_data
from reconciler.sandbox.openxchange.parser import TRUE_WORDS

PUBLIC_FOLDER_EDITABLE = "access-public-folder-editable"
_DENIALS = frozenset({"access-denied-portal", "access-global-address-book-disabled"})

ADMIN_ACCESS = frozenset(access_columns("OLD")) - _DENIALS
"""What a context admin has, and the baseline of its users."""

_WEBMAIL = frozenset({"access-webmail", "access-contacts", "access-collect-email-addresses", "access-edit-password"})
_PIM = _WEBMAIL | {"access-calendar", "access-tasks", "access-delegate-tasks", "access-ical", "access-vcard"}
_GROUPWARE = _PIM | {
    "access-infostore",
    "access-read-create-shared-Folders",
    "access-edit-public-folder",
    "access-multiple-mail-accounts",
    "access-subscription",
    "access-webdav",
}
COMBINATIONS = {
    "webmail": _WEBMAIL,
    "pim": _PIM,
    "pim_infostore": _PIM | {"access-infostore", "access-webdav"},
    "groupware_standard": _GROUPWARE,
    "groupware_premium": _GROUPWARE | {"access-active-sync", "access-usm", "access-syncml", "access-olox20"},
    "all": ADMIN_ACCESS,
}
"""The names are those that OX ships; what exactly is in a set is configuration there."""


def combination(name: str) -> frozenset[str]:
    """The rights of a named set. Raises ServerFailure (103) when there is none of that name."""
    try:
        return COMBINATIONS[name]
    except KeyError:
        raise invalid_data(f'No such access combination name "{name}"') from None


def baseline(admin: frozenset[str]) -> frozenset[str]:
    """A new user's rights: the context admin's, public-folder-editable forced off (3.2)."""
    return admin - {PUBLIC_FOLDER_EDITABLE}


def switched(access: frozenset[str], values: Mapping[str, str]) -> frozenset[str]:
    """`access` after the options `--access-…` in `values`; a word that is none of the five for on means off (1.1)."""
    given = {name: value.lower() in TRUE_WORDS for name, value in values.items() if is_access(name)}
    on = {name for name, value in given.items() if value}
    return (access - given.keys()) | on


def is_access(option: str) -> bool:
    """The option switches one module."""
    return option.startswith("access-") and option != "access-combination-name"
