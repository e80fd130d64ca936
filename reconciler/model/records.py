"""Records: one row of one system as a plain value. Light, for a million of them on both sides. All kinds are here.

Every kind answers two questions. `owner` says whose it is. `merged_with(found)` says what the row should be, given what
is there: the fields that we manage are ours, all others stay as found; it returns `found` itself when nothing differs.
On the found side `account` is empty: who owns a live row is known only from what is declared.
Text is normalised where it is read (lower case and ASCII addresses, NFC and folded spaces in names, whole MB, `goto`
sorted without duplicates), so that values which mean the same are equal.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from enum import StrEnum
from typing import Any, NamedTuple, Self

from reconciler.model.domain_records import AliasDomainRow as AliasDomainRow
from reconciler.model.domain_records import DomainRow as DomainRow
from reconciler.model.mail_domains import ALIAS_DOMAIN_SCOPE, DOMAIN_SCOPE
from reconciler.model.owners import Owner as Owner
from reconciler.model.owners import Row as Row
from reconciler.model.owners import Scope as Scope
from reconciler.model.record_kinds import Kind, OnUndeclared, register
from reconciler.model.write_only_records import AttachmentRow as AttachmentRow
from reconciler.model.write_only_records import GivenPasswordRow as GivenPasswordRow
from reconciler.model.write_only_records import LetterRow as LetterRow
from reconciler.model.write_only_records import PasswordRow as PasswordRow
from reconciler.model.write_only_records import SubscriptionsRow as SubscriptionsRow
from reconciler.model.write_only_records import WelcomeMailRow as WelcomeMailRow
from reconciler.translation import marked, marked_number, tr


class MailboxRow(NamedTuple):
    """A row of PostfixAdmin's `mailbox`. `quota` in whole MB: 0 unlimited, -1 disabled.

    A found row that is paired with an account's new address keeps its own key: it is to be renamed.
    """

    key: str
    account: str
    name: str
    quota: int
    active: bool
    name_managed: bool = False
    quota_managed: bool = False
    spelling: str = ""
    """How the address is stored, where no look-up finds it so (`Anna@…` on PostgreSQL); empty when it is found."""

    @property
    def owner(self) -> Owner:
        return Owner(Scope.ACCOUNT, self.account)

    def merged_with(self, found: MailboxRow) -> MailboxRow:
        name = self.name if self.name_managed else found.name
        quota = self.quota if self.quota_managed else found.quota
        same = name == found.name and quota == found.quota and self.active == found.active
        if same and self.key == found.key and self.spelling == found.spelling:
            return found
        return found._replace(key=self.key, name=name, quota=quota, active=self.active, spelling=self.spelling)

    def as_found(self) -> MailboxRow:
        """A live row that needs no change."""
        return MailboxRow(self.key, "", self.name, self.quota, self.active)


class AliasRole(StrEnum):
    """Why we want an alias row; found rows have NONE."""

    NONE = ""
    OWN = "twin"
    """The alias that every mailbox has at its own address; plans and the ledger keep the word that they began with."""
    MEMBER = "member"
    DECLARED = "declared"
    FORMER = "former"
    """An address that the account had before: it leads to the account and nowhere else."""
    CARRIED = "carried"
    """The own alias of a new address, with the forwards that the old own alias carried: written whole, once."""


class AliasRow(NamedTuple):
    """A row of PostfixAdmin's `alias`. The key of a catch-all is `*@domain`, though the table holds `@domain`."""

    key: str
    account: str
    goto: tuple[str, ...]
    """Sorted, without duplicates."""
    active: bool
    role: AliasRole = AliasRole.NONE
    active_managed: bool = True
    spelling: str = ""
    """As in MailboxRow."""

    @property
    def owner(self) -> Owner:
        return Owner(Scope.ALIAS if self.role is AliasRole.DECLARED else Scope.ACCOUNT, self.account)

    def merged_with(self, found: AliasRow) -> AliasRow:
        # an own alias' goto is its user's: forwards, forward-only and vacation are no drift, an empty one is
        goto = found.goto or self.goto if self.role is AliasRole.OWN else self.goto
        active = self.active if self.active_managed else found.active
        if goto == found.goto and active == found.active and self.spelling == found.spelling:
            return found
        return found._replace(goto=goto, active=active, spelling=self.spelling)

    def as_found(self) -> AliasRow:
        """A live row that needs no change."""
        return AliasRow(self.key, "", self.goto, self.active)


class VacationRow(NamedTuple):
    """A row of PostfixAdmin's `vacation`; it follows its person through a rename and is otherwise theirs."""

    key: str
    account: str
    active: bool

    @property
    def owner(self) -> Owner:
        return Owner(Scope.ACCOUNT, self.account)

    def merged_with(self, found: VacationRow) -> VacationRow:
        return found if found.key == self.key else found._replace(key=self.key)


class OxUserRow(NamedTuple):
    """A user of the OX context. The key is the address of the account once paired, else `openxchange/ID`.

    A user that is paired through a former address of the account keeps that address as its key: it is to be renamed.
    """

    key: str
    account: str
    login: str
    display_name: str
    given_name: str
    surname: str
    primary: str
    email1: str
    default_sender: str
    imap_login: str
    aliases: tuple[str, ...]
    """Sorted. Of the wanted set only what must be in it; other entries are left."""
    id: str = ""
    """Numeric id as text; empty on the wanted side."""
    names_managed: bool = True

    @property
    def owner(self) -> Owner:
        return Owner(Scope.ACCOUNT, self.account)

    def merged_with(self, found: OxUserRow) -> OxUserRow:
        enough = self.aliases == found.aliases or set(self.aliases) <= set(found.aliases)
        if enough and self.key == found.key and self[_LOGIN:_ALIASES] == found[_LOGIN:_ALIASES]:
            return found  # nearly always, and a copy of every user takes a while
        aliases = found.aliases if enough else tuple(sorted({*self.aliases, *found.aliases}))
        return self._replace(account=found.account, aliases=aliases, id=found.id, names_managed=found.names_managed)

    def as_found(self, number: str) -> OxUserRow:
        """A live user with this id that needs no change."""
        return self._replace(account="", id=number)


_LOGIN, _ALIASES = OxUserRow._fields.index("login"), OxUserRow._fields.index("aliases")
"""The fields from the one to the other are compared as they are."""


class BlockRow(NamedTuple):
    """An entry of our section of the sender map. `comment` is for readers of the file and never compared."""

    key: str
    action: str
    comment: str = ""
    block: str = ""
    """The declared block that wants this entry (one block may need two keys); empty on the found side."""

    @property
    def owner(self) -> Owner:
        return Owner(Scope.BLOCK, self.block or self.key)

    def merged_with(self, found: BlockRow) -> BlockRow:
        return found if self.action == found.action else found._replace(action=self.action, comment=self.comment)


class UnmanagedLineRow(NamedTuple):
    """A hand-made entry of the sender map, outside our section; read, never written. The key is its line number."""

    key: str
    map_key: str
    action: str
    comment: str = ""
    """The comment line directly above it."""

    @property
    def owner(self) -> Owner:
        return Owner(Scope.BLOCK, self.map_key)

    def merged_with(self, found: UnmanagedLineRow) -> UnmanagedLineRow:
        return found


class SettingRow(NamedTuple):
    """A setting of Postfix that decides where mail goes (`recipient_delimiter`); read, never written."""

    key: str
    value: str

    @property
    def owner(self) -> Owner:
        return Owner(Scope.BLOCK, self.key)

    def merged_with(self, found: SettingRow) -> SettingRow:
        return found


class MemberRow(NamedTuple):
    """A line of the member register; read, never written. The key is the member number as text."""

    key: str
    active: bool
    email: str
    given_name: str
    surname: str
    problem: str = ""
    """Why the register cannot be relied on for this number; it is nobody's then, and never active."""
    language: str = ""
    """As the register has it; empty without that column, or where it has none."""

    @property
    def owner(self) -> Owner:
        return Owner(Scope.ACCOUNT, self.key)

    def merged_with(self, found: MemberRow) -> MemberRow:
        return found


class Absent(NamedTuple):
    """On the wanted side: this record shall not be there. What is merely not wanted is left alone."""

    key: str
    owner: Owner

    def merged_with(self, found: Any) -> Self:  # noqa: ARG002  # never asked: the diff deletes
        return self


def _domain_text(row: DomainRow) -> str:
    limits = (
        (marked("at most {number} mailboxes"), row.mailboxes),
        (marked("at most {number} aliases"), row.aliases),
        (marked("at most {number} MB a mailbox"), row.maxquota),
        (marked("at most {number} MB"), row.quota),
    )
    parts = ["" if row.active else tr("off"), "backup MX" if row.backupmx else ""]
    return ", ".join(word for word in (*parts, *(tr(each, number=max(n, 0)) for each, n in limits if n)) if word)


def _alias_domain_text(row: AliasDomainRow) -> str:
    return f"→ {row.target}" if row.active else tr("→ {target}, off", target=row.target)


_DELETE_OURS, _DELETE = OnUndeclared.DELETE_OURS, OnUndeclared.DELETE

MAILBOX = Kind(
    "mailbox", MailboxRow, marked_number("mailbox", "mailboxes"), Scope.ACCOUNT, adopted=True, credential=True
)
ALIAS = Kind(
    "alias", AliasRow, marked_number("alias", "aliases"), Scope.ALIAS, adopted=True, on_undeclared=_DELETE_OURS
)
OX_USER = Kind("ox_user", OxUserRow, marked_number("OX user", "OX users"), adopted=True, credential=True)
BLOCK = Kind(
    "block", BlockRow, marked_number("sender block", "sender blocks"), Scope.BLOCK, adopted=True, on_undeclared=_DELETE
)
VACATION = Kind("vacation", VacationRow, marked_number("vacation", "vacations"))
DOMAIN = Kind("domain", DomainRow, marked_number("domain", "domains"), DOMAIN_SCOPE, adopted=True, text=_domain_text)
ALIAS_DOMAIN = Kind(
    "alias_domain",
    AliasDomainRow,
    marked_number("alias domain", "alias domains"),
    ALIAS_DOMAIN_SCOPE,
    adopted=True,
    on_undeclared=_DELETE_OURS,
    text=_alias_domain_text,
)
UNMANAGED_LINE = Kind("unmanaged_line", UnmanagedLineRow, marked_number("hand-made map line", "hand-made map lines"))
SETTING = Kind("setting", SettingRow, marked_number("setting", "settings"))
MEMBER = Kind("member", MemberRow, marked_number("member", "members"))
PASSWORD = Kind(
    "password", PasswordRow, marked_number("new password", "new passwords"), readable=False, new_password=True
)
GIVEN_PASSWORD = Kind(
    "given_password", GivenPasswordRow, marked_number("given password", "given passwords"), readable=False
)
ATTACHMENT = Kind(
    "attachment",
    AttachmentRow,
    marked_number("attaching of the old mailbox", "attachings of old mailboxes"),
    readable=False,
)
SUBSCRIPTIONS = Kind(
    "subscriptions",
    SubscriptionsRow,
    marked_number("removal of OX subscriptions", "removals of OX subscriptions"),
    readable=False,
    irreversible=True,
)
WELCOME_MAIL = Kind(
    "welcome_mail", WelcomeMailRow, marked_number("welcome mail", "welcome mails"), readable=False, one_by_one=True
)
LETTER = Kind(
    "letter",
    LetterRow,
    marked_number("letter to their register address", "letters to register addresses"),
    readable=False,
    new_password=True,
    one_by_one=True,
    private=frozenset({"recipient", "language"}),
)
# in the order in which reports list them
register((MAILBOX, ALIAS, OX_USER, BLOCK, VACATION, DOMAIN, ALIAS_DOMAIN, UNMANAGED_LINE, SETTING, MEMBER))
register((PASSWORD, GIVEN_PASSWORD, ATTACHMENT, SUBSCRIPTIONS, WELCOME_MAIL, LETTER))

Records = dict[str, MutableMapping[str, Row]]
"""Kind name → key → row: what one system should hold; big tables are `derived_rows.DerivedRows`."""
Found = Mapping[str, Mapping[str, Row]]
"""The same of what it holds."""
