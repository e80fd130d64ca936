"""The contract of `Forge`, the same for GitLab, GitHub, Forgejo and Gitea."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from reconciler.errors import ForgeError
from reconciler.forge.client import Forge
from reconciler.forge.connect import connect
from reconciler.forge.gitlab import token_header
from reconciler.forge.job import job_of
from reconciler.forge.session import Session
from tests.services.forges.server import FakeForge
from tests.services.forges.state import (
    BOT,
    HEAD,
    MERGE,
    OTHER,
    OTHERS_TOKEN,
    READING_TOKEN,
    SQUASH,
    TOKEN,
    Fault,
    Reply,
    Request,
)

Connect = Callable[..., Forge]


@pytest.fixture
def forge(server: FakeForge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """The client of a job of the merge request, with the token that is asked for."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    connections = ExitStack()

    def make(token: str = TOKEN) -> Forge:
        (tmp_path / "event.json").write_text(server.event())
        environ = server.environment(str(tmp_path / "event.json"), token=token)
        monkeypatch.setenv("RECONCILER_FORGE_TOKEN", token)
        job = job_of(environ)
        assert job is not None
        assert (job.kind, job.number, job.commit) == (server.kind, 3, HEAD)
        return connections.enter_context(connect(job))

    with connections:
        yield make


def test_own_comments_are_those_of_the_tokens_user_of_all_pages(server: FakeForge, forge: Connect) -> None:
    for number in range(120):
        server.state.write(f"words {number}")
    server.state.write("approved this merge request", BOT, system=True)
    server.state.write("from somebody who is gone", "ghost")
    ours = forge().add_comment(3, "ours\n")
    assert [(c.id, c.body) for c in forge().own_comments(3)] == [(ours.id, "ours\n")]
    assert len(forge().comments(3)) == 122
    assert forge(OTHERS_TOKEN).own_comments(3)[-1].body == "words 119"


def test_the_token_is_in_one_header_and_nowhere_else(server: FakeForge, forge: Connect) -> None:
    forge().own_comments(3)
    forge().add_comment(3, "x")
    for asked in server.state.asked:
        places = [name for name, value in asked.headers.items() if TOKEN in value]
        assert places == ["private-token" if server.kind == "gitlab" else "authorization"]
        assert TOKEN not in asked.path
        assert TOKEN not in str(asked.body)


def test_a_comment_is_changed_by_its_author_alone(server: FakeForge, forge: Connect) -> None:
    comment = forge().add_comment(3, "before")
    assert forge().change_comment(comment, "after").body == "after"
    with pytest.raises(ForgeError) as refused:
        forge(OTHERS_TOKEN).change_comment(comment, "mine")
    assert refused.value.status == 403
    with pytest.raises(ForgeError) as gone:
        forge().change_comment(comment._replace(id="999"), "x")
    assert gone.value.status == 404
    assert server.state.bodies() == ["after"]


def test_what_may_not_be_written_says_so(server: FakeForge, forge: Connect) -> None:
    with pytest.raises(ForgeError) as refused:
        forge(READING_TOKEN).add_comment(3, "x")
    assert refused.value.status == 403
    assert "docs/forge.md" in refused.value.hint
    server.state.archived = True
    with pytest.raises(ForgeError) as archived:
        forge().add_comment(3, "x")
    assert archived.value.status in (403, 423)
    server.state.archived = False
    with pytest.raises(ForgeError) as long:
        forge().add_comment(3, "x" * 1_000_001)
    assert "too long" in long.value.message
    with pytest.raises(ForgeError) as unknown:
        forge("wrong").own_comments(3)
    assert unknown.value.status == 401
    assert "wrong" not in unknown.value.message
    with pytest.raises(ForgeError) as nowhere:
        forge().own_comments(77)
    assert nowhere.value.status == 404


def test_the_merge_request_of_a_commit(server: FakeForge, forge: Connect) -> None:
    assert forge().merge_request(3).head == HEAD
    assert forge().merged_by(HEAD) is None  # open
    assert forge().merged_by("0" * 40) is None
    server.state.requests[3] = Request(merged=True, merge_commit=MERGE)
    found = forge().merged_by(MERGE)
    assert found is not None
    assert (found.number, found.target_branch) == (3, "main")
    if server.kind == "gitlab":
        server.state.requests[4] = Request(head="d" * 40, merged=True, squash_commit=SQUASH, merge_commit=MERGE)
        assert forge().merged_by(MERGE) is None  # of two, nobody knows which
        squashed = forge().merged_by(SQUASH)
        assert squashed is not None
        assert squashed.number == 4


def test_reading_is_tried_again_and_a_lost_answer_to_writing_is_not(server: FakeForge, forge: Connect) -> None:
    server.state.faults += [Fault(Reply(502), "GET"), Fault(Reply(429, None, {"retry-after": "2"}), "GET", times=2)]
    assert forge().own_comments(3) == []
    server.state.faults.append(Fault(Reply(429, None, {"retry-after": "1"}), "POST"))
    forge().add_comment(3, "one")
    assert server.state.bodies() == ["one"]
    server.state.faults.append(Fault(Reply(502, {"message": "no"}), "POST", "comments|notes", after=True))
    with pytest.raises(ForgeError) as lost:
        forge().add_comment(3, "two")
    assert lost.value.uncertain
    assert server.state.bodies() == ["one", "two"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(cut=True, after=True, times=9),
        Fault(Reply(200), raw=b"<html>login</html>", times=9),
        Fault(Reply(200), raw=b'{"id": ', times=9),
        Fault(Reply(200, {"id": "nobody"}), times=9),
        Fault(Reply(200, [{"id": 1}]), times=9),
    ],
    ids=["cut", "html", "half", "no-number", "list"],
)
def test_half_of_an_answer_is_none(server: FakeForge, forge: Connect, fault: Fault) -> None:
    server.state.faults.append(replace(fault))
    with pytest.raises(ForgeError) as unread:
        forge().own_comments(3)
    assert server.url in unread.value.message


def test_githubs_second_limit_is_a_403(server: FakeForge, forge: Connect) -> None:
    server.state.faults.append(Fault(Reply(403, {"message": "secondary rate limit"}, {"retry-after": "1"}), "POST"))
    forge().add_comment(3, "x")
    assert server.state.bodies() == ["x"]


def test_a_redirect_is_not_followed(server: FakeForge, forge: Connect) -> None:
    for status in (301, 302, 307, 308):
        server.state.faults.append(Fault(Reply(status, None, {"location": "https://elsewhere.example/api"})))
        with pytest.raises(ForgeError, match=r"elsewhere\.example") as away:
            forge().own_comments(3)
        assert "--forge-url" in away.value.hint


@pytest.mark.parametrize("server", ["github"], indirect=True)
def test_the_token_of_a_github_job_is_asked_by_graphql(server: FakeForge, forge: Connect) -> None:
    server.state.app_token = True
    ours = forge().add_comment(3, "x")
    server.state.write("y", OTHER)
    assert [comment.id for comment in forge().own_comments(3)] == [ours.id]
    forge().hide_comment(ours)
    assert [each.hidden for each in server.state.comments[3]] == [True, False]
    server.state.may_hide = False
    with pytest.raises(ForgeError):
        forge().hide_comment(ours)


@pytest.mark.parametrize("server", ["forgejo"], indirect=True)
def test_a_token_that_may_not_ask_who_it_is_is_told(
    server: FakeForge, forge: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.state.may_ask_who = False
    with pytest.raises(ForgeError, match="read:user"):
        forge().own_comments(3)
    monkeypatch.setenv("RECONCILER_FORGE_AUTHOR", "41")
    ours = forge().add_comment(3, "x")
    assert [comment.id for comment in forge().own_comments(3)] == [ours.id]


def test_nobody_waits_longer_than_half_a_minute(
    server: FakeForge, forge: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the forge asks for; the seconds that would be waited are counted, and pass at once."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    for headers in (
        {"retry-after": "3600"},
        {"retry-after": "9"},
        {"retry-after": "Sun, 29 Nov 2026 10:00:00 GMT"},
        {},
    ):
        server.state.faults[:] = [Fault(Reply(429, None, headers), times=99)]
        with pytest.raises(ForgeError, match="429") as limited:
            forge().user()
        assert "some minutes" in limited.value.hint
        assert sum(waited) <= 30
        waited.clear()


def test_no_proxy_leads_to_this_machine(server: FakeForge, forge: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert forge().user() == "41"


@pytest.mark.parametrize("server", ["gitlab"], indirect=True)
def test_a_byte_now_and_then_keeps_nobody_waiting(server: FakeForge) -> None:
    server.state.faults.append(Fault(drip=0.1, times=9))
    session = Session("GitLab", server.url, SecretStr(TOKEN), token_header, seconds=0.3)
    began = time.monotonic()
    with closing(session), pytest.raises(ForgeError, match=r"longer than 0\.3 s"):
        session.get("/user")
    assert time.monotonic() - began < 5  # all of it would take twelve


def test_a_slow_forge_is_given_up_in_time(server: FakeForge, forge: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.forge.session._AT_ONCE", 0.1)
    server.state.faults.append(Fault(slow=0.4, times=9))
    with pytest.raises(ForgeError) as slow:
        forge().user()
    assert slow.value.temporary
