"""`reconciler show`: is there such an address already, and whose is it?"""

from __future__ import annotations

from pathlib import Path

from reconciler.cli.address_lookup import lookup
from reconciler.cli.exit_status import Status
from reconciler.cli.formats import Format, writers
from reconciler.cli.site_session import open_site
from reconciler.cli.streams import write
from reconciler.errors import UsageError
from reconciler.model.addresses import BadAddress
from reconciler.planning.mail_flow_before_after import mail_flow_of


async def show(address: str, site: Path | None, state: Path | None, output: Format) -> Status:
    """Shows everything about an address. Raises UsageError when it is none."""
    async with open_site(site, state) as opened:
        declaration = opened.declaration
        drafted = await opened.draft(with_tables=True)
        assert drafted.tables is not None
        live = drafted.tables.live
        flow = mail_flow_of(live, drafted.context.chains, drafted.plan.open_transitions)
        try:
            seen = lookup(address, declaration.state, live, declaration.locate, drafted.tables.wanted, flow)
        except BadAddress as error:
            raise UsageError(str(error), hint="example: reconciler show anna.beispiel@mail.example") from None
    write(writers(output).show(seen))
    return Status.UNREADABLE if seen.unknown else Status.DONE
