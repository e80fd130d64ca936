"""Alias domains: all addresses of one domain lead to the same ones in another."""

from operator import attrgetter
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from reconciler.declared.fields.describe_input import Wrong, describe
from reconciler.declared.fields.field_types import Text
from reconciler.declared.fields.state_file import StateFile
from reconciler.declared.problems import Problems, Spot
from reconciler.declared.section import Entry, Merged, Section
from reconciler.model.mail_domains import ALIAS_DOMAIN_SCOPE, AliasDomain
from reconciler.model.source_places import Origin


class AliasDomainEntry(Entry):
    """Every address of this domain leads to the same local part in another one."""

    target: Text = Field(description="The domain that has the mailboxes.", examples=["mail.example"])
    active: bool = Field(True, description="false switches it off.")


def _entry(value: Any) -> Any:
    match value:
        case str():
            return {"target": value}
        case dict():
            return value
    raise Wrong(f"expected a domain, got {describe(value)}", "write the domain that it leads to, or {target: …}")


AliasDomainTarget = Annotated[AliasDomainEntry, BeforeValidator(_entry, json_schema_input_type=Text | AliasDomainEntry)]


def _convert(origin: Origin, entry: AliasDomainEntry, file: StateFile) -> AliasDomain | None:
    domain = file.own_domain(origin.key, Spot(origin, on_key=True))
    target = file.own_domain(entry.target, Spot(origin, ("target",)))
    if domain is None or target is None:
        return None
    return AliasDomain(domain, target, origin, entry.active)


def _check(merged: Merged, problems: Problems) -> None:
    """No chains (facts/postfixadmin.md 5.5), and no mailboxes that nobody would ask."""
    declared = merged.state.section("alias_domains")
    for domain, each in declared.items():
        spot = Spot(each.origin, ("target",))
        if each.target == domain:
            problems.error(
                "alias-domain", domain, f"{domain} leads to itself", "name the domain with the mailboxes", spot
            )
        elif each.target in declared:
            other = declared[each.target]
            message = f"{domain} leads to {each.target}, which is an alias domain itself"
            problems.error("alias-domain", domain, message, f"write {other.target}", spot, other=other.origin)
    for address, box in merged.state.mailboxes.items():
        each = declared.get(address.rpartition("@")[2])
        if each is not None:
            message = f"{address} is a mailbox in an alias domain, whose mail goes to {each.target}"
            hint = f"declare it in {each.target}, or remove the alias domain"
            problems.error("alias-domain", address, message, hint, Spot(box.origin, on_key=True), other=each.origin)


SECTION = Section(
    "alias_domains",
    ("alias domain", "alias domains"),
    dict[str, AliasDomainTarget],
    "Domains whose addresses all lead to another domain.",
    _convert,
    key=attrgetter("domain"),
    scope=ALIAS_DOMAIN_SCOPE,
    value=AliasDomain,
    checks=(_check,),
)
