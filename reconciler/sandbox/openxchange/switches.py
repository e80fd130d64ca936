"""What a stand-in can be told to be: `switches.json` in its folder, read anew by every call.

Written by `install.py` and `control.py`, or by hand. Switches that are properties of OX carry the property's name
(`facts/open-xchange.md` 4).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from reconciler.errors import UsageError
from reconciler.sandbox.openxchange.properties import write_properties

FILE_NAME = "switches.json"
_DAY = 86_400
VERSIONS = ("OLD", "MID", "NEW")
TOOLS = ("listuser", "createuser", "changeuser", "deleteuser", "existsuser")
WEB_ACTIONS = tuple(f"web.{name}" for name in ("login", "logout", "all", "get", "new", "update", "validate", "delete"))
GETDATA = "getdata"
"""What SOAP's getData and getMultipleData are called: no tool does that alone. Its other operations are the tools'."""
TRIALS = ("warn", "warn_beside", "refuse", "off")
KINDS = ("down", "starting", "updating", "slow", "storage_error", "dies_after_effect", "half_answer")


class Fault(NamedTuple):
    """One thing that goes wrong.

    down               OX is not running: exit 105, nothing happens
    starting           the registry is up, the administration is not: exit 1, nothing happens
    updating           the schema is being updated: exit 1, nothing happens
    slow               the server takes `seconds` before it acts; it still acts when --responsetimeout is over (107)
    storage_error      exit 106 and nothing happens, but deleteuser has deleted by then (3.4)
    dies_after_effect  the effect is there, the tool dies without a word
    half_answer        the tool dies after the first half of what it had to say
    """

    kind: str
    tool: str = ""
    """Only this tool (or the operation of SOAP that does the same, or `getdata`), or this action of the HTTP interface
    (`web.new`); empty for all of the first."""
    first: int | None = None
    """Only the first so many calls (that reach the server) since the switches were set; None for all."""
    seconds: float = 0.0
    status: int | None = None
    """How it dies: with this exit status; None for kill -9."""


class Switches(NamedTuple):
    """All switches with OX's own defaults."""

    version: str = "MID"
    USERNAME_CHANGEABLE: bool = False
    PRIMARY_MAIL_UNCHANGEABLE: bool = False
    AUTO_TO_LOWERCASE_UID: bool = False
    CHECK_USER_UID_FOR_NOT_ALLOWED_CHARS: bool = True
    CHECK_USER_UID_REGEXP: str = r"[$@%\.+a-zA-Z0-9_-]"
    ALLOW_CHANGING_QUOTA_IF_NO_FILESTORE_SET: bool = False
    DEFAULT_TIMEZONE: str = "Europe/Berlin"
    defaultLanguage: str = "en_US"
    enforceUniqueDisplayName: bool = True
    displayNameIgnoresCase: bool = True
    """The comparison is a matter of the database's collation (11): true is the stricter one."""
    trial: str = "warn"
    """What a failed trial login does to a new mail account: a warning, in `warnings` or beside the data; a refusal; or
    nobody tries (6, 11)."""
    seed: int | None = None
    """Makes the order of columns, rows and aliases the same in every call; None for another one each time."""
    start_seconds: float = 0.0
    """What each call of a tool takes before it does anything, as the start of a JVM; for benchmarks."""
    faults: tuple[Fault, ...] = ()


def load(folder: Path) -> Switches:
    """The switches as they stand. Raises UsageError that says what is wrong with them."""
    path = folder / FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"no stand-in of Open-Xchange in {folder}",
            hint=f"make one: python -m reconciler.sandbox.openxchange install {folder}",
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}", hint="correct the file; an empty object {} means all defaults") from None
    return checked(content, str(path))


def save(folder: Path, switches: Switches) -> None:
    """Replaces the file at once: a tool that starts meanwhile reads the old or the new one."""
    content = switches._asdict() | {"faults": [fault._asdict() for fault in switches.faults]}
    fresh = folder / f"{FILE_NAME}.new"
    fresh.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    fresh.replace(folder / FILE_NAME)
    write_properties(folder, content)


def checked(content: object, place: str) -> Switches:
    """`content` as switches, missing ones by default. Raises UsageError for unknown names, wrong types and values."""
    values = _fields(content, Switches._field_defaults, place)
    faults = values.pop("faults", ())
    if not isinstance(faults, list | tuple):
        raise UsageError(f"{place}: faults: expected a list", hint='for example [{"kind": "down"}]')
    switches = Switches(**values, faults=tuple(_fault(fault, place) for fault in faults))
    if switches.version not in VERSIONS:
        raise UsageError(f"{place}: version: unknown {switches.version!r}", hint=f"one of {', '.join(VERSIONS)}")
    if switches.trial not in TRIALS:
        raise UsageError(f"{place}: trial: unknown {switches.trial!r}", hint=f"one of {', '.join(TRIALS)}")
    try:
        re.compile(switches.CHECK_USER_UID_REGEXP)
    except re.error as error:
        raise UsageError(f"{place}: CHECK_USER_UID_REGEXP: {error}", hint="OX's own is [$@%\\.+a-zA-Z0-9_-]") from None
    return switches


def _fault(content: object, place: str) -> Fault:
    if isinstance(content, Fault):
        content = content._asdict()
    defaults = {"kind": "", **Fault._field_defaults}
    fault = Fault(**({"kind": ""} | _fields(content, defaults, f"{place}: faults")))
    if fault.kind not in KINDS:
        raise UsageError(f"{place}: faults: unknown kind {fault.kind!r}", hint=f"one of {', '.join(KINDS)}")
    if fault.tool and fault.tool not in (*TOOLS, GETDATA, *WEB_ACTIONS):
        names = ", ".join((*TOOLS, GETDATA, *WEB_ACTIONS))
        raise UsageError(f"{place}: faults: unknown tool {fault.tool!r}", hint=f"one of {names}")
    if not 0 <= fault.seconds <= _DAY or not 0 <= (fault.status or 0) <= 255:
        raise UsageError(f"{place}: faults: seconds or status is out of range", hint="seconds to a day, status to 255")
    return fault


def _fields(content: object, defaults: dict[str, Any], place: str) -> dict[str, Any]:
    """`content` as a mapping of known names whose values have the default's type."""
    if not isinstance(content, dict):
        raise UsageError(f"{place}: expected a JSON object", hint="an empty object {} means all defaults")
    for name, value in content.items():
        if name not in defaults:
            raise UsageError(f"{place}: unknown name {name!r}", hint=f"known are {', '.join(defaults)}")
        if not _fits(value, defaults[name]):
            raise UsageError(f"{place}: {name}: wrong type of value", hint=f"the default is {defaults[name]!r}")
    return dict(content)


def _fits(value: object, default: object) -> bool:
    match default:
        case bool() | str():
            return type(value) is type(default)
        case float():
            return type(value) in (int, float)
        case tuple():
            return True
        case _:
            return value is None or type(value) is int
