"""Where mail to an address goes: Postfix' own resolution, over PostfixAdmin's tables as records. Pure, no I/O.

Postfix' `cleanup` replaces a recipient by what the virtual alias maps answer, and those answers again, until nothing
answers; what is left is delivered. The maps are PostfixAdmin's documented ones (facts/postfixadmin.md 6 and 12): an
alias' own row, the row of the domain that an alias domain leads to, that domain's catch-all, the own catch-all; only
active rows answer, an empty goto is none. Order and limits are those of virtual(5), postconf(5) and cleanup_map1n.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from reconciler.model.addresses import CATCH_ALL, without_extension
from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, Found, MailboxRow
from reconciler.planning.changes import Change
from reconciler.planning.snapshot import rows_of

EXPANSION_LIMIT = 1000
"""`virtual_alias_expansion_limit`: addresses that one recipient may become."""
NESTING_LIMIT = 1000
"""`virtual_alias_recursion_limit`: aliases behind each other."""

_NOBODY: frozenset[str] = frozenset()


class Delivery(NamedTuple):
    """What becomes of one message. `answers` are vacation tokens: whoever wrote gets an answer, nobody gets the mail.

    A loop, or more than Postfix expands, does not bounce one copy: the whole message is deferred, and bounces in the
    end. Then `loops` names an address on the way and nothing is delivered.
    """

    mailboxes: frozenset[str] = _NOBODY
    external: frozenset[str] = _NOBODY
    answers: frozenset[str] = _NOBODY
    bounces: frozenset[str] = _NOBODY
    loops: frozenset[str] = _NOBODY

    @property
    def arrives(self) -> bool:
        """Whether anybody gets the mail."""
        return bool(self.mailboxes or self.external)


Asked = set[tuple[str, str]]
"""(kind, key) of every row that a resolution asked for, whether it was there or not."""


class MailTables:
    """Aliases, mailboxes, domains and alias domains, with changes over them. Looks into the tables, copies none.

    `moved` has the mailboxes that stand under another key than their own because a rename moves them.
    """

    def __init__(
        self, records: Found, changes: Iterable[Change] = (), *, moved: Iterable[MailboxRow] = (), delimiter: str = ""
    ) -> None:
        self._aliases = rows_of(records, AliasRow)
        self._mailboxes = rows_of(records, MailboxRow)
        self._domains = rows_of(records, DomainRow)
        self._alias_domains = rows_of(records, AliasDomainRow)
        self._delimiter = delimiter
        self._new_aliases: dict[str, AliasRow | None] = {}
        self._new_mailboxes: dict[str, MailboxRow | None] = {row.key: row for row in moved}
        for change in changes:
            self._change(change)

    def alias(self, key: str) -> AliasRow | None:
        """The row of an alias, active or not; none that is stored so that no look-up finds it."""
        row = self._new_aliases[key] if key in self._new_aliases else self._aliases.get(key)
        return row if row is None or not row.spelling else None

    def mailbox(self, key: str) -> MailboxRow | None:
        """The row of a mailbox, active or not."""
        if key in self._new_mailboxes:
            return self._new_mailboxes[key]
        row = self._mailboxes.get(key)
        return row if row is not None and row.key == key and not row.spelling else None

    def has_domain(self, domain: str) -> bool:
        return domain in self._domains

    def is_off(self, domain: str) -> bool:
        """Whether PostfixAdmin knows the domain and has it switched off."""
        known = self._domains.get(domain)
        return known is not None and not known.active

    def deliver(self, address: str, asked: Asked | None = None) -> Delivery:
        """Where a message to `address` ends; `asked` is filled with the rows that this depends on. The catch-all
        `*@domain` is every address that has no row of its own."""
        own = self.alias(address)
        if own is not None and own.goto == (address,) and own.active and asked is None:
            return self._ends((address,), asked)  # nearly every mailbox
        ends = self._expanded(address, asked)
        return ends if isinstance(ends, Delivery) else self._ends(ends, asked)

    def translated(self, address: str) -> Iterator[str]:
        """The addresses whose rows may answer for this one, but for catch-alls: itself, without its extension, and
        each in the domain that its domain is an alias of."""
        for form in (address, without_extension(address, self._delimiter)[0]):
            yield form
            local, _, domain = form.rpartition("@")
            target = self._alias_of(domain)
            if target is not None:
                yield f"{local}@{target}"

    def _change(self, change: Change) -> None:
        match change.row:
            case DomainRow() as domain:
                self._domains = {**self._domains, domain.key: domain}
            case AliasDomainRow() as link:
                others = {key: other for key, other in self._alias_domains.items() if key != link.key}
                self._alias_domains = others if change.after is None else {**others, link.key: link}
            case AliasRow():
                self._new_aliases[change.key] = change.after if isinstance(change.after, AliasRow) else None
            case MailboxRow():
                if change.before is not None:
                    self._new_mailboxes[change.before.key] = None
                if isinstance(change.after, MailboxRow):
                    self._new_mailboxes[change.after.key] = change.after

    def _expanded(self, address: str, asked: Asked | None) -> list[str] | Delivery:
        """cleanup_map1n_internal: each address is replaced by the first of its answers, the others join the end."""
        ends, seen = [address], set[str]()
        at = 0
        while at < len(ends):
            if len(ends) > EXPANSION_LIMIT:
                return Delivery(loops=frozenset((address,)))
            nesting = 0
            while ends[at] not in seen:  # an address that expanded into itself is final
                if nesting >= NESTING_LIMIT:
                    return Delivery(loops=frozenset((ends[at],)))
                answer = self._answer(ends[at], asked)
                if not answer:
                    break
                if ends[at] in answer:
                    seen.add(ends[at])
                ends[at] = answer[0]
                ends += answer[1:]
                nesting += 1
            at += 1
        return ends

    def _answer(self, address: str, asked: Asked | None) -> tuple[str, ...]:
        """What the maps say of an address: for itself, without its extension (which the answer gets then), and for its
        domain."""
        local, _, domain = address.rpartition("@")
        answer = self._row_answers(address, asked)
        base, extension = without_extension(address, self._delimiter)
        if not answer and extension:
            answer = self._row_answers(base, asked)
            if answer and not _other_domain(answer):
                return tuple(_extended(target, extension) for target in answer)
        answer = answer or self._active_goto(f"{CATCH_ALL}@{domain}", asked)
        return (local + answer[0],) if _other_domain(answer) else answer

    def _row_answers(self, address: str, asked: Asked | None) -> tuple[str, ...]:
        if answer := self._active_goto(address, asked):
            return answer
        local, _, domain = address.rpartition("@")
        target = self._alias_of(domain)
        if target is None:
            return ()
        return self._active_goto(f"{local}@{target}", asked) or self._active_goto(f"{CATCH_ALL}@{target}", asked)

    def _active_goto(self, key: str, asked: Asked | None) -> tuple[str, ...]:
        if asked is not None:
            asked.add(("alias", key))
        row = self.alias(key)
        return row.goto if row is not None and row.active else ()

    def _ends(self, ends: Iterable[str], asked: Asked | None) -> Delivery:
        mailboxes, external, answers, bounces = set[str](), set[str](), set[str](), set[str]()
        for end in ends:
            local, _, domain = end.rpartition("@")
            mailbox = self._mailbox_of(end, asked)
            known = self._domains.get(domain)
            if mailbox is not None and known is not None and known.active:
                mailboxes.add(mailbox)
            elif known is not None:
                bounces.add(end)
            elif self._is_vacation_token(local):
                answers.add(end)
            else:
                external.add(end)
        return Delivery(*map(frozenset, (mailboxes, external, answers, bounces)))

    def _mailbox_of(self, address: str, asked: Asked | None) -> str | None:
        for form in self.translated(address):
            if asked is not None:
                asked.add(("mailbox", form))
            row = self.mailbox(form)
            if row is not None and row.active:
                return form
        return None

    def _alias_of(self, domain: str) -> str | None:
        row = self._alias_domains.get(domain) if self._alias_domains else None
        return row.target if row is not None and row.active else None

    def _is_vacation_token(self, local: str) -> bool:
        """`anna#mail.example@` a domain that is not ours: for PostfixAdmin's vacation program, whatever its domain is
        or was (facts/postfixadmin.md 7)."""
        name, mark, domain = local.rpartition("#")
        return bool(mark and name and domain in self._domains)


def _extended(target: str, extension: str) -> str:
    """`propagate_unmatched_extensions` holds for virtual aliases by default."""
    local, at, domain = target.rpartition("@")
    return f"{local}{extension}@{domain}" if at else target + extension


def _other_domain(answer: tuple[str, ...]) -> bool:
    """`@other.example` alone means the same local part, extension and all, there (mail_addr_map.c)."""
    return len(answer) == 1 and answer[0].startswith("@")
