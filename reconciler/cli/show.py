"""`reconciler show`: is there such an address already, and whose is it?"""

from __future__ import annotations

from typing import Annotated

import typer

from reconciler.cli.runner import Format, FormatOption, SiteOption, StateOption, Status, colored, console, enter, write
from reconciler.cli.site_session import open_site
from reconciler.errors import UsageError
from reconciler.model.addresses import BadAddress
from reconciler.planning.lookup import lookup
from reconciler.planning.mail_flow_changes import mail_flow_of
from reconciler.report.json import sighting_json
from reconciler.report.markdown import sighting_markdown
from reconciler.report.text import sighting_text
from reconciler.workflow import draft


def show(
    address: Annotated[str, typer.Argument(help="An address, a local part, or a member number.")],
    site: SiteOption = None,
    output: FormatOption = Format.TEXT,
    state: StateOption = None,
) -> None:
    """Show everything that is declared and live about an address or a member number, in all systems, and where mail to
    it goes now and after the plan.

    Example: reconciler show anna.beispiel@mail.example
    """

    async def pipeline() -> Status:
        async with open_site(site, state) as opened:
            said = opened.declaration
            drafted = await draft(opened.site, said, opened.systems, opened.clock, opened.recall, with_tables=True)
            assert drafted.tables is not None
            live = drafted.tables.live
            flow = mail_flow_of(live, drafted.chains, drafted.plan.open_transitions)
            try:
                seen = lookup(address, said.state, live, said.locate, drafted.tables.wanted, flow)
            except BadAddress as error:
                raise UsageError(str(error), hint="example: reconciler show anna.beispiel@mail.example") from None
        match output:
            case Format.TEXT:
                write(sighting_text(seen, width=console.width, color=colored()))
            case Format.JSON:
                write(sighting_json(seen))
            case Format.MARKDOWN:
                write(sighting_markdown(seen))
        return Status.UNREADABLE if seen.unknown else Status.DONE

    enter(pipeline, output)
