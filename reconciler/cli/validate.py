"""`reconciler validate`: checks what git says, and nothing else; no register, no live system."""

from __future__ import annotations

from pathlib import Path

from reconciler.cli.exit_status import Status
from reconciler.cli.formats import Format
from reconciler.cli.read_site import read_site
from reconciler.cli.runner import write_findings
from reconciler.cli.streams import say
from reconciler.declared.section import SECTIONS
from reconciler.report.vocabulary import count


def validate(site: Path | None, state: Path | None, output: Format) -> Status:
    """Says every problem; when there is none, what is declared. Raises UsageError and InvalidInput."""
    settings, declaration = read_site(site, state)
    if declaration.findings or output is not Format.TEXT:
        write_findings(declaration.findings, output)
    tables = {name: declaration.state.section(name) for name in SECTIONS}
    nouns = [(len(table), SECTIONS[name].noun) for name, table in tables.items() if table]
    counts = ", ".join(count(number, *noun) for number, noun in nouns if noun[1]) or "nothing"
    where = f"site {settings.site} ({settings.file})"
    say(f"valid: {where}: {counts} in {count(declaration.files, 'file')}; next: reconciler plan")
    return Status.DONE
