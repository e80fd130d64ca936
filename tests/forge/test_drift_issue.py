"""The issue that names drift, the same on all forges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.forge.connect import connect
from reconciler.forge.drift_issue import LABEL, IssueOutcome, Kept, keep
from reconciler.forge.job import job_of
from reconciler.report.json_plan_models import PlanDocument
from tests.forge import samples
from tests.services.forges.server import FakeForge
from tests.services.forges.state import BOT, OTHER, TOKEN, Fault, Reply, Ticket

Keep = Callable[[PlanDocument], Kept]


def drift(minutes: int = 0, lines: int = 99) -> PlanDocument:
    """Drift with so many lines at most."""
    found = samples.plan(minutes, purpose="drift", status=4)
    return found.model_copy(update={"transitions": found.transitions[:lines]})


def clean(minutes: int = 0) -> PlanDocument:
    return samples.empty(minutes, purpose="drift", status=0)


@pytest.fixture
def look(server: FakeForge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keep]:
    """A nightly job's look."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("RECONCILER_FORGE_TOKEN", TOKEN)
    (tmp_path / "event.json").write_text('{"schedule": "0 3 * * *"}')
    job = job_of(server.environment(str(tmp_path / "event.json")))
    assert job is not None

    def look_now(found: PlanDocument) -> Kept:
        with connect(job) as forge:
            return keep(forge, job, found, samples.write)

    yield look_now
    assert server.state.executed == []


def test_nothing_is_opened_while_nothing_drifts(server: FakeForge, look: Keep) -> None:
    assert look(clean()).outcome is IssueOutcome.SILENT
    assert server.state.writes() == []


def test_one_issue_is_opened_edited_closed_and_opened_again(server: FakeForge, look: Keep) -> None:
    assert look(drift()).outcome is IssueOutcome.OPENED
    number, ticket = _only(server)
    assert ticket.labels == [LABEL]
    before = ticket.body
    assert look(drift(1, lines=1)).outcome is IssueOutcome.UPDATED
    assert _only(server)[1].body != before
    assert ticket.comments == []  # nobody gets mail for the same drift
    assert look(clean(2)).outcome is IssueOutcome.CLOSED
    assert ticket.closed
    assert "Nothing drifts any more" in ticket.comments[-1].body
    assert look(clean(3)).outcome is IssueOutcome.SILENT
    assert look(drift(4)).outcome is IssueOutcome.REOPENED
    assert _only(server)[0] == number
    assert not ticket.closed


def test_what_was_closed_long_ago_is_left_and_another_opened(server: FakeForge, look: Keep) -> None:
    look(drift())
    look(clean(1))
    ticket = _only(server)[1]
    assert ticket.closed
    ticket.closed -= timedelta(days=31)
    assert look(drift(2)).outcome is IssueOutcome.OPENED
    assert len(server.state.issues) == 2


def test_what_a_person_closed_stays_closed_until_something_else_drifts(server: FakeForge, look: Keep) -> None:
    look(drift(lines=2))
    ticket = _only(server)[1]
    ticket.closed, ticket.closed_by = server.state.now(), OTHER
    assert look(drift(1, lines=2)).outcome is IssueOutcome.LEFT_CLOSED
    assert look(drift(2, lines=1)).outcome is IssueOutcome.LEFT_CLOSED
    assert ticket.closed
    assert look(drift(3, lines=3)).outcome is IssueOutcome.REOPENED
    assert not ticket.closed


def test_a_failed_read_closes_nothing(server: FakeForge, look: Keep) -> None:
    look(drift())
    found = clean(1)
    unread = tuple(read.model_copy(update={"unknown": "no answer"}) for read in found.reads)
    assert look(found.model_copy(update={"reads": unread, "status": 9})).outcome is IssueOutcome.UNKNOWN
    assert not _only(server)[1].closed


def test_an_older_look_changes_nothing(server: FakeForge, look: Keep) -> None:
    look(drift(5))
    body = _only(server)[1].body
    assert look(clean(1)).outcome is IssueOutcome.OUTDATED
    assert _only(server)[1].body == body
    assert not _only(server)[1].closed


def test_it_is_found_by_author_and_marker_without_its_label(server: FakeForge, look: Keep) -> None:
    look(drift())
    ours = _only(server)[1]
    ours.labels.clear()
    server.state.open_issue("a copy", ours.body, OTHER, [LABEL])
    server.state.open_issue("ours, about something else", "words", BOT, [LABEL])
    assert look(drift(1)).outcome is IssueOutcome.UPDATED
    assert len(server.state.issues) == 3
    assert look(clean(2)).outcome is IssueOutcome.CLOSED
    assert [bool(ticket.closed) for ticket in server.state.issues.values()] == [True, False, False]


def test_who_may_not_make_labels_keeps_one_issue_all_the_same(server: FakeForge, look: Keep) -> None:
    server.state.may_label = server.kind == "gitlab"
    for minutes in range(3):
        look(drift(minutes))
    assert look(clean(3)).outcome is IssueOutcome.CLOSED
    assert _only(server)[1].closed


def test_of_two_that_were_opened_at_the_same_time_the_first_stays(server: FakeForge, look: Keep) -> None:
    look(drift())
    first = _only(server)[1]
    server.state.open_issue(first.title, first.body, BOT, [LABEL])
    look(drift(1))
    assert [bool(ticket.closed) for ticket in server.state.issues.values()] == [False, True]
    look(clean(2))
    assert look(drift(3)).outcome is IssueOutcome.REOPENED
    assert not first.closed


def test_a_lost_answer_leaves_one_issue(server: FakeForge, look: Keep) -> None:
    server.state.faults.append(Fault(Reply(502), "POST", "/issues$", after=True))
    look(drift())
    assert _only(server)[1].labels == [LABEL]


def test_drift_of_a_part_is_none_of_the_site(server: FakeForge, look: Keep) -> None:
    look(drift())
    with pytest.raises(UsageError, match="alone"):
        look(clean(1).model_copy(update={"only": ("anna@pirat.alt",)}))
    assert not _only(server)[1].closed


def _only(server: FakeForge) -> tuple[int, Ticket]:
    (found,) = server.state.issues.items()
    return found
