"""What is declared, by name, for the tab key: quickly at any size, and nothing is checked. The files are those that the
state is read from; a key that no shell takes literally is left out.

Called by `cli.completion_values`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reconciler.declared.problems import Problems
from reconciler.declared.read.find import find_sources
from reconciler.declared.read.source import SITE_PLACES, SITE_VARIABLE
from reconciler.declared.read.text import read_texts
from reconciler.model.addresses import BadAddress, parse_domain

NAMED_BY: Mapping[str, tuple[str, ...]] = {
    "renames": ("from",),
    "removals": ("mailbox",),
    "sender_blocks": ("sender", "domain"),
}
"""Sections that are lists, and the fields whose value names an entry; the others are mappings, with names as keys."""
DOMAIN = "domain"
"""The key on top of a file that completes its addresses."""
_PARSED = 1_000_000
"""Characters of a whole state that YAML's parser reads in a sixth of a second (10,000 mailboxes). A bigger one was
written by a program, in block style: its lines tell the keys."""
_LITERAL = re.compile(r"[a-z0-9][a-z0-9._+@-]*")
_TOP = re.compile(r"(?m)^[\"']?(\w+)[\"']? *:(?: +(.*))?$")
_OPEN = (("{", "}"), ("[", "]"))


def state_folder(site: Path | None) -> Path | None:
    """Where the state of this site file is, or of the one that is found by itself; None when there is none."""
    named = os.environ.get(SITE_VARIABLE)
    places = (site,) if site else (Path(named),) if named else SITE_PLACES
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        return None
    content = _parsed(file.read_text(encoding="utf-8-sig"))
    state = content.get("state", ".") if content is not None else None
    return file.parent / state if isinstance(state, str) else None


def declared_names(folder: Path, sections: Collection[str], start: str = "") -> set[str]:
    """The addresses, domains and keys of blocks that these sections name and that begin so; DOMAIN is one of the
    sections. Raises OSError, and UsageError when there is no such folder."""
    problems = Problems()  # `validate` tells them
    texts = list(read_texts(find_sources(folder, problems), problems).values())
    small = sum(map(len, texts)) <= _PARSED
    found = {name for text in texts for name in _names_in(_content(text, start, small=small), sections, start)}
    return {name for name in found if name.startswith(start)}


def _content(text: str, start: str, *, small: bool) -> Mapping[str, Any]:
    content = _parsed(text) if small else None
    return content if content is not None else _scanned(text, start)


def _parsed(text: str) -> Mapping[str, Any] | None:
    """As YAML; None when that is broken, or unusual."""
    from reconciler.declared.parse.fast import read_fast  # the parser takes as long to import as all else here

    content = read_fast(text)
    return content if isinstance(content, dict) else {} if content is None else None


def _names_in(content: Mapping[str, Any], sections: Collection[str], start: str) -> Iterator[str]:
    domain = content.get(DOMAIN)
    for section in sections:
        found = content.get(section)
        for key in [found] if section == DOMAIN else _keys(section, found):
            if not isinstance(key, str) or not _may_begin(key.strip().lower(), start):
                continue
            name = _canonical(key, None if section in ("domains", "sender_blocks", DOMAIN) else domain)
            if name is not None:
                yield name


def _may_begin(key: str, start: str) -> bool:
    """Whether the name does, once a domain completes it. Of 100,000 keys most do not, and this is all they cost."""
    return key.startswith(start) or start.startswith(key)


def _keys(section: str, found: Any) -> Iterable[Any]:
    if section not in NAMED_BY:
        return found if isinstance(found, dict) else ()
    entries = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    return [entry[field] for entry in entries for field in NAMED_BY[section] if field in entry]


def _canonical(key: str, default: Any) -> str | None:
    """The name in the form that the commands show; None when it is no name, or not taken literally by a shell."""
    local, at, domain = key.strip().lower().rpartition("@")
    if not at and isinstance(default, str):
        local, at, domain = domain, "@", default
    try:
        name = f"{local}{at}{parse_domain(domain)}"
    except BadAddress:
        return None
    return name if _LITERAL.fullmatch(name) else None


def _scanned(text: str, start: str) -> dict[str, Any]:
    """The names of each section by its lines; of mappings those that may begin so. A line that does not end what it
    begins, in quotes or brackets, is left out: it may be the middle of a value."""
    content: dict[str, Any] = {}
    tops = list(_TOP.finditer(text))
    ends = [*(following.start() for following in tops[1:]), len(text)]
    for top, end in zip(tops, ends, strict=False):  # without any there is one end
        name, body = top[1], text[top.end() : end]
        if name == DOMAIN:
            content[name] = _scalar(top[2] or "")
        elif name in NAMED_BY:
            content[name] = list(_scanned_list(body, NAMED_BY[name]))
        else:
            content[name] = dict.fromkeys(_scanned_keys(body, start))
    return content


def _scanned_keys(body: str, start: str) -> Iterator[str]:
    first = re.search(r"(?m)^( +)[^\s#]", body)
    if first is None:
        return
    for line in re.finditer(rf"(?m)^{first[1]}([\"']?)([^\s\"':#{{\[]+)\1 *:(?:[ \r]+(.*))?$", body):
        if _may_begin(line[2].lower(), start) and _ends(line[3] or ""):
            yield line[2]


def _scanned_list(body: str, fields: Iterable[str]) -> Iterator[dict[str, str]]:
    first = re.search(r"(?m)^( *)- ", body)
    if first is None:
        return
    for line in re.finditer(rf"(?m)^{first[1]}(?:- |  )({'|'.join(fields)}): +(.*)$", body):
        if _ends(line[2]):
            yield {line[1]: _scalar(line[2])}


def _scalar(written: str) -> str:
    return written.partition(" #")[0].strip().strip("\"'")


def _ends(value: str) -> bool:
    """Whether what begins on this line ends on it."""
    quotes = value.count('"') % 2 == value.count("'") % 2 == 0
    return quotes and not value.endswith(",") and all(value.count(a) == value.count(b) for a, b in _OPEN)
