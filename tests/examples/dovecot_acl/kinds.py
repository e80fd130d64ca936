"""The kind of record that this system holds: no gate looks at it, so its row is here and not in `model`."""

from __future__ import annotations

from typing import NamedTuple

from reconciler.model.record_kinds import Kind
from reconciler.model.records import Owner, Scope


class AclRow(NamedTuple):
    """The ACL file of one account: who may do what in all of its folders."""

    key: str
    account: str
    lines: tuple[str, ...]

    @property
    def owner(self) -> Owner:
        return Owner(Scope.ACCOUNT, self.account)

    def merged_with(self, found: AclRow) -> AclRow:
        return found if found.lines == self.lines else found._replace(lines=self.lines)


KINDS = (Kind("dovecot_acl", AclRow, ("ACL file", "ACL files")),)
