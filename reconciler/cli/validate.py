"""`reconciler validate`: checks what git says, and nothing else; no register, no live system."""

from __future__ import annotations

from pathlib import Path

from reconciler.cli.exit_status import Status
from reconciler.cli.formats import Format
from reconciler.cli.read_site import read_site
from reconciler.cli.runner import write_findings
from reconciler.cli.streams import say
from reconciler.declared.section import SECTIONS
from reconciler.declared.site_file.load import load_site
from reconciler.errors import InvalidInput
from reconciler.planning.finding import Finding, Severity
from reconciler.report.vocabulary import count
from reconciler.settings import Settings


def validate(site: Path | None, state: Path | None, output: Format) -> Status:
    """Says every problem; when there is none, what is declared. Raises UsageError and InvalidInput."""
    try:
        settings, declaration = read_site(site, state)
    except InvalidInput as error:
        # what is wrong with the site file itself is raised again, alone
        raise InvalidInput((*error.findings, *_templates(load_site(site, reads_state=state is None)))) from None
    templates = _templates(settings)
    findings = (*declaration.findings, *templates)
    if any(finding.severity is Severity.ERROR for finding in templates):
        raise InvalidInput(findings)
    if findings or output is not Format.TEXT:
        write_findings(findings, output)
    tables = {name: declaration.state.section(name) for name in SECTIONS}
    nouns = [(len(table), SECTIONS[name].noun) for name, table in tables.items() if table]
    counts = ", ".join(count(number, *noun) for number, noun in nouns if noun[1]) or "nothing"
    where = f"site {settings.site} ({settings.file})"
    say(f"valid: {where}: {counts} in {count(declaration.files, 'file')}\nnext: reconciler plan")
    return Status.DONE


def _templates(settings: Settings) -> list[Finding]:
    """What is wrong with the site's own letters."""
    if settings.letters is None or settings.letters.templates is None:
        return []
    from reconciler.systems.letters.letter_templates import check_own  # Jinja takes longer than everything else here

    return check_own(settings)
