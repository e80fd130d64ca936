"""Which forge, project and merge request a job belongs to."""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path
from threading import Thread

import pytest

from reconciler.errors import ForgeError, ReconcilerError, Unreadable, UsageError
from reconciler.forge.connect import connect
from reconciler.forge.job import Job, Kind, Said, job_of, said_by
from tests.services.forges.server import running
from tests.services.forges.state import HEAD, TOKEN
from tests.services.smtp import make_certificate

GITLAB = {
    "GITLAB_CI": "true",
    "CI_API_V4_URL": "https://git.example/api/v4",
    "CI_PROJECT_ID": "99",
    "CI_MERGE_REQUEST_PROJECT_ID": "11",
    "CI_MERGE_REQUEST_IID": "3",
    "CI_COMMIT_SHA": HEAD,
}
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_API_URL": "https://api.git.example",
    "GITHUB_REPOSITORY": "mail/state",
    "GITHUB_SHA": HEAD,
}


def test_a_forks_pipeline_writes_into_the_target_project() -> None:
    job = job_of(GITLAB)
    assert job is not None
    assert (job.kind, job.project, job.number, job.commit) == (Kind.GITLAB, "11", 3, HEAD)
    assert job_of({**GITLAB, "CI_MERGE_REQUEST_PROJECT_ID": "", "CI_MERGE_REQUEST_IID": ""}) == Job(
        Kind.GITLAB, "https://git.example/api/v4", "99", None, HEAD
    )


def test_the_head_of_a_merged_result_is_that_of_the_branch() -> None:
    merged = {**GITLAB, "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "b" * 40}
    assert _job(merged).commit == "b" * 40
    assert _job({**merged, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": ""}).commit == ""


def test_a_commit_that_is_none_and_a_link_that_is_too_long_are_in_no_comment() -> None:
    """Whatever a runner sets: the comment is written without them."""
    job = _job({**GITLAB, "CI_COMMIT_SHA": "HEAD~1", "CI_JOB_URL": f"https://git.example/{'x' * 500}"})
    assert (job.commit, job.link) == ("", "")
    assert job_of({**GITLAB, "CI_JOB_URL": "https://git.example/1"}) == Job(
        Kind.GITLAB, "https://git.example/api/v4", "11", 3, HEAD, "https://git.example/1"
    )


@pytest.mark.parametrize(
    ("variable", "kind"), [("FORGEJO_ACTIONS", Kind.FORGEJO), ("GITEA_ACTIONS", Kind.GITEA), ("", Kind.GITHUB)]
)
def test_forgejo_and_gitea_are_recognised_though_they_look_like_github(variable: str, kind: Kind) -> None:
    assert _job({**GITHUB, variable: "true", "GITLAB_CI": "" if kind is Kind.GITHUB else "true"}).kind is kind


def test_the_pull_request_stands_in_the_event_file(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 5, "head": {"sha": "b" * 40}}}))
    job = _job({**GITHUB, "GITHUB_EVENT_PATH": str(event)})
    assert (job.number, job.commit) == (5, "b" * 40)
    for content in ("{}", "[]", '{"pull_request": null}', '{"pull_request": {"number": "x", "head": 5}}'):
        event.write_text(content)
        assert (_job({**GITHUB, "GITHUB_EVENT_PATH": str(event)}).number) is None
    event.write_text("{")
    with pytest.raises(UsageError, match="event file"):
        job_of({**GITHUB, "GITHUB_EVENT_PATH": str(event)})


def test_what_is_said_wins_over_what_the_job_knows() -> None:
    said = {
        "RECONCILER_FORGE": "gitea",
        "RECONCILER_FORGE_URL": "https://other.example/api/v1",
        "RECONCILER_FORGE_PROJECT": "a/b",
        "RECONCILER_MERGE_REQUEST": "8",
    }
    assert job_of(GITLAB, said_by(said)) == Job(Kind.GITEA, "https://other.example/api/v1", "a/b", 8)
    for name, value in (("RECONCILER_FORGE", "bitbucket"), ("RECONCILER_MERGE_REQUEST", "three")):
        with pytest.raises(UsageError, match=name):
            said_by({name: value})
    with pytest.raises(UsageError, match="no url"):
        job_of({}, Said(kind=Kind.GITLAB))
    assert job_of({"CI": "true"}) is None


def test_the_token_travels_encrypted_or_on_this_machine() -> None:
    environ = {**GITLAB, "CI_API_V4_URL": "http://git.example/api/v4"}
    with pytest.raises(UsageError, match="clear text"):
        job_of(environ)
    assert job_of(environ, Said(plain_http=True)) is not None
    assert job_of(environ, Said(url="http://127.0.0.1:8080/api/v4")) is not None
    shouted = {**environ, "CI_API_V4_URL": "HTTP://git.example/api/v4"}
    with pytest.raises(UsageError, match="clear text"):
        job_of(shouted)
    with pytest.raises(UsageError, match="login"):
        job_of(environ, Said(url="https://bot:secret@git.example/api/v4"))


@pytest.mark.parametrize(
    "url",
    [
        *("git.example", "https://[bad/api", "https://gít .example/api", "https://git..example/api"),
        *(
            f"https://{'a' * 64}.example/api",
            "https://xn--/api",
            "https://git.example:99999/api",
            "https://git.example:x/",
        ),
    ],
)
def test_an_address_that_nobody_can_ask_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="no address of an API") as refused:
        job_of(GITLAB, Said(url=url))
    assert "RECONCILER_FORGE_URL (report: --forge-url)" in refused.value.hint


@pytest.mark.parametrize(
    ("proxy", "error"),
    [
        ("socks5://u:5f1e-secret@h:1", UsageError),
        ("nonsense://5f1e-secret", UsageError),
        ("http://5f1e-secret..h:1", ForgeError),
    ],
)
def test_a_proxy_that_cannot_be_used_is_said(
    monkeypatch: pytest.MonkeyPatch, proxy: str, error: type[ReconcilerError]
) -> None:
    monkeypatch.setenv("RECONCILER_FORGE_TOKEN", TOKEN)
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(error) as caught, connect(_job(GITLAB)) as forge:
        forge.user()
    assert "HTTPS_PROXY" in caught.value.hint
    assert "5f1e-secret" not in f"{caught.value.message}{caught.value.hint}"


def test_a_private_authority_is_trusted_when_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_FORGE_TOKEN", TOKEN)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    ca_file = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca_file)
    with running("gitlab", context) as server:
        environ = server.environment()
        with pytest.raises(ForgeError, match="certificate"), connect(_job(environ)) as forge:
            forge.user()
        shouted = environ | {"CI_API_V4_URL": environ["CI_API_V4_URL"].replace("https:", "HTTPS:")}
        with pytest.raises(ForgeError, match="certificate"), connect(_job(shouted)) as forge:
            forge.user()
        with connect(_job({**environ, "CI_SERVER_TLS_CA_FILE": str(ca_file)})) as forge:
            assert forge.user() == "41"
        with pytest.raises(UsageError, match="certificates"), connect(_job(environ, Said(ca_file=tmp_path / "no"))):
            pass


def test_a_proxy_of_the_environment_is_used_and_sees_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("RECONCILER_FORGE_TOKEN", TOKEN)
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def refuse() -> None:
            for _ in range(4):
                connection, _ = proxy.accept()
                with connection:
                    seen.append(connection.recv(4096))
                    connection.sendall(b"HTTP/1.1 502 no\r\ncontent-length: 0\r\n\r\n")

        Thread(target=refuse, daemon=True).start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        with pytest.raises(ForgeError, match="cannot be reached") as caught, connect(_job(GITLAB)) as forge:
            forge.user()
        assert "HTTPS_PROXY" in caught.value.hint
    assert seen
    assert all(each.startswith(b"CONNECT git.example:443 ") and TOKEN.encode() not in each for each in seen)


def test_the_token_comes_from_a_variable_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECONCILER_FORGE_TOKEN", raising=False)
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    with running("forgejo") as server:
        (tmp_path / "event.json").write_text("{}")
        job = _job(server.environment(str(tmp_path / "event.json")))
        with pytest.raises(Unreadable, match="no token"), connect(job):
            pass
        monkeypatch.setenv("RECONCILER_FORGE_TOKEN_FILE", str(file))
        with connect(job) as forge:
            assert forge.user() == "41"
        file.write_text("two words\n")
        with pytest.raises(Unreadable) as unusable, connect(job):
            pass
        assert "two words" not in str(unusable.value)
        file.write_text("\n")
        with pytest.raises(Unreadable, match="is empty"), connect(job):
            pass
        monkeypatch.setenv("RECONCILER_FORGE_TOKEN_FILE", str(tmp_path / "no"))
        with pytest.raises(Unreadable, match="cannot be read"), connect(job):
            pass


def _job(environ: dict[str, str], said: Said | None = None) -> Job:
    found = job_of(environ, said or Said())
    assert found is not None
    return found
