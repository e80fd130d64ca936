"""Renames. Sets of them: every address belongs to one account, from its first to its last name.

docs/rename-invariants.md, "Sets of renames", has them all.
"""

from datetime import timedelta
from itertools import groupby
from operator import attrgetter

from pydantic import Field

from reconciler.declared.fields.field_types import Day, Name, OptionalRemark, Text
from reconciler.declared.fields.state_file import StateFile
from reconciler.declared.problems import Problems, Spot
from reconciler.declared.section import Entry, Merged, Section, warn_of_far_date
from reconciler.model.addresses import Address
from reconciler.model.declared import OldMailbox, Rename
from reconciler.model.source_places import Origin
from reconciler.translation import marked


class RenameEntry(Entry):
    """An account changes its address; it keeps its groupware data, and the old address leads to the new one."""

    old: Text = Field(alias="from", description="The address so far.", examples=["anna.muster"])
    new: Text = Field(
        alias="to", description="The address from now on; declared as a mailbox.", examples=["anna.beispiel"]
    )
    date: Day = Field(description="The day of the rename; orders several of one account.", examples=["2026-11-22"])
    former_surname: Name = Field(
        None, description='Shown as "Anna Beispiel ehem. Muster" on the old mailbox.', examples=["Muster"]
    )
    ticket: OptionalRemark = Field(None, description="Where it was asked for.", examples=["RT 4711"])
    old_mailbox: OldMailbox = Field(
        OldMailbox.ATTACH,
        strict=False,
        description="attach: keep the old mailbox and attach it in OX; move: carry the mail over.",
    )
    rewrite_references: bool = Field(
        False, description="true rewrites the old address where undeclared aliases name it."
    )


def _convert(origin: Origin, entry: RenameEntry, file: StateFile) -> Rename | None:
    old = file.address(entry.old, Spot(origin, ("from",)))
    new = file.address(entry.new, Spot(origin, ("to",)))
    if old is None or new is None:
        return None
    if old == new:
        message = f"{old} is renamed to itself"
        file.problems.error("rename", old, message, "remove the entry", Spot(origin, ("to",)))
        return None
    return Rename(**{**vars(entry), "old": old, "new": new, "origin": origin})


class _Account:
    """One account on its way through its addresses."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.last: Rename | None = None
        self.former: dict[Address, Rename] = {}


def _check(merged: Merged, problems: Problems) -> None:
    """Follows all renames by date; refuses two to one, one to two, swaps, and former addresses given to others."""
    holders: dict[Address, _Account] = {}
    renames = sorted(merged.state.renames, key=attrgetter("date"))
    for rename in renames:
        warn_of_far_date(rename.old, marked("the rename"), rename.date, rename.origin, merged, problems)
    for _, same_day in groupby(renames, key=attrgetter("date")):
        for rename in _ordered(list(same_day), problems):
            _follow(rename, holders, problems)
    accounts = {id(account): account for account in holders.values()}.values()
    for account in accounts:
        _check_account(account, merged, problems)


def _ordered(same_day: list[Rename], problems: Problems) -> list[Rename]:
    """Renames of one day in the order in which a chain needs them; what goes in a circle is refused and left out."""
    waiting, ordered = list(same_day), []
    while waiting:
        targets = {rename.new for rename in waiting}
        ready = [rename for rename in waiting if rename.old not in targets]
        if not ready:
            _say_swap(waiting, problems)
            break
        ordered += ready
        waiting = [rename for rename in waiting if rename.old in targets]
    return ordered


def _say_swap(stuck: list[Rename], problems: Problems) -> None:
    circle = stuck
    while len(ends := [r for r in circle if r.new in {other.old for other in circle}]) < len(circle):
        circle = ends  # what hangs on the circle without being in it
    names = ", ".join(f"{rename.old} → {rename.new}" for rename in circle[:5])
    message = f"these renames of {circle[0].date} exchange their addresses: {names}"
    hint = (
        "rename one of them to a third address first; when that is applied and its entry is out of `renames`, "
        "the address is free for the other"
    )
    if len(circle) == 2:
        later = circle[0].date + timedelta(days=1)
        message += "; the same account there and back on one day has no order"
        hint = f"is it the way back? Then give that entry a later date (`date: {later}`); for two people, {hint}"
    problems.error("rename", circle[0].old, message, hint, circle[-1].origin, other=circle[0].origin)


def _follow(rename: Rename, holders: dict[Address, _Account], problems: Problems) -> None:
    """Moves the account on, unless the address that it leaves or wants belongs otherwise."""
    account = holders.get(rename.old)
    if account is None:
        account = holders[rename.old] = _Account(rename.old)
    if account.address != rename.old:
        earlier = account.former[rename.old]
        message = f"{rename.old} was renamed to {earlier.new} on {earlier.date} already"
        hint = f"continue from there: `from: {account.address}`, or remove one of the two"
        problems.error("rename", rename.old, message, hint, Spot(rename.origin, ("from",)), other=earlier.origin)
        return
    other = holders.get(rename.new)
    if other is not None and other is not account:
        message = f"{rename.new} belongs to the account that is now {other.address}: it cannot become {rename.old}'s"
        if other.last is not None and other.address == rename.new:
            message = f"{other.last.old} and {rename.old} are both renamed to {rename.new}"
        hint = "choose another address; a former address belongs to its account while its rename stands"
        spot = Spot(rename.origin, ("to",))
        problems.error("rename", rename.new, message, hint, spot, other=_origin(other, rename.new))
        return
    account.former.pop(rename.new, None)
    account.former[rename.old] = rename
    account.address, account.last = rename.new, rename
    holders[rename.new] = account


def _origin(account: _Account, address: Address) -> Origin | None:
    """The rename by which the account has or had the address."""
    rename = account.former.get(address) or account.last
    return rename.origin if rename is not None else None


def _check_account(account: _Account, merged: Merged, problems: Problems) -> None:
    last, state = account.last, merged.state
    if last is None:
        return
    if merged.knows(last.new) and _swapped(last, merged):
        message = f"`from` and `to` are swapped: {last.old} is declared as a mailbox, and {last.new} is not"
        hint = f"write `from: {last.new}` and `to: {last.old}`: a mailbox is declared under its new address"
        problems.error("rename", last.new, message, hint, Spot(last.origin, ("from",)))
        return
    for address, rename in account.former.items():
        for what, holder in (("mailbox", state.mailboxes.get(address)), ("alias", state.aliases.get(address))):
            if holder is not None:
                message = f"{address} is declared as {what}, but it is the former address of {account.address}"
                hint = f"remove the {what}; mail to {address} reaches {account.address} while the rename stands"
                spot = Spot(holder.origin, on_key=True)
                problems.error("rename", address, message, hint, spot, other=rename.origin)
        removal = merged.removals.get(address)
        if removal is not None:
            message = f"{address} is to be removed, but the rename to {rename.new} keeps it"
            hint = f"remove {account.address} instead, or remove the rename first"
            problems.error("removal", address, message, hint, Spot(removal.origin, ("mailbox",)), other=rename.origin)
    if account.address in state.mailboxes or account.address in merged.removals or not merged.knows(account.address):
        return
    message = f"{account.address} is not a declared mailbox, so nothing says what becomes of {last.old}"
    hint = "declare the mailbox under its new address, or remove the rename"
    problems.error("rename", account.address, message, hint, Spot(last.origin, ("to",)))


def _swapped(rename: Rename, merged: Merged) -> bool:
    boxes = merged.state.mailboxes
    return rename.old in boxes and rename.new not in {*boxes, *merged.state.aliases, *merged.removals}


SECTION = Section(
    "renames",
    ("rename", "renames"),
    list[RenameEntry],
    "Accounts that changed or change their address.",
    _convert,
    key=attrgetter("origin"),
    value=Rename,
    checks=(_check,),
)
