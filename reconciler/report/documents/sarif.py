"""SARIF 2.1.0 for GitHub's code scanning and for editors (facts/forges.md 2.2)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from reconciler import __version__
from reconciler.report.documents.remarks import DIFFERS, ERRORS, RUN, WARNINGS, Remark, remarks
from reconciler.report.read_document import Document
from reconciler.translation import marked, tr

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_MOST = 25_000
"""Results that GitHub takes; of more it takes none. It shows 5,000."""

_SAYS: Mapping[str, str] = {
    "unread": marked("A live system could not be read, so nothing is planned for it."),
    "failed": marked("A run tried this, and it failed."),
    "uncertain": marked("It is not known whether this took effect."),
    "not-tried": marked("A run left this, because something before it failed."),
    RUN: marked("A run did not come to its end, or did not begin."),
    DIFFERS: marked("A line would be carried out otherwise than it was reviewed; a run left it."),
}


def sarif(documents: Sequence[Document]) -> str:
    """One run with one result a remark, the most serious first."""
    everything = sorted(remarks(documents), key=lambda remark: _LEVELS.index(_level(remark)))
    found = everything[:_MOST]
    rules = sorted({remark.rule for remark in found})
    driver = {"name": "reconciler", "version": __version__, "rules": [_rule(rule) for rule in rules]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": list(_results(found, rules)),
        "properties": {"leftOut": len(everything) - len(found)},
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


_LEVELS = ("error", "warning", "note")


def _level(remark: Remark) -> str:
    return "error" if remark.severity in ERRORS else "warning" if remark.severity in WARNINGS else "note"


def _rule(rule: str) -> dict[str, Any]:
    text = {"text": tr(_SAYS[rule]) if rule in _SAYS else f"reconciler: {rule}"}
    return {"id": rule, "shortDescription": text, "fullDescription": text, "help": text}


def _results(found: Iterable[Remark], rules: Sequence[str]) -> Iterable[dict[str, Any]]:
    seen = Counter[str]()
    numbers = {rule: number for number, rule in enumerate(rules)}
    for remark in found:
        said = remark.apart_from_lines
        seen[said] += 1
        yield {
            "ruleId": remark.rule,
            "ruleIndex": numbers[remark.rule],
            "level": _level(remark),
            "message": {"text": _escaped(remark.text)},
            "locations": [{"physicalLocation": _location(remark)}],
            # without line numbers: what moved is the same alert
            "partialFingerprints": {
                "primaryLocationLineHash": sha256(said.encode()).hexdigest()[:16] + f":{seen[said]}"
            },
        }


def _escaped(text: str) -> str:
    """Without what SARIF takes for a link (3.11.6): `[text](1)` in a message."""
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _location(remark: Remark) -> dict[str, Any]:
    # a URI: a blank or a letter with a mark in a file's name is escaped; an absolute path lies outside of a repository
    scheme = "file://" if remark.file.startswith("/") else ""
    region = {"startLine": max(remark.line, 1), "startColumn": max(remark.column, 1)}
    return {"artifactLocation": {"uri": scheme + quote(remark.file)}, "region": region}
