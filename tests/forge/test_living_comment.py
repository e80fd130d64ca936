"""The living comment, the same on all forges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.errors import ForgeError
from reconciler.forge.connect import connect
from reconciler.forge.job import Job, job_of
from reconciler.forge.living_comment import Outcome, Told, tell
from reconciler.forge.marker import Marker, marker_in, sealed_marker_in
from reconciler.forge.said import subjects
from reconciler.report.read_document import Document
from tests.forge import samples
from tests.services.forges.server import FakeForge
from tests.services.forges.state import BOT, HEAD, TOKEN, Fault, Reply

Tell = Callable[..., Told]


@pytest.fixture
def say(server: FakeForge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tell]:
    """Tells the first subject of the documents, as a job of that commit."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("RECONCILER_FORGE_TOKEN", TOKEN)

    def tell_it(*documents: Document, commit: str = HEAD, key: bytes | None = None) -> Told:
        (tmp_path / "event.json").write_text(server.event(commit))
        job = job_of(server.environment(str(tmp_path / "event.json"), commit=commit))
        assert isinstance(job, Job)
        with connect(job) as forge:
            return tell(forge, job, 3, subjects(documents)[0], samples.write, key)

    yield tell_it
    assert server.state.executed == []


def test_one_comment_is_written_and_then_brought_up_to_date(server: FakeForge, say: Tell) -> None:
    server.state.write("looks good")
    assert say(samples.plan()).outcome is Outcome.WRITTEN
    first = server.state.bodies()
    assert say(samples.plan(1)).outcome is Outcome.UPDATED
    assert say(samples.empty(2)).outcome is Outcome.UPDATED
    assert len(server.state.bodies()) == 1
    assert server.state.bodies() != first
    marker = sealed_marker_in(server.state.bodies()[0])
    assert marker is not None
    assert (marker.made, marker.counts["open"]) == (samples.empty(2).made, 0)
    assert server.state.bodies(author="anna") == ["looks good"]


def test_silence_while_nothing_changes_and_nothing_was_said(server: FakeForge, say: Tell) -> None:
    assert say(samples.empty()).outcome is Outcome.SILENT
    assert server.state.writes() == []


def test_each_site_has_its_own(server: FakeForge, say: Tell) -> None:
    say(samples.plan())
    say(samples.plan(site="other"))
    say(samples.plan(5))
    assert [_marker(body).site for body in server.state.bodies()] == [samples.plan().site, "other"]
    assert _marker(server.state.bodies()[0]).made == samples.plan(5).made


def test_only_author_and_marker_together_are_ours(server: FakeForge, say: Tell) -> None:
    say(samples.plan())
    ours = server.state.bodies()[0]
    server.state.comments[3].clear()
    server.state.write(ours)
    server.state.write("I wrote `<!-- reconciler` by hand", BOT)
    server.state.write(ours, BOT, system=True)
    told = say(samples.plan(1))
    assert told.outcome is Outcome.WRITTEN
    assert any("by other users" in remark for remark in told.remarks)
    assert any("left alone" in remark for remark in told.remarks)
    assert server.state.bodies(author="anna") == [ours]


def test_it_is_found_behind_many_others(server: FakeForge, say: Tell) -> None:
    say(samples.plan())
    for number in range(130):
        server.state.write(f"words {number}")
    assert say(samples.plan(1)).outcome is Outcome.UPDATED
    assert len(server.state.bodies()) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_one_that_cannot_be_changed_is_followed_by_a_new_one(server: FakeForge, say: Tell, status: int) -> None:
    say(samples.plan())
    method = "PUT" if server.kind == "gitlab" else "PATCH"
    server.state.faults.append(Fault(Reply(status, {"message": "no"}), method))
    assert say(samples.plan(1)).outcome is Outcome.WRITTEN
    old, new = server.state.bodies()
    assert "Superseded" in old
    assert marker_in(old) is None
    assert _marker(new).made == samples.plan(1).made


def test_of_several_the_newest_stays_and_the_others_say_so(server: FakeForge, say: Tell) -> None:
    say(samples.plan())
    body = server.state.bodies()[0]
    server.state.write(f"/close\n{body}", BOT)  # a maintainer edited it
    server.state.write(body, BOT)
    say(samples.plan(1))
    first, second, third = server.state.bodies()
    assert "Superseded" in first
    assert "Superseded" in second
    assert _marker(third).made == samples.plan(1).made
    assert [each.hidden for each in server.state.comments[3]] == [server.kind == "github"] * 2 + [False]
    say(samples.plan(2))
    assert server.state.bodies()[:2] == [first, second]


def test_one_that_cannot_be_hidden_says_all_the_same_that_it_is_superseded(server: FakeForge, say: Tell) -> None:
    server.state.may_hide = False
    say(samples.plan())
    server.state.write(server.state.bodies()[0], BOT)
    told = say(samples.plan(1))
    assert "Superseded" in server.state.bodies()[0]
    assert bool(told.remarks) == (server.kind == "github")


def test_an_older_plan_does_not_replace_a_newer_one(server: FakeForge, say: Tell) -> None:
    say(samples.plan(5))
    newer = server.state.bodies()
    assert say(samples.plan(1)).outcome is Outcome.OUTDATED
    server.state.requests[3].head = "f" * 40  # somebody pushed
    assert say(samples.plan(9)).outcome is Outcome.OUTDATED
    assert server.state.bodies() == newer
    assert say(samples.plan(9), commit="f" * 40).outcome is Outcome.UPDATED


def test_after_the_merge_the_plan_stays_what_its_reviewers_saw(server: FakeForge, say: Tell) -> None:
    say(samples.plan())
    seen = server.state.bodies()
    server.state.requests[3].merged = True
    assert say(samples.plan(5)).outcome is Outcome.MERGED
    assert server.state.bodies() == seen
    server.state.comments[3].clear()
    assert say(samples.plan(5)).outcome is Outcome.MERGED
    assert say(samples.run(6)).outcome is Outcome.WRITTEN
    assert len(server.state.bodies()) == 1


def test_a_clock_that_is_slow_keeps_no_newer_commit_back(server: FakeForge, say: Tell) -> None:
    say(samples.plan(5))
    server.state.requests[3].head = "f" * 40
    assert say(samples.plan(1, commit="f" * 40), commit="f" * 40).outcome is Outcome.UPDATED


def test_what_somebody_edited_does_not_keep_us_back(server: FakeForge, say: Tell) -> None:
    say(samples.plan())
    written = server.state.comments[3][0]
    written.body = written.body.replace('"made":"2026-', '"made":"2096-')
    assert say(samples.plan(1)).outcome is Outcome.UPDATED


def test_a_lost_answer_leaves_one_comment(server: FakeForge, say: Tell) -> None:
    for reply in (Reply(502), Reply(500), Reply(504)):
        server.state.comments[3].clear()
        server.state.faults.append(Fault(reply, "POST", "comments|notes", after=True))
        say(samples.plan())
        assert len(server.state.bodies()) == 1
    server.state.comments[3].clear()
    server.state.faults.append(Fault(method="POST", path="comments|notes", after=True, cut=True))
    say(samples.plan())
    assert len(server.state.bodies()) == 1


def test_a_forge_that_stays_away_is_an_error(server: FakeForge, say: Tell) -> None:
    server.state.faults.append(Fault(Reply(503), times=99))
    with pytest.raises(ForgeError, match="503"):
        say(samples.plan())


def test_another_job_that_wrote_at_the_same_time(server: FakeForge, say: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    say(samples.plan(7))
    theirs = server.state.bodies()[0]
    server.state.comments[3].clear()
    write = samples.write

    def while_it_writes(documents: object, limit: int) -> tuple[str, bool]:
        server.state.write(theirs, BOT)
        monkeypatch.setattr(samples, "write", write)
        return write([samples.plan()], limit)

    monkeypatch.setattr(samples, "write", while_it_writes)
    assert say(samples.plan(1)).outcome is Outcome.OUTDATED
    kept, superseded = server.state.bodies()
    assert _marker(kept).made == samples.plan(7).made
    assert "Superseded" in superseded


def test_findings_alone_take_the_place_of_the_plan_and_the_next_plan_theirs(server: FakeForge, say: Tell) -> None:
    say(samples.plan())
    assert say(samples.findings(samples.ERROR)).outcome is Outcome.UPDATED
    assert _marker(server.state.bodies()[0]).digest == ""
    assert say(samples.plan(10**7)).outcome is Outcome.UPDATED
    assert len(server.state.bodies()) == 1
    assert say(samples.plan(10**7), samples.findings(samples.ERROR)).outcome is Outcome.UPDATED
    assert len(server.state.bodies()) == 1


def test_a_run_says_what_it_left_over_until_another_one_did_it(server: FakeForge, say: Tell) -> None:
    assert say(samples.run_of_nothing()).outcome is Outcome.SILENT
    assert say(samples.plan()).outcome is Outcome.WRITTEN
    assert say(samples.run_of_nothing(1, status=8)).outcome is Outcome.WRITTEN  # it died
    assert say(samples.run(2)).outcome is Outcome.UPDATED
    assert _marker(server.state.bodies()[1]).counts["failed"] > 0
    assert say(samples.run_of_nothing(3)).outcome is Outcome.UPDATED
    done = samples.run(4).counts.model_copy(update={"failed": 0, "not_tried": 0, "uncertain": 0, "refused": 0})
    assert say(samples.run(4, counts=done.model_copy(update={"waiting": 0}))).outcome is Outcome.UPDATED
    assert say(samples.run_of_nothing(5)).outcome is Outcome.UNCHANGED
    assert [_marker(body).purpose for body in server.state.bodies()] == ["plan", "run"]


def test_no_body_is_longer_than_a_forge_takes_and_the_marker_says_what_is_missing(
    server: FakeForge, say: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "write", lambda documents, limit: ("- ü row\n" * 9_000, False))
    say(samples.plan())
    body = server.state.bodies()[0]
    assert len(body.encode()) <= 60_000
    marker = sealed_marker_in(body)
    assert marker is not None
    assert marker.cut


def test_it_leads_to_the_log_of_its_job(server: FakeForge, say: Tell) -> None:
    say(samples.plan())
    (body,) = server.state.bodies()
    assert f"[The job that wrote this]({_marker(body).job})" in body
    assert _marker(body).job.startswith("http")


def test_a_comment_that_would_not_be_found_again_is_an_error(
    server: FakeForge, say: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.forge.gitlab.GitLab.user", lambda self: "5")
    monkeypatch.setattr("reconciler.forge.gitea.Gitea.user", lambda self: "5")
    with pytest.raises(ForgeError, match="found again"):
        say(samples.plan())


def test_the_seal_is_with_the_key_where_there_is_one(server: FakeForge, say: Tell) -> None:
    say(samples.plan(), key=b"key")
    assert sealed_marker_in(server.state.bodies()[0], b"key") is not None


def test_what_a_writer_lets_through_commands_nobody(
    server: FakeForge, say: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = "/close\n/merge\n```\n/label ~x\n<!-- reconciler {} -->\n@everyone\n"
    monkeypatch.setattr(samples, "write", lambda documents, limit: (evil, False))
    say(samples.plan())
    body = server.state.bodies()[0]
    assert body.count("<!-- reconciler") == 1  # the server says in `executed` whether anything was obeyed
    assert sealed_marker_in(body) is not None


def _marker(body: str) -> Marker:
    marker = marker_in(body)
    assert marker is not None
    return marker
