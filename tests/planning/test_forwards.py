"""Where users forward their mail to is counted, in lines and in what differs from a review."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.planning.forwards import counted, elsewhere
from reconciler.planning.staleness import BoundRow, BoundTransition, Fields, line_differences

NEW, OLD = "anna.neu@mail.example", "anna.alt@mail.example"
ROW = ("postfixadmin", "alias", NEW)


def bound(goto: tuple[str, ...], entries: Mapping[str, Fields]) -> BoundTransition:
    row = BoundRow("update", {"goto": (OLD,)}, {"goto": goto})
    return BoundTransition(NEW, entries, {ROW: row}, (), ())


def test_addresses_of_the_site_and_tokens_of_vacations_are_nobodys_secret() -> None:
    targets = (NEW, "Info@Mail.Example", "anna.alt#mail.example@autoreply.example", "anna#x@privat.example")
    private = elsewhere(targets, {"mail.example"})
    assert private == {"anna#x@privat.example"}
    assert counted(targets, private) == [*targets[:3], "1 address elsewhere"]


def test_what_differs_from_a_review_counts_forwards_and_names_what_git_declares() -> None:
    then, now = (NEW, "a@privat.example"), (NEW, "b@privat.example", "c@privat.example")
    for entries, was, present in (
        ({}, f"{NEW}, 1 address elsewhere", f"{NEW}, 2 addresses elsewhere"),
        ({"aliases": {"goto": now}}, ", ".join(then), ", ".join(now)),
    ):
        (found,) = line_differences(bound(then, entries), bound(now, entries), set())
        assert found.words == f"postfixadmin alias {NEW}: planned goto was {was}, is {present}"
    (found,) = line_differences(bound(then, {}), bound((NEW, "b@privat.example"), {}), set())
    assert found.words.endswith(f"is {NEW}, 1 address elsewhere (≠)")
    assert "privat" not in str(found)
