"""A site on stand-ins for each test, and the command in this process: the same entry as the console script's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.cli.main import run
from tests.cli.queue_site import write_site
from tests.cli.running import Answer
from tests.cli.site import OX_ENV, OX_PASSWORD, StandInSite
from tests.cli.terminal import Terminal
from tests.services import quick
from tests.services.mail_queue import QueuePostfix

Command = Callable[..., Answer]
Open = Callable[..., Terminal]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandInSite:
    """A site on stand-ins; commands run in its folder."""
    monkeypatch.setenv(OX_ENV, OX_PASSWORD)
    monkeypatch.delenv("RECONCILER_SITE", raising=False)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return StandInSite(folder)


@pytest.fixture
def queue_site(mail_queue: QueuePostfix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QueuePostfix:
    """A site with nothing but a Postfix; commands run in its folder."""
    monkeypatch.delenv("RECONCILER_SITE", raising=False)
    monkeypatch.chdir(tmp_path)
    write_site(tmp_path, mail_queue)
    return mail_queue


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`reconciler ARGUMENTS`, without the time that a new process takes, or those of OX' tools."""
    quick.made_once(monkeypatch)
    quick.tools_in_process(monkeypatch)

    def call(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["reconciler", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            run()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err, err
        return Answer(int(left.value.code or 0), out, err)

    return call


@pytest.fixture
def terminal(site: StandInSite) -> Iterator[Open]:
    """Starts a command on a terminal of its own, in the site's folder."""
    opened: list[Terminal] = []

    def start_on_terminal(*arguments: str, **env: str) -> Terminal:
        opened.append(Terminal(site.folder, *arguments, **env))
        return opened[-1]

    yield start_on_terminal
    for each in opened:
        each.close()
