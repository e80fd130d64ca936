"""`reconciler validate`: checks what git says, and nothing else; no register, no live system."""

from __future__ import annotations

from reconciler.cli.runner import Format, FormatOption, SiteOption, StateOption, Status, enter, say, write_findings
from reconciler.cli.site_session import read_site
from reconciler.report.vocabulary import count


def validate(site: SiteOption = None, state: StateOption = None, output: FormatOption = Format.TEXT) -> None:
    """Check the site file and the declared state; all problems at once, each with file, line and column.

    Exit status 0: valid (there may be warnings). 3: invalid.

    Example: reconciler validate --site state/reconciler.yaml
    """

    async def pipeline() -> Status:
        settings, declaration = read_site(site, state)
        declared = declaration.state
        if declaration.findings or output is not Format.TEXT:
            write_findings(declaration.findings, output)
        counts = (
            count(len(declared.mailboxes), "mailbox", "mailboxes"),
            count(len(declared.aliases), "alias", "aliases"),
            count(len(declared.renames), "rename"),
            count(len(declared.removals), "removal"),
            count(len(declared.sender_blocks), "sender block"),
        )
        where = f"site {settings.site} ({settings.file})"
        say(f"valid: {where}: {', '.join(counts)} in {count(declaration.files, 'file')}; next: reconciler plan")
        return Status.DONE

    enter(pipeline, output)
