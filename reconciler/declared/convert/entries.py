"""From the documents to entries of the model: addresses completed and canonical, defaults in place.

What one entry says by itself is checked here; what entries say about each other is the next step's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from reconciler.declared.convert.addresses import Addresses
from reconciler.declared.convert.error_messages import Sentence
from reconciler.declared.convert.field_types import MAX_NAME
from reconciler.declared.convert.models import (
    AliasEntry,
    ConfirmEntry,
    Groupware,
    MailboxEntry,
    RemovalEntry,
    RenameEntry,
    SenderBlockEntry,
)
from reconciler.declared.convert.sections import Checked, read_sections
from reconciler.declared.parse.documents import Document
from reconciler.declared.problems import Problems, Spot
from reconciler.declared.read.source import Source
from reconciler.model.addresses import Address
from reconciler.model.declared import Alias, Confirm, Mailbox, Removal, Rename, SenderBlock
from reconciler.model.source_places import Origin
from reconciler.settings import Settings

CONFIRM_DAYS = 31
MAX_GOTO_BYTES = 65_535  # facts/postfixadmin.md 6: what the column holds
_EMPTY = MailboxEntry.model_validate({})

Declared = Mailbox | Alias | Rename | Removal | SenderBlock | Confirm


def convert(documents: Iterable[Document], site: Settings, today: date, problems: Problems) -> Iterator[Declared]:
    """Every entry that is right by itself, as of `today`, in the order of the files."""
    for source, value in documents:
        domain = value.get("domain") if isinstance(value, dict) else None
        converter = _Converter(source.name, domain, site, today, problems)
        for item in read_sections(value):
            if isinstance(item, Sentence):
                _add(problems, item, source)
            elif (entry := converter.entry(item)) is not None:
                yield entry


def _add(problems: Problems, sentence: Sentence, source: Source) -> None:
    section, key, *rest = (*sentence.path, "", "")[: max(2, len(sentence.path))]
    spot = Spot(Origin(source.name, str(section), str(key)), tuple(rest), sentence.on_key)
    subject = str(key if isinstance(key, str) and key else section or source.shown)
    problems.error("field", subject, sentence.message, sentence.hint, spot)


class _Converter:
    """Converts the checked entries of one file; each method gives None after a complaint."""

    def __init__(self, file: str, domain: Any, site: Settings, today: date, problems: Problems) -> None:
        self._file = file
        self._today = today
        self._problems = problems
        self._groupware = site.openxchange is not None
        self._site = site.site
        self._addresses = Addresses(file, domain, site, problems)

    def entry(self, checked: Checked) -> Declared | None:
        """The entry as a value of the model."""
        origin = Origin(self._file, checked.section, checked.key)
        match checked.entry:
            case MailboxEntry() | None:
                return self._mailbox(origin, checked.entry or _EMPTY)
            case AliasEntry() as entry:
                return self._alias(origin, entry)
            case RenameEntry() as entry:
                return self._rename(origin, entry)
            case RemovalEntry() as entry:
                return self._removal(origin, entry)
            case SenderBlockEntry() as entry:
                return self._block(origin, entry)
            case ConfirmEntry() as entry:
                return self._confirm(origin, entry)
        raise AssertionError(checked.entry)

    def _mailbox(self, origin: Origin, entry: MailboxEntry) -> Mailbox | None:
        address = self._addresses.mailbox(origin)
        if address is None:
            return None
        name = entry.name
        if name is None and entry.given_name is not None and entry.surname is not None:
            name = sys.intern(f"{entry.given_name} {entry.surname}")
            if len(name) > MAX_NAME:
                message = f"given name and surname have {len(name)} characters together, {MAX_NAME} are allowed"
                self._problems.error("name", address, message, "write a shorter `name`", origin)
        return Mailbox(
            address,
            origin,
            given_name=entry.given_name,
            surname=entry.surname,
            name=name,
            member=entry.member,
            quota=entry.quota,
            active=entry.active,
            groupware=self._has_groupware(origin, address, entry),
            username=entry.groupware.username if isinstance(entry.groupware, Groupware) else None,
            password_reset=entry.password_reset,
            subscriptions_reset=entry.subscriptions_reset,
        )

    def _has_groupware(self, origin: Origin, address: Address, entry: MailboxEntry) -> bool:
        wanted = self._groupware if entry.groupware is None else entry.groupware is not False
        if wanted and not self._groupware:
            message = f"{address} wants groupware, but the site has none"
            hint = "remove `groupware`, or add a section `openxchange` to the site file"
            self._problems.error("groupware", address, message, hint, Spot(origin, ("groupware",)))
        elif wanted:
            for field, value in (("given_name", entry.given_name), ("surname", entry.surname)):
                if value is None:
                    message = f"`{field}` is missing: {address} has groupware"
                    hint = f"add `{field}:`, or `groupware: false` for a mailbox without it"
                    self._problems.error("groupware", address, message, hint, Spot(origin, on_key=True))
        return wanted

    def _alias(self, origin: Origin, entry: AliasEntry) -> Alias | None:
        address = self._addresses.alias(origin)
        seen: dict[Address, None] = {}
        for index, text in enumerate(entry.goto):
            spot = Spot(origin, ("goto", index))
            target = self._addresses.target(text, spot)
            if target is not None and target in seen:
                self._problems.error("alias", target, f"the target {target} is listed twice", "keep one", spot)
            elif target is not None:
                seen[target] = None
        if address is None:
            return None
        size = sum(len(target) + 1 for target in seen) - 1
        if size > MAX_GOTO_BYTES:
            message = f"the targets of {address} have {size} characters together, {MAX_GOTO_BYTES} fit into the table"
            self._problems.error("alias", address, message, "split it into aliases that it leads to", origin)
        return Alias(address, tuple(seen), origin, entry.active)

    def _rename(self, origin: Origin, entry: RenameEntry) -> Rename | None:
        old = self._addresses.address(entry.old, Spot(origin, ("from",)))
        new = self._addresses.address(entry.new, Spot(origin, ("to",)))
        if old is None or new is None:
            return None
        if old == new:
            message = f"{old} is renamed to itself"
            self._problems.error("rename", old, message, "remove the entry", Spot(origin, ("to",)))
            return None
        return Rename(
            old,
            new,
            entry.date,
            origin,
            former_surname=entry.former_surname,
            ticket=entry.ticket,
            old_mailbox=entry.old_mailbox,
            rewrite_references=entry.rewrite_references,
        )

    def _removal(self, origin: Origin, entry: RemovalEntry) -> Removal | None:
        mailbox = self._addresses.address(entry.mailbox, Spot(origin, ("mailbox",)))
        if mailbox is None:
            return None
        return Removal(mailbox, entry.date, entry.reason, origin, entry.groupware_account)

    def _block(self, origin: Origin, entry: SenderBlockEntry) -> SenderBlock | None:
        if entry.sender is not None:
            key: str | None = self._addresses.blocked_sender(entry.sender, Spot(origin, ("sender",)))
        else:
            key = self._addresses.blocked_domain(entry.domain or "", Spot(origin, ("domain",)))
        if key is None:
            return None
        return SenderBlock(key, entry.sender is None, entry.reason, origin, entry.added, entry.expires)

    def _confirm(self, origin: Origin, entry: ConfirmEntry) -> Confirm | None:
        last = self._today + timedelta(days=CONFIRM_DAYS)
        if entry.until > last:
            message = f"until {entry.until} is more than {CONFIRM_DAYS} days ahead"
            hint = f"write {last} at the latest"
            self._problems.error("confirm", entry.subject, message, hint, Spot(origin, ("until",)))
        subject = self._addresses.subject(entry.gate, entry.subject, self._site, Spot(origin, ("subject",)))
        if subject is None:
            return None
        return Confirm(entry.gate, subject, entry.until, entry.reason, origin)
