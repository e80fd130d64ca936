"""Mail domains: what PostfixAdmin needs before an address can be in one."""

from operator import attrgetter
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from reconciler.declared.fields.describe_input import Wrong, describe
from reconciler.declared.fields.field_types import Quota
from reconciler.declared.fields.state_file import StateFile
from reconciler.declared.problems import Problems, Spot
from reconciler.declared.section import Entry, Merged, Section
from reconciler.model.mail_domains import DOMAIN_SCOPE, MailDomain
from reconciler.model.source_places import Origin
from reconciler.translation import tr

_MOST = 2_147_483_647  # what the column holds


def _count(value: Any) -> int:
    """PostfixAdmin's number: 0 is no limit, -1 allows none (facts/postfixadmin.md 8)."""
    match value:
        case "unlimited":
            return 0
        case bool():
            pass
        case 0:
            return -1
        case int() if 0 < value <= _MOST:
            return value
    raise Wrong(
        f"expected a number or unlimited, got {describe(value)}", "write it like 50, 0 for none, or `unlimited`"
    )


_COUNT_SCHEMA = WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0, "maximum": _MOST}, {"const": "unlimited"}]})
Count = Annotated[int | None, BeforeValidator(_count), _COUNT_SCHEMA]


class DomainEntry(Entry):
    """A mail domain. The key is its name. A field that is not written is not managed; a new domain has no limits."""

    active: bool | None = Field(None, description="false switches the whole domain off.", examples=[True])
    backup_mx: bool | None = Field(
        None, description="true: mail is kept for its main server, not delivered here.", examples=[False]
    )
    max_mailboxes: Count = Field(None, description="How many mailboxes it may have; 0 is none.", examples=[50])
    max_aliases: Count = Field(None, description="How many aliases, beside the mailboxes' own.", examples=["unlimited"])
    max_quota: Quota = Field(None, description="The largest quota of one mailbox.", examples=["10240 MB"])
    total_quota: Quota = Field(None, description="All quotas together.", examples=["unlimited"])


def _convert(origin: Origin, entry: DomainEntry | None, file: StateFile) -> MailDomain | None:
    domain = file.own_domain(origin.key, Spot(origin, on_key=True))
    if domain is None:
        return None
    entry = entry or DomainEntry.model_validate({})
    return MailDomain(
        domain,
        origin,
        entry.active,
        entry.backup_mx,
        entry.max_mailboxes,
        entry.max_aliases,
        entry.max_quota,
        entry.total_quota,
    )


def _check(merged: Merged, problems: Problems) -> None:
    """Nothing is declared in a domain that is declared as switched off."""
    off = {domain for domain, each in merged.state.section("domains").items() if each.active is False}
    for domain in sorted(off & merged.domains):
        message = tr("the domain {domain} is declared as switched off, and addresses are declared in it", domain=domain)
        hint = tr("they get no mail; remove `active: false`, or the addresses")
        origin = merged.state.section("domains")[domain].origin
        problems.warn("domain-off", domain, message, hint, Spot(origin, ("active",)))


SECTION = Section(
    "domains",
    ("domain", "domains"),
    dict[str, DomainEntry | None],
    "Mail domains that PostfixAdmin manages.",
    _convert,
    key=attrgetter("domain"),
    scope=DOMAIN_SCOPE,
    value=MailDomain,
    checks=(_check,),
)
