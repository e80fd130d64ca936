"""Whose an alias is by what git declares: as one table of all would say, which no big site makes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.addresses import domain_of
from reconciler.model.declared import Alias, Mailbox
from reconciler.systems.postfixadmin.expect import _DeclaredAliases
from tests.systems.postfixadmin.support import alias, mailbox, state

# members' numbers may be mailboxes and aliases of their own
NAMES = st.sampled_from(
    ["anna@pirat.alt", "bernd@pirat.alt", "10042@pirat.alt", "10043@pirat.alt", "10042@sub.pirat.alt"]
)
MAILBOXES = st.builds(mailbox, NAMES, member=st.sampled_from([None, "10042", "10043"]))
ALIASES = st.builds(alias, NAMES, st.just("x@extern.example"))


@given(st.lists(MAILBOXES | ALIASES))
def test_it_is_as_a_table(declared: list[Mailbox | Alias]) -> None:
    desired = state(*declared)
    boxes = desired.mailboxes.values()
    table: dict[str, Mailbox | Alias] = {f"{box.member}@{domain_of(box.address)}": box for box in boxes if box.member}
    table |= {box.address: box for box in boxes} | {each.address: each for each in desired.aliases.values()}
    found = _DeclaredAliases(desired)
    keys = list(found)
    assert (len(keys), set(keys)) == (len(found), set(table))
    for key in (*table, "who@pirat.alt"):
        assert (key in found, found.get(key), found.get(key, "?")) == (
            key in table,
            table.get(key),
            table.get(key, "?"),
        )
