"""Records of PostfixAdmin's domains: few, read whole, and never made by a rename. See `records`."""

from __future__ import annotations

from typing import NamedTuple

from reconciler.model.mail_domains import ALIAS_DOMAIN_SCOPE, DOMAIN_SCOPE
from reconciler.model.owners import Owner


class DomainRow(NamedTuple):
    """A row of PostfixAdmin's `domain`. The limits are PostfixAdmin's (facts/postfixadmin.md 8): of the numbers 0 is
    no limit and -1 allows none, of the quotas, in MB, only what is above 0 limits."""

    key: str
    active: bool
    backupmx: bool = False
    mailboxes: int = 0
    aliases: int = 0
    """Beside the mailboxes' own."""
    maxquota: int = 0
    """Of one mailbox."""
    quota: int = 0
    """Of all together."""
    managed: tuple[str, ...] = ()
    """The fields that git says; all others stay as they are found."""

    @property
    def owner(self) -> Owner:
        return Owner(DOMAIN_SCOPE, self.key)

    @property
    def has_limits(self) -> bool:
        """Whether PostfixAdmin limits anything there."""
        return bool(self.mailboxes or self.aliases or self.maxquota or self.quota > 0)

    def merged_with(self, found: DomainRow) -> DomainRow:
        changed = {name: value for name in self.managed if (value := getattr(self, name)) != getattr(found, name)}
        return found._replace(**changed) if changed else found


class AliasDomainRow(NamedTuple):
    """A row of PostfixAdmin's `alias_domain`: every address of `key` leads to `target`."""

    key: str
    target: str
    active: bool

    @property
    def owner(self) -> Owner:
        return Owner(ALIAS_DOMAIN_SCOPE, self.key)

    def merged_with(self, found: AliasDomainRow) -> AliasDomainRow:
        return found if self == found else self
