"""Which entry goes into which file: by domain and kind, sorted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.declared.write.layout import File
from reconciler.importing.imported import Imported
from reconciler.model.addresses import domain_of


def files_of(imported: Imported) -> dict[str, File]:
    """By the path below the state folder."""
    files: dict[str, File] = {}
    domains = sorted(
        {domain_of(a) for table in (imported.mailboxes, imported.aliases, imported.renames) for a in table}
    )
    for domain in domains:
        for section, table in (("mailboxes", imported.mailboxes), ("aliases", imported.aliases)):
            if entries := _of_domain(table, domain):
                files[f"{domain}/{section}.yaml"] = File(domain, {section: entries})
        if renames := _of_domain(imported.renames, domain):
            files[f"{domain}/renames.yaml"] = File(domain, {"renames": list(renames.values())})
    if imported.domains:
        files["domains.yaml"] = File(None, {"domains": imported.domains, "alias_domains": imported.alias_domains})
    if imported.sender_blocks:
        blocks = [entry for _, entry in sorted(imported.sender_blocks.items())]
        files["sender_blocks.yaml"] = File(None, {"sender_blocks": blocks})
    return files


def _of_domain(table: Mapping[Any, Any], domain: str) -> dict[Any, Any]:
    return {address: table[address] for address in sorted(table) if domain_of(address) == domain}
