"""What each command that edits the declared state changes in it. What the result must be (docs/state-language.md), the
load that follows says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence, Set
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from reconciler.cli.edit import Done
from reconciler.declared.write.edit import Edit
from reconciler.errors import UsageError
from reconciler.model.addresses import Address, BadAddress, domain_of, local_part, parse_address, parse_domain
from reconciler.model.declared import Mailbox
from reconciler.settings import Settings

Fields = dict[str, Any]
CONFIRM_DAYS = 7
"""How long a confirmation holds when nobody says: a week. The language allows 31 days."""


def add_mailbox(edit: Edit, site: Settings, text: str, *, fields: Fields, username: str | None) -> Done:
    """One more mailbox. `fields` are those of the entry; what is None is not written."""
    address = _whole(edit, text)
    _refuse_declared(edit, address)
    entry = _written(fields)
    if username is not None:
        entry["groupware"] = {"username": username}
    elif entry.get("groupware") == (site.openxchange is not None):
        del entry["groupware"]
    wanted = site.openxchange is not None and entry.get("groupware") is not False
    if wanted and not _PERSON.keys() <= entry.keys():
        entry = _names_in_register(edit, site, entry) | entry
    missing = [option for field, option in _PERSON.items() if field not in entry]
    if wanted and missing:
        raise UsageError(
            f"{address} has groupware, which needs {' and '.join(missing)}",
            hint=f"add {' … '.join(missing)} …, or --no-groupware for a mailbox without it",
        )
    number = entry.get("member", "")
    if number.isdecimal() and str(int(number)) == number:
        entry["member"] = int(number)  # with leading zeros it is a text
    edit.add("mailboxes", entry, key=address, domain=domain_of(address))
    return Done(f"Add mailbox {address}", frozenset({address}))


_PERSON = {"given_name": "--given-name", "surname": "--surname"}


def _names_in_register(edit: Edit, site: Settings, entry: Fields) -> Fields:
    """The names of a member, where the register is a file: a database would need a password. Raises UsageError,
    Unreadable."""
    register, number = site.register_, entry.get("member")
    if register is None or register.csv is None or number is None:
        return {}
    from reconciler.systems.letters.register import read_csv  # takes long, and most commands need it not

    row = read_csv(site.path(register.csv), register).rows.get(number)
    if row is None or row.problem or not (row.given_name and row.surname):
        why = f"the register has no names for member {number}" + (f": {row.problem}" if row and row.problem else "")
        raise UsageError(why, hint="correct the number, or add --given-name … --surname …")
    edit.remarks.append(f"member {number} is {row.given_name} {row.surname} in the register")
    if not row.active:
        edit.remarks.append(f"member {number} is not active there: the plan will refuse a new account")
    return {"given_name": row.given_name, "surname": row.surname}


def add_alias(edit: Edit, _: Settings, text: str, targets: Sequence[str]) -> Done:
    """One more alias, or more targets of one that is there."""
    address = _whole(edit, text)
    goto = [_whole(edit, target, like=address) for target in targets]
    alias = edit.state.aliases.get(address)
    if alias is None:
        edit.add("aliases", goto, key=address, domain=domain_of(address))
        return Done(f"Add alias {address}", frozenset({address}))
    new = [target for target in dict.fromkeys(goto) if target not in alias.goto]
    if not new:
        return Done(f"{address} leads to {', '.join(goto)} already", frozenset())
    edit.add_targets(alias, new)
    return Done(f"Let {address} lead to {', '.join(new)}, too", frozenset({address}))


def add_block(edit: Edit, _: Settings, text: str, *, reason: str, expires: str | None) -> Done:
    """One more sender, or domain with its subdomains, whose mail is refused."""
    key = _key_of_block(text)
    entry: Fields = {"sender" if "@" in key else "domain": key, "reason": _folded(reason), "added": edit.state.today}
    edit.add("sender_blocks", entry | _written({"expires": expires}))
    return Done(f"Block {key}", frozenset({key}), reason)


def unblock(edit: Edit, _: Settings, text: str) -> Done:
    """Takes a block out."""
    key = _key_of_block(text)
    block = edit.state.sender_blocks.get(key)
    if block is None:
        wider = next((k for k, b in edit.state.sender_blocks.items() if b.is_domain and _covers(k, key)), None)
        near = get_close_matches(key, edit.state.sender_blocks, n=1)
        hint = f"did you mean {near[0]}?" if near else "reconciler validate counts the blocks that there are"
        if wider is not None:
            hint = f"the block of {wider} covers it: reconciler unblock {wider}"
        raise UsageError(f"{key} is not blocked by name", hint=hint)
    edit.take_out([block.origin])
    return Done(f"Lift the block of {key}", frozenset({key}))


def rename(
    edit: Edit, _: Settings, old_text: str, new_text: str, *, date: str | None, names: Fields, details: Fields
) -> Done:
    """The mailbox under its new address, with a `renames` entry, and aliases that name the new address."""
    box = _mailbox(edit, old_text)
    new = _whole(edit, new_text, like=box.address)
    _refuse_declared(edit, new)
    today = str(edit.state.today)
    names = _written(names)
    if "surname" in names and box.surname and names["surname"] != box.surname:
        details = {"former_surname": box.surname} | _written(details)
    names |= _display_name(edit, box, names)
    entry = {"from": box.address, "to": new, "date": date or today, **_written(details)}
    origin = edit.set_key(box.origin, new)
    edit.set_fields(origin, names)
    edit.move(origin, domain_of(new))
    edit.add("renames", entry, domain=domain_of(new))
    subjects = {box.address, new}
    if entry["date"] <= today:
        for alias in edit.state.aliases.values():
            if box.address in alias.goto:
                edit.set_target(alias, box.address, new)
                edit.remarks.append(f"{alias.address} leads to {new} now")
                subjects.add(alias.address)
    why = str(details.get("ticket") or "")
    return Done(f"Rename {box.address} to {new}", frozenset(subjects), why)


def _display_name(edit: Edit, box: Mailbox, names: Fields) -> Fields:
    """The `name` of a renamed person where it is certain; a remark where it may hold a name that they had."""
    former = {field: getattr(box, field) for field in _PERSON if getattr(box, field)}
    gone = [old for field, old in former.items() if names.get(field, old) != old]
    if "name" in names or not box.name or not edit.has_field(box.origin, "name"):
        return {}
    if gone and box.name == f"{box.given_name} {box.surname}":
        now = former | names
        return {"name": f"{now['given_name']} {now['surname']}"}
    if stale := [old for old in gone if re.search(rf"(?<!\w){re.escape(old)}(?!\w)", box.name, re.IGNORECASE)]:
        edit.remarks.append(
            f"the name stays {box.name!r}, with the former {' and '.join(stale)}: `rename` gives a new one with "
            f"--name; now, write it under `name` in {box.origin.file}"
        )
    return {}


def remove(
    edit: Edit, _: Settings, text: str, *, date: str | None, reason: str | None, groupware_account: str | None
) -> Done:
    """Takes a mailbox out and declares its removal, or takes an alias out; other aliases do not name it any more."""
    address = _known(edit, text)
    alias, box = edit.state.aliases.get(address), edit.state.mailboxes.get(address)
    for other in edit.state.aliases.values():
        if address in other.goto and other.address != address:
            edit.set_target(other, address, None)
            edit.remarks.append(f"{other.address} does not lead to {address} any more")
    subjects = {address, *(other.address for other in edit.state.aliases.values() if address in other.goto)}
    if alias is not None:
        if date or groupware_account:
            raise UsageError(f"{address} is an alias: it goes with the next apply", hint="leave --date out")
        edit.take_out([alias.origin])
        return Done(f"Remove alias {address}", frozenset(subjects), reason or "")
    if not reason:
        raise UsageError(f"the removal of {address} needs a reason", hint="add: --reason 'WHY'")
    if box is not None:
        edit.take_out([box.origin])
    else:
        edit.remarks.append(f"{address} was not declared; the removal is for what is live")
    entry = {"mailbox": address, "date": date or edit.state.today, "reason": _folded(reason)}
    edit.add("removals", entry | _written({"groupware_account": groupware_account}), domain=domain_of(address))
    return Done(f"Remove {address} on {entry['date']}", frozenset(subjects), reason)


def reset_password(edit: Edit, _: Settings, text: str, *, date: str | None) -> Done:
    """A new password on that day, once."""
    box = _mailbox(edit, text)
    day = date or str(edit.state.today)
    if str(box.password_reset) == day:
        return Done(f"{box.address} has a password reset on {day}; another one needs another --date", frozenset())
    edit.set_fields(box.origin, {"password_reset": day})
    return Done(f"Reset the password of {box.address} on {day}", frozenset({box.address}))


def confirm(edit: Edit, _: Settings, gate: str, subject: str, *, reason: str, until: str | None) -> Done:
    """Lifts one gate for one subject; an earlier entry for both is replaced."""
    last = until or str(edit.state.today + timedelta(days=CONFIRM_DAYS))
    domain = domain_of(subject) if "@" in subject else None
    there = [
        c.origin for c in edit.state.confirm if c.gate == gate and subject.lower() in (c.subject, local_part(c.subject))
    ]
    subjects = {c.subject for c in edit.state.confirm if c.origin in there}
    edit.take_out(there)
    edit.add("confirm", {"gate": gate, "subject": subject, "until": last, "reason": _folded(reason)}, domain=domain)
    return Done(f"Confirm {gate} for {subject} until {last}", frozenset({subject.lower(), *subjects}), reason)


def _refuse_declared(edit: Edit, address: Address) -> None:
    """Raises UsageError when there is such a mailbox; what else may have the address the load says, with its place."""
    box = edit.state.mailboxes.get(address)
    if box is not None:
        hint = f"choose another address; what is known of this one: reconciler show {address}"
        raise UsageError(f"{address} is declared already, in {box.origin.file}", hint=hint)


def _written(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}


def _folded(reason: str) -> str:
    """As it is read: on one line, with single spaces."""
    return " ".join(reason.split())


def _whole(edit: Edit, text: str, *, like: Address | None = None) -> Address:
    """The address, a bare local part with the only domain that there is. Raises UsageError."""
    domains = sorted(edit.state.domains)
    default = domain_of(like) if like else domains[0] if len(domains) == 1 else None
    try:
        return parse_address(text, default)
    except BadAddress as error:
        message, _, hint = str(error).partition(": write ")
        if "@" not in text and default is None:
            message, hint = f"{text!r} has no domain", f"the whole address, with one of {', '.join(domains[:5])}"
        if not (text.rpartition("@")[0] or text).isascii():
            hint = _in_ascii(text)
        raise UsageError(message, hint=f"write {hint}" if hint else "write local_part@domain") from None


_ASCII = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "æ": "ae", "ł": "l"})


def _in_ascii(address: str) -> str:
    """What somebody of this name would take: umlauts as they are spelled out in German, other letters without their
    marks; the domain may keep them."""
    local, at, domain = unicodedata.normalize("NFC", address.lower()).rpartition("@")
    if not at:
        local, domain = domain, ""
    plain = unicodedata.normalize("NFKD", local.translate(_ASCII)).encode("ascii", "ignore").decode()
    return f"{plain}{at}{domain}"


def _mailbox(edit: Edit, text: str) -> Mailbox:
    """The declared mailbox, also by a local part that only one has. Raises UsageError."""
    address = _known(edit, text, only_mailboxes=True)
    box = edit.state.mailboxes.get(address)
    if box is None:
        near = get_close_matches(address, edit.state.mailboxes, n=1)
        hint = f"did you mean {near[0]}?" if near else "declare it first: reconciler add mailbox, or reconciler import"
        raise UsageError(f"{address} is not declared as a mailbox", hint=hint)
    return box


def _known(edit: Edit, text: str, *, only_mailboxes: bool = False) -> Address:
    """The address that is meant, of what is declared. Raises UsageError."""
    if "@" in text:
        return _whole(edit, text)
    tables = [edit.state.mailboxes] if only_mailboxes else [edit.state.mailboxes, edit.state.aliases]
    found = [address for table in tables for address in table if local_part(address) == text.lower()]
    if len(found) > 1:
        raise UsageError(f"{text} may be {' or '.join(found)}", hint="write the whole address")
    return found[0] if found else _whole(edit, text)


def known_subject(edit: Edit, text: str, live: Set[str]) -> str:
    """The address or block that is meant, of what is declared and what is live. Raises UsageError."""
    if (lower := text.lower()) in live or lower in edit.state.sender_blocks or "@" in text:
        return lower if lower in live or lower in edit.state.sender_blocks else _whole(edit, text)
    there = {address for address in {*edit.state.mailboxes, *edit.state.aliases, *live} if local_part(address) == lower}
    if len(there) > 1:
        raise UsageError(f"{text} may be {' or '.join(sorted(there))}", hint="write the whole address")
    return there.pop() if there else _whole(edit, text)


def _key_of_block(text: str) -> str:
    """A sender's address, or a domain. Raises UsageError."""
    bare = text.strip()
    try:
        if not bare.startswith(("@", "*@", "*.", ".")):
            return parse_address(bare) if "@" in bare else parse_domain(bare)
    except BadAddress as error:
        raise UsageError(
            str(error), hint="write an address like spam@example.net, or a domain like example.net"
        ) from None
    domain = bare.lstrip("*@.")
    raise UsageError(f"{bare} never matches any sender", hint=f"write {domain}: it has all its subdomains")


def _covers(domain: str, key: str) -> bool:
    asked = domain_of(key) if "@" in key else key
    return asked == domain or asked.endswith(f".{domain}")


CHANGES: dict[str, Callable[..., Done]] = {
    each.__name__: each
    for each in (add_mailbox, add_alias, add_block, unblock, rename, remove, reset_password, confirm)
}
"""By name, for a command line that imports none of them."""
