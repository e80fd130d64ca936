"""The value, in the product a file of its own in `model/`."""

from __future__ import annotations

from typing import NamedTuple

from reconciler.model.addresses import Address
from reconciler.model.owners import Scope
from reconciler.model.source_places import Origin

LIST = Scope("list", "mailing_lists")


class MailingList(NamedTuple):
    """An address whose mail goes to all members. `members` are sorted, canonical, without duplicates."""

    address: Address
    owner: Address
    members: tuple[Address, ...]
    origin: Origin
