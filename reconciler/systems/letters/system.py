"""The letters to members as a System: reads the member register, and sends letters about changes of accounts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from email.message import EmailMessage

from pydantic import SecretStr
from sqlalchemy.engine import make_url

from reconciler.errors import Halted, PermanentFailure, Unreadable
from reconciler.model.addresses import Address
from reconciler.model.records import LetterRow, MemberRow, Owner, Records
from reconciler.planning.changes import Action, Change, Outcome, Result, Stage, Step
from reconciler.planning.finding import Finding
from reconciler.planning.new_passwords import CredentialEvents, ask_whether_it_came
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Observation, SideEffects, System
from reconciler.planning.snapshot import Pair, rows_of
from reconciler.remote.mailer import NOT_SENT, is_temporary, is_uncertain
from reconciler.secret_sources import secret
from reconciler.settings import Register, Settings
from reconciler.systems.letters.letter import Stationery
from reconciler.systems.letters.letter_for_account import NoLetter, letter_for, occasion
from reconciler.systems.letters.letter_for_account import content as about
from reconciler.systems.letters.letter_templates import MOVED
from reconciler.systems.letters.register import read_csv, read_database
from reconciler.systems.letters.register_rows import Members
from reconciler.systems.letters.review import entries, in_question, no_letter, rows, unknown_languages, zeros
from reconciler.systems.system_context import SystemContext
from reconciler.translation import english

_AGAIN = (
    "when the mail server takes it: reconciler resume makes a new password, sets it everywhere and sends that one",
    "when the mail server takes it: reconciler resume sends it again",
)
"""What to do about a letter that was not taken: one with a password, one without."""


def build(context: SystemContext) -> System | None:
    """The letters of a site that has a `letters` or a `register` section. Raises UsageError for a broken template,
    Unreadable for a password of the register that is missing."""
    settings = context.settings
    return None if settings.letters is None and settings.register_ is None else LetterSystem(context)


class LetterSystem(System):
    """Without a `register` section nothing is known of members; without `letters` nothing is ever sent."""

    name = "letters"
    needed_for_accounts = True

    def __init__(self, context: SystemContext) -> None:
        settings, register = context.settings, context.settings.register_
        self._context = context
        self._stationery = Stationery(settings, settings.letters) if settings.letters else None
        self._register_password = SecretStr("")
        if register is not None:
            file = settings.path(register.password_file) if register.password_file else None
            self._register_password = secret(register.password_env, file, "register.password")
        self.target = _target(context)

    def expect(self, context: PlanContext) -> Records:  # noqa: ARG002  # the port's signature
        """Nothing: a letter that was sent cannot be seen."""
        return {}

    async def observe(self, *, writing: bool = False) -> Observation:  # noqa: ARG002  # a letter leaves with its run
        """The members in the register; no kind at all where the site has none. Raises Unreadable with the line."""
        register = self._context.settings.register_
        if register is None:
            return Observation({}, ())
        found = await asyncio.to_thread(self._read, register)
        return Observation({"member": found.rows}, found.remarks)

    def _read(self, register: Register) -> Members:
        settings = self._context.settings
        if register.csv is not None:
            return read_csv(settings.path(register.csv), register)
        return read_database(settings, register, self._register_password)

    def side_effects(
        self, context: PlanContext, owner: Owner, changes: Sequence[Change], pair: Pair, events: CredentialEvents
    ) -> SideEffects:
        """A letter when the account gets a new password, or another address with the password that it has; or why
        they get none."""
        if not (events.renew or events.moved) or events.given or self._stationery is None:
            return SideEffects()
        account, desired = Address(owner.subject), context.desired
        template = occasion(context, account, changes, renew=events.renew, welcome=events.welcome)
        box, own = desired.mailboxes.get(account), context.chains.addresses(account)
        members, language = rows_of(pair.found, MemberRow), self._stationery.language
        letter = letter_for(account, template, box and box.member, members, desired, own, language)
        if isinstance(letter, NoLetter):
            return SideEffects(findings=(no_letter(owner.subject, letter),))
        return SideEffects((Change(self.name, "letter", Action.CREATE, letter.key, None, letter, owner),))

    def stage(self, change: Change) -> Stage:  # noqa: ARG002  # there are only letters
        return Stage.LETTER

    def review(self, context: PlanContext, pair: Pair, details: object) -> Sequence[Finding]:
        assert isinstance(details, tuple)
        members, source = rows_of(pair.found, MemberRow), _source(self._context.settings)
        language = self._stationery.language if self._stationery is not None else ""
        boxes = in_question(context.desired, members)
        found = [*rows(source, details), *zeros(source, boxes, members), *entries(boxes, members)]
        return [*found, *unknown_languages(source, boxes, members, language)] if language else found

    async def check(self, kinds: Collection[str] = ()) -> None:  # noqa: ARG002  # a letter is like another
        if self._stationery is not None:
            await self._context.mailer.check()

    async def perform(self, context: PlanContext, batch: Sequence[Step]) -> list[Outcome]:
        """Sends each letter once. Its content comes from `context`: plans and the ledger keep rows, which have nothing
        of it."""
        return [await self._sent(context, step) for step in batch]

    async def _sent(self, context: PlanContext, step: Step) -> Outcome:
        message = self._write(context, step)
        if isinstance(message, Outcome):
            return message
        try:
            async with self._context.fence.effect(step.change.owner):
                (answer,) = await self._context.mailer.send([message])
        except Halted as error:
            return Outcome.of(error)
        except Unreadable as error:
            answer = f"{NOT_SENT}: {error.message}"
        return self._outcome(context, step, answer)

    async def is_applied(self, batch: Sequence[Step]) -> list[bool]:
        return [False] * len(batch)

    def _write(self, context: PlanContext, step: Step) -> EmailMessage | Outcome:
        row = step.change.row
        assert isinstance(row, LetterRow)
        assert self._stationery is not None
        password = "" if row.template == MOVED else self._context.passwords.of(row.account).get_secret_value()
        content = replace(
            about(context, Address(row.account), row.member, self._context.settings),
            password=password,
            sender_name=self._stationery.sender_name,
        )
        try:
            return self._stationery.message(row.template, row.recipient, content, row.language)
        except PermanentFailure as error:
            return Outcome.of(error)

    def _outcome(self, context: PlanContext, step: Step, answer: str | None) -> Outcome:
        row = step.change.row
        assert isinstance(row, LetterRow)
        letter = f"to the register address of member {row.member}"
        if answer is None:
            return Outcome(Result.DONE, f"letter sent {letter}")
        reason = self._harmless(answer, row)
        if is_uncertain(answer):
            message = f"the letter {letter} may or may not have arrived: {reason}"
            return Outcome(Result.UNCERTAIN, message, _ask(context, row))
        message, hint = f"the letter {letter} was not taken: {reason}", _AGAIN[row.template == MOVED]
        return Outcome(Result.FAILED, message, hint, temporary=is_temporary(answer))

    def _harmless(self, answer: str, row: LetterRow) -> str:
        """The answer without password and private address: a server may quote the letter in its refusal."""
        if row.template != MOVED:
            answer = answer.replace(self._context.passwords.of(row.account).get_secret_value(), "********")
        return re.sub(re.escape(row.recipient), "their register address", answer, flags=re.IGNORECASE)


def _ask(context: PlanContext, row: LetterRow) -> str:
    """What to do about a letter that may not have arrived."""
    if row.template == MOVED:
        return f"ask whether it came; if not, tell the person that they log in as {row.account} now"
    return ask_whether_it_came(context.desired, row.account, english)


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
