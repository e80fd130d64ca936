"""Blocks of senders, as entries: those of our section of the map, and hand-made lines that mean the same."""

from __future__ import annotations

import re
from typing import Any

from reconciler.importing.imported import Imported, Live
from reconciler.model.addresses import BadAddress, parse_address, parse_domain
from reconciler.model.records import UnmanagedLineRow
from reconciler.systems.postfix.map_entries import refusal
from reconciler.systems.postfix.map_state import NOT_IN_FORCE

_REASON_LOST = "blocked before the import, the map says no reason"
_DATES = re.compile(r"(.*) \((?:(\d{4}-\d\d-\d\d))?(?:, )?(?:until (\d{4}-\d\d-\d\d))?\)")


def add_blocks(live: Live, imported: Imported) -> None:
    """Every refused address and domain. Lines that do something else stay, and are said."""
    for key, block in sorted(live.blocks.items()):
        entry = _entry(key)
        if entry is None:
            imported.leave("sender block", key, "it is neither an address nor a domain", "the next apply takes it out")
            continue
        imported.sender_blocks[key] = entry | _of_comment(block.comment)
    for row in live.lines.values():
        _add_line(row, imported)


def _add_line(row: UnmanagedLineRow, imported: Imported) -> None:
    subject, text = f"line {row.key}", refusal(row.action.removesuffix(NOT_IN_FORCE))
    entry = None if text is None else _entry(row.map_key)
    if entry is None:
        what = "it does not refuse for good" if text is None else "its key is neither an address nor a domain"
        imported.leave("map line", subject, f"`{row.map_key} {row.action}`: {what}", "it stays as it is")
        return
    key = str(entry.get("sender") or entry.get("domain"))
    if key not in imported.sender_blocks:
        imported.sender_blocks[key] = entry | {"reason": row.comment or text or _REASON_LOST}


def _entry(key: str) -> dict[str, Any] | None:
    try:
        return {"sender": parse_address(key)} if "@" in key else {"domain": parse_domain(key)}
    except BadAddress:
        return None


def _of_comment(comment: str) -> dict[str, Any]:
    """The reason and the dates, as our own section writes them: `phishing wave (2026-11-22, until 2027-02-22)`."""
    found = _DATES.fullmatch(comment)
    if found is None or not (found[2] or found[3]):
        return {"reason": comment or _REASON_LOST}
    fields = {"reason": found[1], "added": found[2], "expires": found[3]}
    return {name: value for name, value in fields.items() if value}
