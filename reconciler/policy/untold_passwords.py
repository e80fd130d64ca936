"""Passwords that no letter tells, and letters that may not have arrived."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from reconciler.model.records import PasswordRow
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.ledger_state import OpenLetter, half_given
from reconciler.planning.new_passwords import ask_whether_it_came
from reconciler.planning.plan import HALF_GIVEN
from reconciler.planning.plan_context import PlanContext
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import about, refusal
from reconciler.translation import tr

_RULE = "no-letter"


def untold_password(context: GateContext) -> Iterator[Finding]:
    """A new password that no letter tells locks the user of a live account out. Refused on a site without `letters`, a
    warning where only this account has no recipient. What a run left half done is finished all the same: its old
    password is lost already."""
    half_way = {context.chains.of(owner.subject) for owner in context.remembered.unfinished}
    for transition in context.transitions:
        account = transition.owner.subject
        kinds = {change.kind for change in transition.changes}
        stopped = transition.owner in context.stopped
        if "password" not in kinds or "letter" in kinds or account in half_way or stopped:
            continue
        if context.site.letters is None:
            message = tr(
                "{account} gets a new password that nobody is told, and the old one no longer works: the site file has "
                "no `letters`",
                account=account,
            )
            hint = tr(
                "write `letters` in the site file; or confirm it, and afterwards: {command}",
                command=f"reconciler password {account}",
            )
            yield refusal(transition, _RULE, message, hint)
        else:
            message = tr(
                "{account} gets a new password that nobody is told, and the old one no longer works: no letter can go "
                "out",
                account=account,
            )
            hint = tr(
                "write a `member` whom a letter reaches, or afterwards: {command}",
                command=f"reconciler password {account}",
            )
            yield about(transition, Severity.WARNING, _RULE, message, hint)


def letters_left(letters: Sequence[OpenLetter], context: PlanContext, zone: ZoneInfo) -> Iterator[Finding]:
    """What the ledger knows of letters that are not known to have arrived, for accounts that git declares."""
    for letter in letters:
        account = context.chains.of(letter.account)
        if account not in context.desired.mailboxes:
            continue
        which = tr(
            "the letter `{template}` of run {run} ({when})",
            template=letter.template,
            run=letter.run,
            when=f"{letter.when.astimezone(zone):%Y-%m-%d %H:%M}",
        )
        if letter.uncertain:
            message = tr("{letter} to the owner of {account} may not have arrived", letter=which, account=account)
            hint = ask_whether_it_came(context.desired, account)
            yield Finding(Severity.WARNING, "uncertain-letter", account, message, hint)
        else:
            why = f": {letter.message}" if letter.message else ""
            message = tr("{letter} is still owed to the owner of {account}", letter=which, account=account) + why
            hint = tr(
                "reconciler resume sends one, with a new password where it tells one; by hand: reconciler password"
            )
            yield Finding(Severity.WARNING, "owed-letter", account, message, hint)


def half_given_password(context: GateContext) -> Iterator[Finding]:
    """A password that somebody typed, and that a run left in one system and not in the other."""
    renewed = {t.owner.subject for t in context.transitions if any(isinstance(c.row, PasswordRow) for c in t.changes)}
    left = {context.chains.of(o.subject) for o, kinds in context.remembered.unseen.items() if half_given(kinds)}
    for account in sorted(left - renewed):
        if account in context.desired.mailboxes:
            message = tr(
                "the password that was typed for {account} may be in one system and not in another", account=account
            )
            hint = tr("set it again, everywhere: {command}", command=f"reconciler password {account}")
            # without an owner: `resume` says it, too
            yield Finding(Severity.WARNING, HALF_GIVEN, account, message, hint)


def uncertain_letters(context: GateContext) -> Iterator[Finding]:
    """A letter whose answer was lost may hold the only copy of a password. It is not sent again by itself: two letters
    would tell two passwords. Reported for as long as a one-shot date can still be done."""
    since = context.desired.today - timedelta(days=context.site.policy.one_shot_days)
    zone = ZoneInfo(context.site.timezone)
    for account, left in sorted(context.remembered.uncertain.items()):
        day = left.astimezone(zone).date()
        if account in context.desired.mailboxes and day >= since:
            message = tr(
                "whether the letter of {day} to the owner of {account} arrived is not known", day=day, account=account
            )
            hint = ask_whether_it_came(context.desired, account)
            # without an owner: `resume` says it, too, though nothing of the account is left to do
            yield Finding(Severity.WARNING, "uncertain-letter", account, message, hint)
