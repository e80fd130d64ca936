"""The kind of record that this system holds, and what becomes of a list whose entry is taken out: it goes when it is
ours and nobody changed it since."""

from __future__ import annotations

from typing import NamedTuple

from reconciler.model.record_kinds import Kind, OnUndeclared
from reconciler.model.records import Owner
from tests.examples.mailing_lists.value import LIST


class ListRow(NamedTuple):
    """The file of one list."""

    key: str
    owned_by: str
    members: tuple[str, ...]

    @property
    def owner(self) -> Owner:
        return Owner(LIST, self.key)

    def merged_with(self, found: ListRow) -> ListRow:
        return found if self == found else self


def _text(row: ListRow) -> str:
    return f"of {row.owned_by} with {', '.join(row.members)}"


KINDS = (
    Kind(
        "mailing_list",
        ListRow,
        ("mailing list", "mailing lists"),
        LIST,
        adopted=True,
        on_undeclared=OnUndeclared.DELETE_OURS,
        text=_text,
    ),
)
