"""Mailboxes with their groupware and member numbers, as entries; former addresses as renames."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from reconciler.importing.imported import Imported, Live
from reconciler.model.addresses import Address, BadAddress, domain_of, local_part, parse_address
from reconciler.model.records import MailboxRow, OxUserRow
from reconciler.planning.live_users import addresses_of
from reconciler.systems.postfixadmin.matching import FORMERLY

LoginRule = Literal["local_part", "address"]
"""How the site makes an OX login from an address."""

_LOGIN = re.compile(r"[$@%.+a-zA-Z0-9_-]+")
_LONGEST_NUMBER = 17  # digits of a member number that YAML takes as a whole number


def address_problem(key: str, live: Live) -> str:
    """Why nothing can be declared under this address; empty when it can."""
    try:
        if parse_address(key) != key:
            return "the state language writes it another way"
    except BadAddress as error:
        return str(error).partition(": ")[2] or str(error)
    return "" if live.receives(domain_of(key)) else f"PostfixAdmin has no domain {domain_of(key)}"


def _number(member: str) -> int | str:
    """As it is written in YAML."""
    return int(member) if member[0] != "0" and len(member) <= _LONGEST_NUMBER else member


class Accounts:
    """Adds what is live of accounts to `imported`."""

    def __init__(self, live: Live, imported: Imported, rule: LoginRule) -> None:
        self._live = live
        self._imported = imported
        self._rule = rule
        self._users = self._users_of_mailboxes()
        self.numbers = self._numbers()
        """The address of each mailbox that has a member number, and the number."""

    def add(self) -> None:
        """Every mailbox that can be declared; one that is an account's former address as a rename of that account."""
        former = dict(self._former())
        for key, row in sorted(self._live.mailboxes.items()):
            if problem := address_problem(key, self._live):
                self._imported.leave("mailbox", key, problem, "it stays as it is; rename or remove it in PostfixAdmin")
            elif key not in former:
                self._mailbox(Address(key), row)
        for old, rename in former.items():
            if rename["to"] in self._imported.mailboxes:
                self._imported.renames[Address(old)] = rename
        self._users_without_mailbox()
        self._members_by_name()

    def _mailbox(self, address: Address, row: MailboxRow) -> None:
        user = self._users.get(address)
        fields: dict[str, Any] | None = {"name": row.name} if row.name else {}
        if user is not None:
            fields = self._names(address, user)
        if fields is None:
            return
        number = self.numbers.get(address)
        if number is not None:
            fields["member"] = _number(number)
        if row.quota < 0:
            self._imported.leave("quota", address, "it is -1 (disabled), which cannot be declared", "it stays as it is")
        else:
            fields["quota"] = f"{row.quota} MB" if row.quota else "unlimited"
        if not row.active:
            fields["active"] = False
        if user is not None and user.login != self._login(address):
            fields["groupware"] = {"username": user.login}
        elif user is None and self._live.users is not None:
            fields["groupware"] = False
            self._half_made(address, number)
        self._imported.mailboxes[address] = fields

    def _names(self, address: Address, user: OxUserRow) -> dict[str, Any] | None:
        """The names that OX has; None when the account cannot be declared with this user."""
        lacking = [word for word, name in (("given name", user.given_name), ("surname", user.surname)) if not name]
        problem = f"OX user {user.id} has no {' and no '.join(lacking)}" if lacking else ""
        if user.login != self._login(address) and not _LOGIN.fullmatch(user.login):
            problem = f"the login {user.login!r} of OX user {user.id} cannot be declared"
        if problem:
            self._imported.leave("mailbox", address, problem, "correct it in OX, and import again")
            return None
        names = {"given_name": user.given_name, "surname": user.surname}
        if user.display_name not in ("", f"{user.given_name} {user.surname}"):
            names["name"] = user.display_name
        return names

    def _half_made(self, address: Address, number: str | None) -> None:
        if number is not None:
            self._imported.leave(
                "OX account",
                address,
                f"member {number} has a mailbox here and no OX account",
                "if they should have one: remove `groupware: false`, write given_name and surname; the next apply "
                "makes it, with a new password and a letter",
            )

    def _login(self, address: str) -> str:
        return address if self._rule == "address" else local_part(address)

    def _users_of_mailboxes(self) -> Mapping[str, OxUserRow]:
        """The user of each mailbox: the only one with that primary address; failing that, the one with its login and
        its address among others, unless that is another mailbox' user."""
        users = (self._live.users or {}).values()
        by_primary: dict[str, list[OxUserRow]] = {}
        for user in users:
            by_primary.setdefault(user.primary, []).append(user)
        by_login = {user.login: user for user in users}
        found: dict[str, OxUserRow] = {}
        for key in self._live.mailboxes:
            own, other = by_primary.get(key, []), by_login.get(self._login(key))
            if len(own) == 1:
                found[key] = own[0]
            elif own:
                ids = " and ".join(user.id for user in own)
                self._imported.leave(
                    "OX account", key, f"the OX users {ids} both have it as their primary address", "keep one in OX"
                )
            elif other is not None and key in addresses_of(other) and other.primary not in self._live.mailboxes:
                found[key] = other
        return found

    def _users_without_mailbox(self) -> None:
        used = {user.id for user in self._users.values()}
        for user in sorted((self._live.users or {}).values(), key=lambda user: int(user.id)):
            if user.id not in used:
                self._imported.leave(
                    "OX account",
                    f"openxchange/{user.id}",
                    f"{user.login} ({user.primary}) belongs to no mailbox",
                    "declare a mailbox with its address, and it is adopted; or delete it in OX",
                )

    def _numbers(self) -> dict[str, str]:
        """By the aliases `NUMBER@` that lead to one mailbox of the same domain. Of several numbers of one mailbox, and
        several mailboxes of one number, the register decides by the names, else nobody has it."""
        of_mailbox, of_number = self._member_aliases()
        found: dict[str, str] = {}
        for target, numbers in sorted(of_mailbox.items()):
            if len(numbers) == 1 and len(of_number[numbers[0]]) == 1:
                found[target] = numbers[0]
                continue
            theirs = [number for number in numbers if self._same_person(number, target)]
            namesakes = [t for number in theirs for t in of_number[number] if self._same_person(number, t)]
            if len(theirs) == 1 and namesakes == [target]:
                found[target] = theirs[0]
            else:
                self._imported.leave(
                    "member number",
                    target,
                    f"it is not certain whose number is whose: {', '.join(sorted(numbers))}",
                    "write `member:` in one of the mailboxes",
                )
        return found

    def _members_by_name(self) -> None:
        """Whom the register has under the name of one mailbox alone, and who has no number alias: said, since a
        namesake would get somebody else's letters."""
        there = {local_part(key) for key in self._live.aliases}
        by_name: dict[str, list[str]] = {}
        for number, member in (self._live.members or {}).items():
            if member.active and not member.problem:
                by_name.setdefault(f"{member.given_name} {member.surname}", []).append(number)
        namesakes: dict[str, list[Address]] = {}
        for address in self._imported.mailboxes:
            if self._name(address) in by_name:
                namesakes.setdefault(self._name(address), []).append(address)
        for name, addresses in namesakes.items():
            number, address = by_name[name][0], addresses[0]
            if len(addresses) == len(by_name[name]) == 1 and address not in self.numbers and number not in there:
                self._imported.leave(
                    "member number",
                    address,
                    f"the register has one member of this name, {number}, and no alias {number}@ leads here",
                    f"if it is the same person, write `member: {_number(number)!r}` in the mailbox; the next apply "
                    "makes the alias",
                )

    def _member_aliases(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """The numbers of each mailbox, and the mailboxes of each number."""
        of_mailbox: dict[str, list[str]] = {}
        of_number: dict[str, list[str]] = {}
        for key, alias in self._live.aliases.items():
            number, domain = local_part(key), domain_of(key)
            if number.isascii() and number.isdecimal() and len(alias.goto) == 1 and key not in self._live.mailboxes:
                target = alias.goto[0]
                if target in self._live.mailboxes and domain_of(target) == domain:
                    of_mailbox.setdefault(target, []).append(number)
                    of_number.setdefault(number, []).append(target)
        return of_mailbox, of_number

    def _same_person(self, number: str, address: str) -> bool:
        member = (self._live.members or {}).get(number)
        name = self._name(address)
        return member is not None and not member.problem and f"{member.given_name} {member.surname}" == name

    def _name(self, address: str) -> str:
        user = self._users.get(address)
        return f"{user.given_name} {user.surname}" if user is not None else self._live.mailboxes[address].name

    def _former(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Old mailboxes of renames by hand: all mail goes on to one other mailbox, whose name with the former surname
        the old one has, and whose OX user has the old address. Anything less is said, and stays a mailbox."""
        leads: dict[str, list[str]] = {}
        for old, new in self._forwarding():
            leads.setdefault(new, []).append(old)
        renamed_too = {old for olds in leads.values() for old in olds}
        for new, olds in leads.items():
            for old in olds:
                signs = [*self._signs(old, new), ("it is one of several", len(olds) == 1 and new not in renamed_too)]
                missing = [sign for sign, there in signs if not there]
                if not missing:
                    yield old, self._rename(old, new)
                elif any(there for _, there in signs[:-1]):
                    self._imported.leave(
                        "rename by hand",
                        f"{old} → {new}",
                        f"it looks like one, but {', and '.join(missing)}",
                        f"if it is one: remove {old} from `mailboxes`, and declare the rename",
                    )

    def _forwarding(self) -> Iterator[tuple[str, str]]:
        """Mailboxes whose mail all goes on to one other mailbox, and that one."""
        for key in sorted(self._live.mailboxes):
            alias = self._live.aliases.get(key)
            targets = () if alias is None else alias.goto
            if len(targets) == 1 and targets[0] != key and targets[0] in self._live.mailboxes:
                yield key, targets[0]

    def _rename(self, old: str, new: str) -> dict[str, Any]:
        surname = self._live.mailboxes[old].name.partition(FORMERLY)[2]
        rename = {"from": old, "to": new, "date": ""}  # only the mailbox' own row knows, see `run._date_renames`
        return rename if surname == old else rename | {"former_surname": surname}

    def _signs(self, old: str, new: str) -> Iterator[tuple[str, bool]]:
        name, _, surname = self._live.mailboxes[old].name.partition(FORMERLY)
        user = self._users.get(new)
        names = {self._live.mailboxes[new].name, user.display_name if user is not None else ""}
        yield f"the old mailbox is not called NAME{FORMERLY}FORMER_SURNAME", bool(surname) and name in names
        if self._live.users is not None:
            yield f"the OX user of {new} does not have {old}", user is not None and old in user.aliases
