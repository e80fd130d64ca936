"""The files in which Open-Xchange keeps its rules, as far as they are switches here (`facts/open-xchange.md` 4, 8).

They are written for whoever reads them: the tools ask the switches. Called by `switches`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_HEAD = "# Written by the stand-in of reconciler. Not Open-Xchange.\n"
_FILES = {
    "AdminUser.properties": {
        "USERNAME_CHANGEABLE": "USERNAME_CHANGEABLE",
        "PRIMARY_MAIL_UNCHANGEABLE": "PRIMARY_MAIL_UNCHANGEABLE",
        "AUTO_TO_LOWERCASE_UID": "AUTO_TO_LOWERCASE_UID",
    },
    "user.properties": {"com.openexchange.user.enforceUniqueDisplayName": "enforceUniqueDisplayName"},
}
"""By file: the property, and the switch that it is."""


def write_properties(folder: Path, switches: Mapping[str, object]) -> None:
    """Writes them into `folder/etc`, beside `sbin` as in 7.x and later."""
    etc = folder / "etc"
    etc.mkdir(exist_ok=True)
    for name, properties in _FILES.items():
        lines = [f"{key}={str(switches[switch]).lower()}\n" for key, switch in properties.items()]
        fresh = etc / f".{name}.new"
        fresh.write_text(_HEAD + "".join(lines), encoding="utf-8")
        fresh.replace(etc / name)
