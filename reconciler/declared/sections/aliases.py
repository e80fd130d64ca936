"""Aliases. Against mailboxes, member numbers and each other: whose an address is, and that every way ends."""

from collections.abc import Mapping
from datetime import date
from operator import attrgetter
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from reconciler.declared.fields.describe_input import Wrong, as_list, describe, several
from reconciler.declared.fields.field_types import Text
from reconciler.declared.fields.state_file import MAX_ADDRESS, StateFile
from reconciler.declared.parse.missing_separators import unseparated
from reconciler.declared.problems import Problems, Spot
from reconciler.declared.section import Entry, Merged, Section
from reconciler.model.addresses import Address, domain_of, local_part, without_extension
from reconciler.model.declared import Alias, Rename
from reconciler.model.owners import Scope
from reconciler.model.source_places import Origin
from reconciler.translation import marked, tr

MAX_TARGETS = 1000  # Postfix' virtual_alias_expansion_limit (facts/postfixadmin.md 6)
MAX_GOTO_BYTES = 65_535  # facts/postfixadmin.md 6: what the column holds


class AliasEntry(Entry):
    """An alias: an address that leads to others."""

    goto: list[Text] = Field(
        min_length=1,
        max_length=MAX_TARGETS,
        description="Where mail goes: addresses, or local parts of the file's domain. Digits only: in quotes.",
        examples=[["anna.beispiel", "klaus@extern.example"]],
    )
    active: bool = Field(True, description="false switches the alias off.")


def _alias(value: Any) -> Any:
    match value:
        case str() if parts := several(value):
            raise Wrong(f"{describe(value)} is one text, not several targets", f"write a list: {as_list(parts)}")
        case str() if value.startswith(("goto:", "active:")) and (slip := unseparated(value)):
            raise Wrong(*slip)
        case str():
            return {"goto": [value]}
        case list():
            return {"goto": value}
        case dict():
            return value
    hint = f"put it in quotes: '{value}'" if type(value) is int else "write a target, [a list of them] or {goto: […]}"
    raise Wrong(f"expected targets, got {describe(value)}", hint)


_TARGETS = Annotated[list[Text], Field(min_length=1, max_length=MAX_TARGETS)]
AliasTargets = Annotated[AliasEntry, BeforeValidator(_alias, json_schema_input_type=Text | _TARGETS | AliasEntry)]


def _convert(origin: Origin, entry: AliasEntry, file: StateFile) -> Alias | None:
    address = file.own_usual(origin.key) or _address(origin, file)
    goto = file.usual.targets(entry.goto) or _targets(origin, entry, file)
    if address is None:
        return None
    if len(goto) * (MAX_ADDRESS + 1) > MAX_GOTO_BYTES and (size := len(",".join(goto))) > MAX_GOTO_BYTES:
        message = f"the targets of {address} have {size} characters together, {MAX_GOTO_BYTES} fit into the table"
        file.problems.error("alias", address, message, "split it into aliases that it leads to", origin)
    return Alias(address, goto, file.kept(origin, address), entry.active)


def _address(origin: Origin, file: StateFile) -> Address | None:
    spot = Spot(origin, on_key=True)
    if origin.key.startswith("@"):
        file.say(origin.key, f"`{origin.key}` is PostfixAdmin's spelling", f"write '*{origin.key}'", spot)
        return None
    return file.own(origin.key, spot)  # `*` is the catch-all


def _targets(origin: Origin, entry: AliasEntry, file: StateFile) -> tuple[Address, ...]:
    seen: dict[Address, None] = {}
    for index, text in enumerate(entry.goto):
        spot = Spot(origin, ("goto", index))
        target = file.target(text, spot)
        if target is not None and target in seen:
            file.problems.error("alias", target, f"the target {target} is listed twice", "keep one", spot)
        elif target is not None:
            seen[target] = None
    return tuple(seen)


def _check(merged: Merged, problems: Problems) -> None:
    """One address is one thing; aliases do not run in circles; targets in our domains should exist."""
    boxes, members = merged.state.mailboxes, merged.members
    for address, alias in merged.state.aliases.items():
        if (holder := boxes.get(address)) is not None:
            message = f"{address} is an alias and a mailbox"
            hint = "keep one of them; forwards of a mailbox belong to its user and are set there"
            problems.error("alias", address, message, hint, Spot(alias.origin, on_key=True), other=holder.origin)
        if (member := members.get(local_part(address))) is not None:
            message = f"{address} is the member number of {member.address}, whose alias is made from `member`"
            spot = Spot(alias.origin, on_key=True)
            problems.error("alias", address, message, "remove the alias", spot, other=member.origin)
    _check_loops(merged.state.aliases, problems)
    _check_targets(merged, problems)


def _check_loops(aliases: Mapping[Address, Alias], problems: Problems) -> None:
    """Says each circle once. Depth first without recursion: a chain may be as long as the table."""
    done: set[Address] = set()
    for start in (address for address, alias in aliases.items() if not aliases.keys().isdisjoint(alias.goto)):
        way: dict[Address, int] = {}
        waiting: list[tuple[Address, bool]] = [(start, False)]
        while waiting:
            address, leaving = waiting.pop()
            if leaving:
                way.pop(address)
                done.add(address)
            elif address in way:
                circle = [*list(way)[way[address] :], address]
                shown = circle if len(circle) <= 8 else [*circle[:4], "…", *circle[-3:]]
                message, spot = (
                    f"mail goes in a circle: {' → '.join(shown)}",
                    Spot(aliases[address].origin, on_key=True),
                )
                problems.error("alias", address, message, "let one of them lead out of it", spot)
            elif address not in done and address in aliases:
                way[address] = len(way)
                waiting.append((address, True))
                waiting += [(target, False) for target in reversed(aliases[address].goto)]


def _check_targets(merged: Merged, problems: Problems) -> None:
    """A warning: the target may be live without being declared. The gate `dangling-alias` knows."""
    renamed = {rename.old: rename for rename in sorted(merged.state.renames, key=attrgetter("date"))}
    boxes = merged.state.mailboxes
    for address, alias in merged.state.aliases.items():
        for target in (target for target in alias.goto if target not in boxes):
            rename = renamed.get(target)
            if rename is not None:
                _say_renamed(alias, rename, merged.state.today, problems)
            elif domain_of(target) in merged.domains and rename is None and not _declared(target, merged):
                base, extension = without_extension(target, "+")
                if extension and (base in renamed or _declared(Address(base), merged)):
                    message = tr(
                        "{address} leads to {target}, which arrives at {base} where Postfix takes sub-addresses",
                        address=address,
                        target=target,
                        base=base,
                    )
                    hint = tr("it does with `recipient_delimiter = +`; the plan asks it")
                    problems.note("sub-address", address, message, hint, alias.origin)
                else:
                    message = tr("{address} leads to {target}, which is not declared", address=address, target=target)
                    hint = tr("correct it, or declare it; if it is live, the plan leaves it as it is")
                    problems.warn("dangling-alias", address, message, hint, alias.origin)


def _say_renamed(alias: Alias, rename: Rename, today: date, problems: Problems) -> None:
    """Its mail arrives as long as the entry of the rename stands, and no longer."""
    if rename.date <= today:
        say, hint = problems.warn, marked("write {new} instead")
        sentence = marked("{address} leads to {old}, which is renamed to {new} since {day}")
    else:
        say, hint = problems.note, marked("write {new} instead then")
        sentence = marked("{address} leads to {old}, which is renamed to {new} on {day}")
    message = tr(sentence, address=alias.address, old=rename.old, new=rename.new, day=rename.date)
    say("renamed-target", alias.address, message, tr(hint, new=rename.new), alias.origin)


def _declared(target: Address, merged: Merged) -> bool:
    """Whether something declared has the address; a removal has it too, and `removals` speaks of it."""
    if target in merged.state.mailboxes or target in merged.state.aliases or target in merged.removals:
        return True
    member = merged.members.get(local_part(target))
    return member is not None and domain_of(member.address) == domain_of(target)


SECTION = Section(
    "aliases",
    ("alias", "aliases"),
    dict[str, AliasTargets],
    "Aliases by address or local part; the key '*' is the catch-all of the domain.",
    _convert,
    key=attrgetter("address"),
    scope=Scope.ALIAS,
    value=Alias,
    checks=(_check,),
)
