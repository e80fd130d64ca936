"""GitLab's `artifacts:reports:codequality` (facts/forges.md 1.3): an array of what a merge request's widget lists."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

from reconciler.report.documents.remarks import ERRORS, WARNINGS, Remark, remarks
from reconciler.report.read_document import Document

_LENGTH = 1000
"""Characters of one description; the widget shows one line."""


def code_quality(documents: Sequence[Document]) -> str:
    """One entry a remark. Its fingerprint has no line number: a line that is inserted above makes nothing new."""
    seen = Counter[str]()
    return json.dumps([_entry(remark, seen) for remark in remarks(documents)], indent=2, ensure_ascii=False) + "\n"


def _entry(remark: Remark, seen: Counter[str]) -> dict[str, object]:
    said = remark.apart_from_lines
    seen[said] += 1  # entries with equal fingerprints collapse to one
    fingerprint = sha256(f"{said}\0{seen[said]}".encode("utf-8", "replace")).hexdigest()
    return {
        "description": remark.text[:_LENGTH],
        "check_name": remark.rule,
        "fingerprint": fingerprint,
        "severity": _severity(remark.severity),
        "location": {"path": remark.file, "lines": {"begin": max(remark.line, 1)}},
    }


def _severity(word: str) -> str:
    if word == "error":
        return "critical"
    return "major" if word in ERRORS else "minor" if word in WARNINGS else "info"
