"""Effects that no system can show afterwards, as records: they are planned, carried out and journalled like all others,
and only the ledger knows that they happened."""

from __future__ import annotations

from typing import NamedTuple, Self

from reconciler.model.owners import Owner, Scope


class PasswordRow(NamedTuple):
    """A new password for one login of one system; never read back, the value exists in memory only."""

    key: str
    account: str
    target: str = ""
    """What the system needs to find it: OX' numeric id; empty for PostfixAdmin."""

    @property
    def owner(self) -> Owner:
        return Owner(Scope.ACCOUNT, self.account)

    def merged_with(self, found: Self) -> Self:
        return found


class GivenPasswordRow(PasswordRow):
    """The same, with a password that somebody types: no letter tells it, and no other run can set it again."""

    __slots__ = ()


class AttachmentRow(NamedTuple):
    """The old mailbox (`key`) as an external account in the person's OX. Visible to that person only, so never read
    back by an administrator; the step lists, creates if absent, and checks."""

    key: str
    account: str
    name: str

    @property
    def owner(self) -> Owner:
        return Owner(Scope.ACCOUNT, self.account)

    def merged_with(self, found: AttachmentRow) -> AttachmentRow:
        return found


class SubscriptionsRow(NamedTuple):
    """The subscriptions of an OX user, to be removed once. Never read back: they may have made new ones since."""

    key: str
    account: str
    target: str
    """OX' numeric id."""

    @property
    def owner(self) -> Owner:
        return Owner(Scope.ACCOUNT, self.account)

    def merged_with(self, found: SubscriptionsRow) -> SubscriptionsRow:
        return found


class WelcomeMailRow(NamedTuple):
    """The first mail to a new mailbox, which makes its maildir. Never read back."""

    key: str
    account: str

    @property
    def owner(self) -> Owner:
        return Owner(Scope.ACCOUNT, self.account)

    def merged_with(self, found: WelcomeMailRow) -> WelcomeMailRow:
        return found


class LetterRow(NamedTuple):
    """A letter with the new password, to the address in the register. Never read back."""

    key: str
    account: str
    member: str
    recipient: str
    template: str = "account"
    language: str = ""
    """Of the member, where it is another one than that of the site's letters. Read from the register when the letter is
    sent, like the address, so no plan is bound to it."""

    @property
    def tells_password(self) -> bool:
        """All letters do, but the one that says that the address changed and the password stayed."""
        return self.template != "moved"

    @property
    def owner(self) -> Owner:
        return Owner(Scope.ACCOUNT, self.account)

    def merged_with(self, found: LetterRow) -> LetterRow:
        return found
