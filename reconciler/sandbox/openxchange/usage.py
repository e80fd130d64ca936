"""Help and the environment, as the tools print them (`facts/open-xchange.md` 1.2, 1.3). Called by `run.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.sandbox.openxchange.attributes import from_environment
from reconciler.sandbox.openxchange.parser import Option

NOTICE = "This is the stand-in of reconciler for demo and tests. It is not Open-Xchange and manages no groupware."
_LEGEND = """
Entries marked with an asterisk (*) must be specified.
Entries marked with a question mark (?) are mandatory depending on your configuration.
"""
_VARIABLES = {
    "ADMIN_PASSWORD": "",
    "NEW_USER_PASSWORD": "",
    "RMI_HOSTNAME": "rmi://localhost:1099/",
    "COMMANDLINE_TIMEZONE": "GMT",
    "COMMANDLINE_DATEFORMAT": "yyyy-MM-dd",
}


def usage(tool: str, options: Sequence[Option], *, extended: bool) -> str:
    """The help text; also what follows an exit of 104, 109 and 111, on stdout."""
    shown = [option for option in options if extended or not option.extended]
    heads = [_head(option) for option in shown]
    width = max(len(head) for head in heads) + 1
    lines = [f" {head:<{width}}{option.marker or ' '} {option.help}" for head, option in zip(heads, shown, strict=True)]
    return f"Usage: {tool}\n{NOTICE}\n\n" + "".join(f"{line.rstrip()}\n" for line in lines) + _LEGEND


def environment(environ: Mapping[str, str]) -> str:
    """The variables with their values. Passwords included: that is what OX does and why nobody may call it unseen."""
    lines = ["Environment variables known to the tools, with their values:"]
    for name, default in _VARIABLES.items():
        value = from_environment(environ, name) or default
        if name == "RMI_HOSTNAME":
            value = _rmi(value)
        lines.append(f" {name}={value}")
    return f"{NOTICE}\n" + "\n".join(lines) + "\n"


def _head(option: Option) -> str:
    short = f"-{option.short}," if option.short else ""
    value = f" <{option.value}>" if option.value else ""
    return f"{short}--{option.long}{value}"


def _rmi(value: str) -> str:
    scheme = "" if value.startswith("rmi://") else "rmi://"
    return f"{scheme}{value}{'' if value.endswith('/') else '/'}"
