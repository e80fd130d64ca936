"""`--remember FILE`: since when live systems differ, for an account that only reads. JSON, 0600, replaced whole.

It holds addresses and moments, nothing else: what is in a drift report anyway. It may live in a CI cache; a lost one
means that what differs counts as seen first now.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from reconciler.cli.saved_plan import write_private
from reconciler.errors import UsageError
from reconciler.model.records import Owner, Scope
from reconciler.planning.first_seen import FirstSeen

_BIGGEST = 64 * 1024 * 1024


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    scope: str
    subject: str
    since: AwareDatetime


class _File(BaseModel):
    """`run` is the number of the ledger's last run when this was written."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: Literal[1] = 1
    site: str
    run: Annotated[int, Field(ge=0)]
    seen: tuple[_Entry, ...]


def read_remembered(file: Path, site: str) -> FirstSeen:
    """What the last look found; nothing when there is no such file yet. Raises UsageError for anything else."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_BIGGEST)
    except FileNotFoundError:
        return FirstSeen()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", hint="name another file with --remember") from None
    try:
        found = _File.model_validate_json(content)
        since = {Owner(Scope(entry.scope), entry.subject): entry.since for entry in found.seen}
    except (ValidationError, ValueError):
        hint = (
            "name the file that an earlier `drift --remember` wrote, or remove it: what differs is then seen first now"
        )
        raise UsageError(f"{file} is not what --remember writes", hint=hint) from None
    if found.site != site:
        raise UsageError(f"{file} is of the site {found.site}, not of {site}", hint="name a file for each site")
    return FirstSeen(found.run, since)


def refuse_unwritable(file: Path) -> None:
    """Before any system is asked. Raises UsageError."""
    if not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        hint = "make that folder, or name another file with --remember"
        raise UsageError(f"{file} cannot be written: its folder is missing or read-only", hint=hint)


def write_remembered(file: Path, site: str, seen: FirstSeen) -> None:
    """Replaces the file. Raises UsageError."""
    entries = [_Entry(scope=o.scope, subject=o.subject, since=when) for o, when in sorted(seen.since.items())]
    content = _File(site=site, run=seen.run, seen=tuple(entries)).model_dump_json(indent=1) + "\n"
    write_private(file, content, "reconciler drift", "--remember")
