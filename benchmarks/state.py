"""The state files and the member register of a site, in the spellings that people use. Used by `site`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks import people
from benchmarks.people import Alias, Part, Person

_NEW_FILE = "new.yaml"
_OTHERS = 2
"""Members without a mailbox: one for so many with one."""
_BRANCHES = ("Nord", "Süd", "Ost", "West")


def write_state(folder: Path, size: int) -> None:
    """The state files of the whole site, with what is declared once."""
    folder.mkdir()
    for file, part in enumerate(people.parts(size)):
        _write(folder, file, part, 0)
    blocks = "".join(map(_block, people.blocked(size)))
    (folder / "blocks.yaml").write_text(f"sender_blocks:\n{blocks}", encoding="utf-8")
    domains = "".join(f"  {domain}: {{}}\n" for domain in (*people.domains(), people.ALIAS_DOMAIN))
    alias_domain = f"  {people.ALIAS_DOMAIN}: {people.domains()[0]}\n"
    (folder / "domains.yaml").write_text(f"domains:\n{domains}alias_domains:\n{alias_domain}", encoding="utf-8")


def write_changed(folder: Path, size: int, count: int) -> None:
    """The first `count` mailboxes want another quota; with 0 everything is as it was."""
    first = max(count, people.changed(size))
    for file, part in enumerate(people.parts(size)):
        if part.people[0].number < first:
            _write(folder, file, part, count)


def write_newcomers(folder: Path, part: Part) -> None:
    """The state file with new accounts."""
    (folder / _NEW_FILE).write_text(_text(part, 0), encoding="utf-8")


def remove_newcomers(folder: Path) -> None:
    """As if they had never been declared."""
    (folder / _NEW_FILE).unlink()


def write_register(file: Path, everybody: Iterable[Person], size: int) -> None:
    """The member register: with members who have no mailbox, and columns that nobody asks for."""
    numbers = [(p.member, p.given, p.surname) for p in everybody if p.member]
    numbers += [(str(n), "Lena", f"Anders {n}") for n in range(5_000_000, 5_000_000 + size // _OTHERS)]
    lines = (_member(*row) for row in numbers)
    head = "member,status,email,given_name,surname,joined,branch"
    file.write_text(f"{head}\n{''.join(lines)}", encoding="utf-8")


def _member(number: str, given: str, surname: str) -> str:
    other = int(number)
    status = "left" if other >= 5_000_000 and other % 3 == 0 else "active"
    return f"{number},{status},member{number}@extern.example,{given},{surname},2009-09-27,{_BRANCHES[other % 4]}\n"


def _write(folder: Path, file: int, part: Part, changed: int) -> None:
    (folder / f"{file:04}.yaml").write_text(_text(part, changed), encoding="utf-8")


def _text(part: Part, changed: int) -> str:
    boxes = "".join(line for person in part.people for line in _mailbox(person, part, changed))
    aliases = "".join(_alias(alias, part) for alias in part.aliases())
    return f"domain: {part.domain}\nmailboxes:\n{boxes}aliases:\n{aliases}"


def _mailbox(person: Person, part: Part, changed: int) -> Iterator[str]:
    quota = people.NEW_QUOTA if person.number < changed else person.quota
    yield f"  {_short(person.address, part)}:\n"
    if person.member is None:  # a team
        yield f"    name: {person.name}\n    groupware: false\n"
    else:
        yield f"    given_name: {person.given}\n    surname: {person.surname}\n    member: {person.member}\n"
        yield f"    name: {person.name}\n" if person.number % 3 else ""
    yield f"    quota: {quota} MB\n" if quota else ""
    yield f"    active: {str(person.active).lower()}\n" if person.number % 2 or not person.active else ""


def _alias(alias: Alias, part: Part) -> str:
    goto = [_short(target, part) for target in alias.goto]
    targets = goto[0] if len(goto) == 1 else f"[{', '.join(goto)}]"
    return f"  {_short(alias.address, part)}: {targets if alias.active else f'{{goto: {targets}, active: false}}'}\n"


def _short(address: str, part: Part) -> str:
    return address.removesuffix(f"@{part.domain}")


def _block(key: str) -> str:
    return f"  - {'sender' if '@' in key else 'domain'}: {key}\n    reason: sells addresses\n    added: 2026-11-22\n"
