"""The whole of an import, from one look at the live systems to files, proof and report."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from reconciler.errors import UsageError
from reconciler.importing.accounts import Accounts
from reconciler.importing.aliases import add_aliases
from reconciler.importing.imported import Imported, Live
from reconciler.importing.mail_domains import add_domains
from reconciler.importing.prove import AsObserved, Proven, prove
from reconciler.importing.sender_blocks import add_blocks
from reconciler.model.addresses import domain_of
from reconciler.model.records import Found
from reconciler.planning.ports import Observation
from reconciler.settings import Settings
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from reconciler.workflow_values import Sources


@dataclass(frozen=True, slots=True)
class Result:
    """What was made, and what proves it."""

    imported: Imported
    proven: Proven


async def import_state(sources: Sources, domains: Sequence[str] = ()) -> Result:
    """State for what is live, of these domains or of all. Raises Unreadable, since half a
    site is never imported, and UsageError for a domain that is not there."""
    observed = await asyncio.gather(*(sources.observe(system) for system in sources.systems))
    imported = await collected(sources, observed)
    await _date_renames(imported, sources)
    if domains:
        if unknown := [domain for domain in domains if domain not in imported.domains]:
            hint = f"the domains are {', '.join(imported.domains) or 'none'}"
            raise UsageError(f"PostfixAdmin has no domain {' and '.join(unknown)}", hint=hint)
        _only(imported, domains)
    recorded = [AsObserved(system, seen) for system, seen in zip(sources.systems, observed, strict=True)]
    return Result(imported, await prove(imported, replace(sources, systems=recorded)))


async def collected(sources: Sources, observed: Sequence[Observation]) -> Imported:
    """What was seen, as entries."""
    records: Found = {kind: table for seen in observed for kind, table in seen.records.items()}
    imported = Imported()
    await asyncio.to_thread(_collect, sources.site, Live.of(records), imported)
    return imported


async def _date_renames(imported: Imported, sources: Sources) -> None:
    """A rename by hand began with the new mailbox: its day is the rename's, where PostfixAdmin wrote it down. Raises
    Unreadable."""
    today = sources.context.today
    new = [rename["to"] for rename in imported.renames.values()]
    made: dict[str, date] = {}
    for system in sources.systems:
        if isinstance(system, PostfixAdminSystem):
            made |= await system.made_on(new)
    for old, rename in imported.renames.items():
        day = made.get(rename["to"], today)
        rename["date"] = str(min(day, today))
        if rename["to"] not in made:
            imported.leave(
                "date of a rename",
                f"{old} → {rename['to']}",
                "PostfixAdmin does not say when the new mailbox was made, so the rename has the day of the import",
                "write the right one, if you know it",
            )


def _collect(site: Settings, live: Live, imported: Imported) -> None:
    add_domains(live, imported)
    accounts = Accounts(live, imported, site.openxchange.username if site.openxchange else "local_part")
    accounts.add()
    add_aliases(live, imported, accounts.numbers)
    add_blocks(live, imported)


def _only(imported: Imported, domains: Sequence[str]) -> None:
    for table in (imported.mailboxes, imported.aliases, imported.renames):
        for address in [address for address in table if domain_of(address) not in domains]:
            del table[address]
    for domain in [domain for domain in imported.domains if domain not in domains]:
        del imported.domains[domain]
        imported.alias_domains.pop(domain, None)
    imported.sender_blocks.clear()
    imported.left[:] = [item for item in imported.left if any(item.subject.endswith(f"@{d}") for d in domains)]
