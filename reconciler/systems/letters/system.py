"""The letters to members, as a System: reads the member register, sends the password of a new account to it.

`expect` remembers the declared state and forgets what was said before; `follow` needs the member number of an account
and remembers who gets no letter; `review` reports that. The workflow calls them in this order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from email.message import EmailMessage
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from reconciler.errors import PermanentFailure, Unreadable
from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, Mailbox
from reconciler.model.records import LetterRow, MemberRow, Owner, Records, Row
from reconciler.planning.changes import Action, Change, Outcome, Result, Stage, Step
from reconciler.planning.findings import Finding
from reconciler.planning.ports import System
from reconciler.planning.snapshot import rows_of
from reconciler.remote.smtp import is_temporary
from reconciler.settings import Register
from reconciler.systems.context import Context
from reconciler.systems.letters.letter import Content, Stationery
from reconciler.systems.letters.recipients import NoLetter, letter_for
from reconciler.systems.letters.register_csv import read_csv
from reconciler.systems.letters.register_database import read_database
from reconciler.systems.letters.review import entries, no_letter


def build(context: Context) -> System | None:
    """The letters of a site that has a `letters` or a `register` section. Raises UsageError for a broken template."""
    settings = context.settings
    if settings.letters is None and settings.register_ is None:
        return None
    stationery = Stationery(settings, settings.letters) if settings.letters else None
    return LetterSystem(context, stationery)


class LetterSystem:
    """See System. Without `register` nothing is known of members; without `letters` nothing is ever sent."""

    name = "letters"
    owns: frozenset[str] = frozenset()
    needed_for_accounts = True

    def __init__(self, context: Context, stationery: Stationery | None) -> None:
        self._context = context
        self._stationery = stationery
        self._desired: DesiredState | None = None
        self._without: dict[str, NoLetter] = {}
        self.target = _target(context)

    def expect(self, desired: DesiredState) -> Records:
        """Nothing is here to be held: a letter that was sent cannot be seen."""
        self._desired = desired
        self._without = {}
        return {}

    async def observe(self) -> Records:
        """The register; no kind at all where the site has none. Raises Unreadable with the line."""
        register = self._context.settings.register_
        if register is None:
            return {}
        found = await asyncio.to_thread(self._read, register)
        rows: dict[str, Row] = dict(found)
        return {"member": rows}

    def _read(self, register: Register) -> dict[str, MemberRow]:
        settings = self._context.settings
        if register.csv is not None:
            return read_csv(settings.path(register.csv), register)
        return read_database(settings, register)

    def pair(self, wanted: Records, found: Records) -> Records:  # noqa: ARG002  # member numbers are the same everywhere
        """See System."""
        return found

    def settle(self, wanted: Records, found: Records) -> Records:  # noqa: ARG002  # nothing here depends on it
        """See System."""
        return wanted

    def follow(
        self,
        owner: Owner,
        changes: Sequence[Change],  # noqa: ARG002  # `renew` says it all
        wanted: Records,  # noqa: ARG002  # empty, see expect
        found: Records,
        *,
        renew: bool,
        moved: bool = False,  # noqa: ARG002
        unsubscribe: bool = False,  # noqa: ARG002
    ) -> Sequence[Change]:
        """A letter when the account gets a new password."""
        if not renew or self._stationery is None or self._desired is None:
            return ()
        box = self._mailbox(owner.subject)
        letter = letter_for(owner.subject, box and box.member, rows_of(found, MemberRow), self._desired)
        if isinstance(letter, NoLetter):
            self._without[owner.subject] = letter
            return ()
        return (Change(self.name, "letter", Action.CREATE, letter.key, None, letter, owner),)

    def steps(self, change: Change) -> tuple[Step, ...]:
        """One letter, after everything that it speaks of is in place."""
        return (Step(change, Stage.LETTER),)

    def review(self, desired: DesiredState, found: Records) -> Sequence[Finding]:
        """The register's entries, and who gets no letter in this plan."""
        return [
            *entries(desired, rows_of(found, MemberRow)),
            *(no_letter(account, why) for account, why in self._without.items()),
        ]

    async def check(self) -> None:
        """Whether the mail server takes letters now. Raises Unreadable."""
        if self._stationery is not None:
            await self._context.mailer.check()

    async def perform(self, batch: Sequence[Step]) -> list[Outcome]:
        """Sends. A letter that may have gone out before is sent again: twice is better than a lost password."""
        written = [self._write(step) for step in batch]
        messages = [message for message in written if isinstance(message, EmailMessage)]
        try:
            answers = iter(await self._context.mailer.send(messages))
        except Unreadable as error:
            answers = iter([f"not sent: {error.message}"] * len(messages))
        return [
            self._outcome(step, next(answers)) if isinstance(result, EmailMessage) else result
            for step, result in zip(batch, written, strict=True)
        ]

    async def holds(self, batch: Sequence[Step]) -> list[bool]:
        """A letter leaves no trace here."""
        return [False] * len(batch)

    async def close(self) -> None:
        """Nothing is held open."""

    def _mailbox(self, account: str) -> Mailbox | None:
        return self._desired.mailboxes.get(Address(account)) if self._desired else None

    def _write(self, step: Step) -> EmailMessage | Outcome:
        row = step.change.row
        assert isinstance(row, LetterRow)
        assert self._stationery is not None
        box = self._mailbox(row.account)
        content = Content(
            address=row.account,
            login=row.account,
            password=self._context.passwords.of(row.account).get_secret_value(),
            given_name=(box and box.given_name) or "",
            name=(box and box.name) or "",
            web_url=self._web_url(box),
            sender_name=self._stationery.sender_name,
        )
        try:
            return self._stationery.message(row.template, row.recipient, content)
        except PermanentFailure as error:
            return Outcome(Result.FAILED, error.message, error.hint)

    def _web_url(self, box: Mailbox | None) -> str:
        """The groupware's front page; `openxchange.web_url` is the address of its interface behind it."""
        groupware = self._context.settings.openxchange
        if box is None or not box.groupware or groupware is None or groupware.web_url is None:
            return ""
        url = urlsplit(groupware.web_url)
        return f"{url.scheme}://{url.netloc}/"

    def _outcome(self, step: Step, answer: str | None) -> Outcome:
        row = step.change.row
        assert isinstance(row, LetterRow)
        if answer is None:
            return Outcome(Result.DONE, f"letter sent to {row.recipient}")
        # a filter may quote the letter in its refusal
        said = answer.replace(self._context.passwords.of(row.account).get_secret_value(), "********")
        return Outcome(
            Result.FAILED,
            f"the letter to {row.recipient} was not taken: {said}",
            f"set a new password for {row.account} and hand it over by other means; nobody knows the one just made",
            temporary=is_temporary(answer),
        )


def _target(context: Context) -> str:
    """`register members.csv, letters by smtp localhost:25`."""
    register, letters = context.settings.register_, context.settings.letters
    parts = []
    if register is not None and register.csv is not None:
        parts.append(f"register {register.csv}")
    elif register is not None and register.database_url is not None:
        parts.append(f"register {make_url(register.database_url).render_as_string(hide_password=True)}")
    if letters is not None and letters.outbox is not None:
        parts.append(f"letters into {letters.outbox}")
    elif letters is not None:
        parts.append(f"letters by smtp {letters.smtp.host}:{letters.smtp.port}")
    return ", ".join(parts)
