"""The letters to members, as a System: reads the member register, and tells there what changed for an account.

`expect` remembers the declared state and forgets what was said before; `follow` needs the member number of an account
and remembers who gets no letter; `review` reports that. The workflow calls them in this order.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from email.message import EmailMessage
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy.engine import make_url

from reconciler.errors import Halted, PermanentFailure, Unreadable
from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, Mailbox
from reconciler.model.records import LetterRow, MemberRow, Owner, Records, Row
from reconciler.model.rename_chains import RenameChains, rename_chains
from reconciler.planning.changes import Action, Change, Outcome, Result, Stage, Step
from reconciler.planning.credentials import CredentialEvents, ask_whether_it_came
from reconciler.planning.findings import Finding
from reconciler.planning.ports import System
from reconciler.planning.snapshot import rows_of
from reconciler.remote.mailer import NOT_SENT, is_temporary, is_uncertain
from reconciler.settings import Register, Settings, secret
from reconciler.systems.context import SystemContext
from reconciler.systems.letters.letter import MOVED, Stationery
from reconciler.systems.letters.letter_kind import content as about
from reconciler.systems.letters.letter_kind import occasion
from reconciler.systems.letters.recipients import NoLetter, letter_for
from reconciler.systems.letters.register_csv import read_csv
from reconciler.systems.letters.register_database import read_database
from reconciler.systems.letters.register_rows import Members, RegisterRemark
from reconciler.systems.letters.review import entries, no_letter, rows, zeros

_AGAIN = (
    "when the mail server takes it: reconciler resume makes a new password, sets it everywhere and sends that one",
    "when the mail server takes it: reconciler resume sends it again",
)
"""What to do about a letter that was not taken: one with a password, one without."""


def build(context: SystemContext) -> System | None:
    """The letters of a site that has a `letters` or a `register` section. Raises UsageError for a broken template,
    Unreadable for a password of the register that is not to be found."""
    settings = context.settings
    if settings.letters is None and settings.register_ is None:
        return None
    stationery = Stationery(settings, settings.letters) if settings.letters else None
    return LetterSystem(context, stationery, _register_password(settings))


def _register_password(settings: Settings) -> SecretStr:
    register = settings.register_
    if register is None:
        return SecretStr("")
    file = settings.path(register.password_file) if register.password_file else None
    return secret(register.password_env, file, "register.password")


class LetterSystem:
    """See System. Without `register` nothing is known of members; without `letters` nothing is ever sent."""

    name = "letters"
    owns: frozenset[str] = frozenset()
    needed_for_accounts = True

    def __init__(self, context: SystemContext, stationery: Stationery | None, register_password: SecretStr) -> None:
        self._context = context
        self._register_password = register_password
        self._stationery = stationery
        self._desired: DesiredState | None = None
        self._chains = RenameChains({}, {}, ())
        self._without: dict[str, NoLetter] = {}
        self._remarks: tuple[RegisterRemark, ...] = ()
        self.target = _target(context)

    def expect(self, desired: DesiredState) -> Records:
        """Nothing is here to be held: a letter that was sent cannot be seen."""
        self._desired, self._chains = desired, rename_chains(desired)
        self._without = {}
        return {}

    async def observe(self) -> Records:
        """The register; no kind at all where the site has none. Raises Unreadable with the line."""
        register = self._context.settings.register_
        if register is None:
            return {}
        found = await asyncio.to_thread(self._read, register)
        self._remarks = found.remarks
        members: dict[str, Row] = dict(found.rows)
        return {"member": members}

    def _read(self, register: Register) -> Members:
        settings = self._context.settings
        if register.csv is not None:
            return read_csv(settings.path(register.csv), register)
        return read_database(settings, register, self._register_password)

    def pair(self, wanted: Records, found: Records) -> Records:  # noqa: ARG002  # member numbers are the same everywhere
        """See System."""
        return found

    def settle(self, wanted: Records, found: Records) -> Records:  # noqa: ARG002  # nothing here depends on it
        """See System."""
        return wanted

    def follow(
        self,
        owner: Owner,
        changes: Sequence[Change],
        wanted: Records,  # noqa: ARG002  # empty, see expect
        found: Records,
        news: CredentialEvents,
    ) -> Sequence[Change]:
        """A letter when the account gets a new password, or another address with the password that it has."""
        if not (news.renew or news.moved) or self._stationery is None or self._desired is None:
            return ()
        account, state = owner.subject, self._desired
        template = occasion(account, changes, self._chains, state.today, renew=news.renew, welcome=news.welcome)
        box, own = self._mailbox(account), self._chains.addresses(Address(account))
        letter = letter_for(account, template, box and box.member, rows_of(found, MemberRow), state, own)
        if isinstance(letter, NoLetter):
            self._without[account] = letter
            return ()
        return (Change(self.name, "letter", Action.CREATE, letter.key, None, letter, owner),)

    def steps(self, change: Change) -> tuple[Step, ...]:
        """One letter, after everything that it speaks of is in place."""
        return (Step(change, Stage.LETTER),)

    def review(self, desired: DesiredState, found: Records) -> Sequence[Finding]:
        """The register's entries, and who gets no letter in this plan."""
        members, source = rows_of(found, MemberRow), _source(self._context.settings)
        return [
            *rows(source, self._remarks),
            *zeros(source, desired, members),
            *entries(desired, members),
            *(no_letter(account, why) for account, why in self._without.items()),
        ]

    async def check(self) -> None:
        """Whether the mail server takes letters now. Raises Unreadable."""
        if self._stationery is not None:
            await self._context.mailer.check()

    async def perform(self, batch: Sequence[Step]) -> list[Outcome]:
        """Hands each letter over once, over one connection however few come in one batch."""
        return [await self._sent(step) for step in batch]

    async def _sent(self, step: Step) -> Outcome:
        message = self._write(step)
        if isinstance(message, Outcome):
            return message
        try:
            async with self._context.fence.effect(step.change.owner):
                (answer,) = await self._context.mailer.send([message])
        except Halted as error:
            return Outcome.halted(error)
        except Unreadable as error:
            answer = f"{NOT_SENT}: {error.message}"
        return self._outcome(step, answer)

    async def is_applied(self, batch: Sequence[Step]) -> list[bool]:
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
        password = "" if row.template == MOVED else self._context.passwords.of(row.account).get_secret_value()
        content = replace(
            about(row.account, row.member, box, self._chains, self._context.settings),
            password=password,
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
            return Outcome(Result.DONE, f"letter sent to the register address of member {row.member}")
        said = self._harmless(answer, row)
        if is_uncertain(answer):
            message = f"the letter to the register address of member {row.member} may or may not have arrived: {said}"
            return Outcome(Result.UNCERTAIN, message, self._ask(row))
        return Outcome(
            Result.FAILED,
            f"the letter to the register address of member {row.member} was not taken: {said}",
            _AGAIN[row.template == MOVED],
            temporary=is_temporary(answer),
        )

    def _ask(self, row: LetterRow) -> str:
        """What to do about a letter that may not have arrived."""
        if row.template == MOVED:
            return f"ask whether it came; if not, tell the person that they log in as {row.account} now"
        assert self._desired is not None
        return ask_whether_it_came(self._desired, row.account)

    def _harmless(self, answer: str, row: LetterRow) -> str:
        """A server may quote the letter in its refusal, and it repeats the address, which is the member's own."""
        if row.template != MOVED:
            answer = answer.replace(self._context.passwords.of(row.account).get_secret_value(), "********")
        return re.sub(re.escape(row.recipient), "their register address", answer, flags=re.IGNORECASE)


def _target(context: SystemContext) -> str:
    """`register members.csv, letters by smtp localhost:25`."""
    letters, source = context.settings.letters, _source(context.settings)
    parts = [f"register {source}"] if source else []
    if letters is not None and letters.outbox is not None:
        parts.append(f"letters into {letters.outbox}")
    elif letters is not None:
        parts.append(f"letters by smtp {letters.smtp.host}:{letters.smtp.port}")
    return ", ".join(parts)


def _source(settings: Settings) -> str:
    """Where the register is; empty without one."""
    register = settings.register_
    if register is None:
        return ""
    if register.database_url is None:
        return str(register.csv)
    return make_url(register.database_url).render_as_string(hide_password=True)
