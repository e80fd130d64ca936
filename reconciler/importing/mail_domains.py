"""Mail domains and alias domains, as entries."""

from __future__ import annotations

from typing import Any

from reconciler.importing.imported import Imported, Live
from reconciler.model.addresses import BadAddress, mailbox_domain_problem, parse_domain
from reconciler.model.records import DomainRow


def add_domains(live: Live, imported: Imported) -> None:
    """Every domain that can be declared, with the limits that it has."""
    for key, row in sorted(live.domains.items()):
        if problem := _problem(key):
            imported.leave("domain", key, problem, "it stays as it is")
        else:
            imported.domains[key] = _fields(row)
    for key, link in sorted(live.alias_domains.items()):
        missing = [domain for domain in (key, link.target) if domain not in imported.domains]
        if missing:
            reason = f"it leads to {link.target}, and PostfixAdmin has no domain {' and '.join(missing)}"
            imported.leave("alias domain", key, reason, "add the domain in PostfixAdmin, and import again")
        else:
            imported.alias_domains[key] = {"target": link.target, "active": link.active}


def _problem(key: str) -> str:
    try:
        if parse_domain(key) != key:
            return "the state language writes it another way"
    except BadAddress as error:
        return str(error)
    return mailbox_domain_problem(key) or ""


def _fields(row: DomainRow) -> dict[str, Any]:
    """What differs from a new domain: of the numbers 0 is no limit and -1 allows none, of quotas 0 and less is none."""
    fields: dict[str, Any] = {}
    if not row.active:
        fields["active"] = False
    if row.backupmx:
        fields["backup_mx"] = True
    for name, number in (("max_mailboxes", row.mailboxes), ("max_aliases", row.aliases)):
        if number:
            fields[name] = max(number, 0)
    for name, megabytes in (("max_quota", row.maxquota), ("total_quota", row.quota)):
        if megabytes > 0:
            fields[name] = f"{megabytes} MB"
    return fields
