"""Warns of files that are not read and could have been meant as state: by their names, or by what they declare.

docs/state-language.md, "Files that are not read", tells the rule.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from itertools import islice
from pathlib import Path

from reconciler.declared.problems import Problems
from reconciler.declared.read.source import SITE_FILE, place_of, shown
from reconciler.declared.registry import section_names
from reconciler.translation import marked, tr

_ALMOST = r"(?i)\.?(.+)\.(?:ya?ml[^a-z0-9].*|ya?ml[0-9]+|yalm|ymal|yam)"
"""`aliases.yaml.txt`, `aliases.yaml.bak`, `aliases.yaml~` and the like."""
_NEVER = (
    r"(?i)(?:readme|license|licence|copying|changelog|contributing|makefile)\b.*"
    r"|.*\.(?:md|markdown|rst|adoc|html?|pdf|png|svg|py|sh|sw[a-p])"
)
"""Documentation, which may show state, programs, and what an editor keeps while it has a file open."""
_HIDDEN = r"(?i)\..*\.ya?ml"
_YAML = (".yaml", ".yml")
_MANY, _HEAD = 200, 65_536


def warn_if_state(entry: Path, path: Path, problems: Problems) -> None:
    """Warns when `entry`, which is not read, could be meant to be. `path` is where it really is, when it is a link."""
    if not _meant_as_state(path, entry.name):
        return
    why = marked("this file is not read: its name does not end in .yaml")
    if entry.name == SITE_FILE:
        why = marked("this file is not read: it has the site file's name")
    elif entry.name.startswith("."):
        why = marked("this file is not read: its name begins with a dot")
    message = tr(why)
    if found := _declared_in(entry):
        message = tr("{message}, and it declares {sections}", message=message, sections=found)
    if entry.name == SITE_FILE:
        hint = tr("name it otherwise if it is to be read; else move it elsewhere")
    else:
        name = _yaml_name(entry.name)
        hint = tr("name it {name} if it is to be read; else move it elsewhere", name=name)
    problems.warn_at(place_of(entry), "file", message, hint)


def warn_of_state_above(root: Path, problems: Problems) -> None:
    """Warns of files one folder up that declare something; what else lies there is nobody's business."""
    try:
        beside = list(islice(root.parent.iterdir(), _MANY))
    except OSError:
        return
    files = sorted(path for path in beside if path.name != SITE_FILE and os.path.isfile(path))  # noqa: PTH113  # it never raises
    for path in (path for path in files if not re.fullmatch(_NEVER, path.name)):
        if (path.name.lower().endswith(_YAML) or _named_so(path.name)) and (found := _declared_in(path)):
            message = tr(
                "this file is not read: it lies outside the state folder, and declares {sections}", sections=found
            )
            hint = tr(
                "move it into {folder} as {name} if it is to be read", folder=shown(root), name=_yaml_name(path.name)
            )
            problems.warn_at(place_of(path), "file", message, hint)


def _meant_as_state(path: Path, name: str) -> bool:
    """Of hidden files only those that end in .yaml: the others are those of tools."""
    if re.fullmatch(_NEVER, name) or (name.startswith(".") and not re.fullmatch(_HIDDEN, name)):
        return False
    return bool(_declared_in(path)) or (_named_so(name) and os.path.isfile(path))  # noqa: PTH113  # it never raises


def _named_so(name: str) -> bool:
    """Almost as a file of the state, or as a section is: `aliases`, `aliases.txt`, `aliases-2.json`."""
    section = rf"\.?((?:{'|'.join(section_names())})\b[^.]*)(?:\..*)?"
    return bool(re.fullmatch(_ALMOST, name) or re.fullmatch(section, name, re.IGNORECASE))


def _declared_in(path: Path) -> str:
    """The first section that the file declares, at the left margin or as JSON has it; "" when it declares none or
    cannot be read: then its name decides."""
    section = rb"(?:^(?:\xef\xbb\xbf)?[\"']?|[{,]\s*\")(" + "|".join(section_names()).encode() + rb")[\"']? *:"
    found = None
    with suppress(OSError):
        if path.is_file():  # no pipe, which nobody may write to
            with path.open("rb") as file:
                found = re.search(section, file.read(_HEAD), re.MULTILINE)
    return found[1].decode() if found else ""


def _yaml_name(name: str) -> str:
    """The name under which the file would be read."""
    bare = name.removeprefix(".")
    if almost := re.fullmatch(_ALMOST, bare):
        return f"{almost[1]}.yaml"
    return bare if bare.lower().endswith(_YAML) else f"{bare.partition('.')[0]}.yaml"
