"""Small sites and states for the tests of this room."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from reconciler.declared.load import Declaration, load_state
from reconciler.errors import InvalidInput
from reconciler.planning.finding import Finding, Severity
from reconciler.settings import Settings

TODAY = date(2026, 11, 24)
BOX = "{groupware: false}"


def site(**sections: Any) -> Settings:
    """A site with all three systems; a section that is None is left out."""
    content = {
        "site": "example",
        "folder": Path(),
        "postfixadmin": {"url": "sqlite:///postfixadmin.db", "vacation_domain": "autoreply.example"},
        "openxchange": {},
        "postfix": {"sender_access": "hash:/etc/postfix/sender_access"},
    }
    content.update(sections)
    return Settings.model_validate({name: value for name, value in content.items() if value is not None})


def load(folder: Path, files: str | Mapping[str, str | bytes], settings: Settings | None = None) -> Declaration:
    """Writes the files (one text: `a.yaml`) and loads them."""
    for name, content in ({"a.yaml": files} if isinstance(files, str) else files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_state(folder, settings or site(), today=TODAY)


def errors(folder: Path, files: str | Mapping[str, str | bytes], settings: Settings | None = None) -> list[Finding]:
    """The findings of the refusal; none when the state is valid."""
    try:
        load(folder, files, settings)
    except InvalidInput as error:
        found = error.findings
    else:
        return []
    findings = [finding for finding in found if isinstance(finding, Finding)]
    assert len(findings) == len(found) > 0
    assert all(f.place and f.message and f.severity is Severity.ERROR for f in findings)
    return findings


def one(folder: Path, files: str | Mapping[str, str | bytes], settings: Settings | None = None) -> str:
    """The only error, as people read it: `file:line:column: message -> hint`."""
    found = errors(folder, files, settings)
    assert len(found) == 1, [text(finding) for finding in found]
    return text(found[0])


def text(finding: Finding) -> str:
    assert finding.place is not None
    name = Path(finding.place.file).name
    return f"{name}:{finding.place.line}:{finding.place.column}: {finding.message} -> {finding.hint}"
