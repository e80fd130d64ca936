"""Aliases against mailboxes, member numbers and each other: whose an address is, and that every way ends."""

from __future__ import annotations

from reconciler.declared.check.merge import Tables
from reconciler.declared.problems import Problems, Spot
from reconciler.model.addresses import Address, domain_of, local_part, without_extension
from reconciler.model.declared import Alias, Rename


def check_aliases(tables: Tables, problems: Problems) -> None:
    """One address is one thing; aliases do not run in circles; targets in our domains should exist."""
    for address, alias in tables.aliases.items():
        holder = tables.mailboxes.get(address)
        if holder is not None:
            message = f"{address} is an alias and a mailbox"
            hint = "keep one of them; forwards of a mailbox belong to its user and are set there"
            problems.error("alias", address, message, hint, Spot(alias.origin, on_key=True), other=holder.origin)
        member = tables.members.get(local_part(address))
        if member is not None:
            message = f"{address} is the member number of {member.address}, whose alias is made from `member`"
            problems.error(
                "alias", address, message, "remove the alias", Spot(alias.origin, on_key=True), other=member.origin
            )
    _check_loops(tables, problems)
    _check_targets(tables, problems)


def _check_loops(tables: Tables, problems: Problems) -> None:
    """Says each circle once. Depth first without recursion: a chain may be as long as the table."""
    done: set[Address] = set()
    for start in tables.aliases:
        way: dict[Address, int] = {}
        waiting: list[tuple[Address, bool]] = [(start, False)]
        while waiting:
            address, leaving = waiting.pop()
            if leaving:
                way.pop(address)
                done.add(address)
            elif address in way:
                _say_loop(tables.aliases[address], [*list(way)[way[address] :], address], problems)
            elif address not in done and address in tables.aliases:
                way[address] = len(way)
                waiting.append((address, True))
                waiting += [(target, False) for target in reversed(tables.aliases[address].goto)]


def _say_loop(alias: Alias, circle: list[Address], problems: Problems) -> None:
    shown = circle if len(circle) <= 8 else [*circle[:4], Address("…"), *circle[-3:]]
    message = f"mail goes in a circle: {' → '.join(shown)}"
    problems.error("alias", alias.address, message, "let one of them lead out of it", Spot(alias.origin, on_key=True))


def _check_targets(tables: Tables, problems: Problems) -> None:
    """A warning: the target may be live without being declared. The gate `dangling-alias` knows."""
    renamed = {rename.old: rename for rename in sorted(tables.renames, key=lambda rename: rename.date)}
    for address, alias in tables.aliases.items():
        for index, target in enumerate(alias.goto):
            spot = Spot(alias.origin, ("goto", index))
            rename = renamed.get(target)
            if rename is not None and target not in tables.mailboxes:
                _say_renamed(address, rename, spot, tables, problems)
            elif domain_of(target) in tables.own_domains and rename is None and not _declared(target, tables):
                base, extension = without_extension(target, "+")
                if extension and (base in renamed or _declared(Address(base), tables)):
                    message = f"{address} leads to {target}, which arrives at {base} where Postfix takes sub-addresses"
                    hint = "it does with `recipient_delimiter = +`; the plan asks it"
                    problems.note("sub-address", address, message, hint, spot)
                    continue
                message = f"{address} leads to {target}, which is not declared"
                hint = "correct it, or declare it; if it is live, the plan leaves it as it is"
                problems.warn("dangling-alias", address, message, hint, spot)


def _say_renamed(address: Address, rename: Rename, spot: Spot, tables: Tables, problems: Problems) -> None:
    """Its mail arrives as long as the entry of the rename stands, and no longer."""
    say, since = (problems.warn, "since") if rename.date <= tables.today else (problems.note, "on")
    message = f"{address} leads to {rename.old}, which is renamed to {rename.new} {since} {rename.date}"
    when = "" if rename.date <= tables.today else " then"
    say("renamed-target", address, message, f"write {rename.new} instead{when}", spot)


def _declared(target: Address, tables: Tables) -> bool:
    """Whether something declared has the address; a removal has it too, and `check_removals` speaks of it."""
    if target in tables.mailboxes or target in tables.aliases or target in tables.removals:
        return True
    member = tables.members.get(local_part(target))
    return member is not None and domain_of(member.address) == domain_of(target)
