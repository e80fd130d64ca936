"""Mail domains and alias domains as git declares them, and what a transition about one is called."""

from __future__ import annotations

from typing import NamedTuple

from reconciler.model.addresses import Domain
from reconciler.model.owners import Scope
from reconciler.model.source_places import Origin

DOMAIN_SCOPE = Scope("domain", "domains")
ALIAS_DOMAIN_SCOPE = Scope("alias_domain", "alias_domains")


class MailDomain(NamedTuple):
    """A domain that PostfixAdmin manages. None means: not written, so not managed; a new domain has no limit then.

    Limits as PostfixAdmin stores them (facts/postfixadmin.md 8): of the numbers 0 is no limit and -1 allows none; of
    the quotas, in MB, 0 is no limit.
    """

    domain: Domain
    origin: Origin
    active: bool | None = None
    backupmx: bool | None = None
    mailboxes: int | None = None
    aliases: int | None = None
    maxquota: int | None = None
    """Of one mailbox."""
    quota: int | None = None
    """Of all together."""


class AliasDomain(NamedTuple):
    """A domain of which every address leads to the same local part in `target`."""

    domain: Domain
    target: Domain
    origin: Origin
    active: bool = True
