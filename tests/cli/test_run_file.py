"""`apply --out` and `resume --out`: the document of the run is there whatever happens, and says what is true."""

from __future__ import annotations

import json
import os
import stat
from datetime import timedelta
from typing import Any

import pytest

from reconciler.report.json_models import RunDocument
from reconciler.report.read_document import read_document
from tests.cli.conftest import Command
from tests.cli.running import eventually, killed, start
from tests.cli.site import ANNA, ANNA_DECLARED, BERND_DECLARED, OX_ENV, OX_PASSWORD, StandInSite

BLOCK = "domain: example.org, reason: spam"


def told(site: StandInSite) -> RunDocument:
    file = site.folder / "run.json"
    document = read_document(file.read_text(encoding="utf-8"))
    assert isinstance(document, RunDocument)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return document


def test_each_end_of_a_run_is_told(site: StandInSite, command: Command) -> None:
    """Done, nothing to do, refused, declined, failed, resumed: the status in the file is that of the command."""
    site.declare(ANNA_DECLARED, aliases=["presse: [anna.beispiel]"])
    assert command("apply", "--yes", "--out", "run.json").status == 0
    done = told(site)
    assert (done.status, done.complete, done.counts.done, done.error) == (0, True, 2, None)
    assert command("apply", "--yes", "--out", "run.json").status == 0
    nothing = told(site)
    assert (nothing.status, nothing.complete, nothing.transitions) == (0, True, ())
    assert nothing.finished.utcoffset() == done.finished.utcoffset() != timedelta(), "of the site"

    site.declare(ANNA_DECLARED, BERND_DECLARED, blocks=[BLOCK])
    assert command("apply", "--out", "run.json").status == 2  # nobody to ask
    assert (told(site).status, "terminal" in (told(site).error or none()).message) == (2, True)

    site.fault("storage_error", tool="createuser")
    assert command("apply", "--yes", "--out", "run.json").status == 8
    partly = told(site)
    assert (partly.status, partly.complete, partly.counts.failed) == (8, False, 1)
    assert "resume" in partly.next
    site.sound()
    assert command("resume", "--yes", "--out", "run.json").status == 0
    assert (told(site).status, told(site).counts.done) == (0, 1)
    assert command("resume", "--yes", "--out", "run.json").status == 0
    assert told(site).transitions == ()

    site.write(policy={"limits": {"creations": {"number": 0}}})
    site.declare(ANNA_DECLARED, BERND_DECLARED, blocks=[BLOCK, "domain: example.net, reason: spam"])
    assert command("apply", "--yes", "--out", "run.json").status == 5
    refused = told(site)
    assert (refused.status, refused.transitions) == (5, ())
    assert refused.findings

    site.declare("anna.beispiel: {given_name: Anna")
    assert command("apply", "--yes", "--out", "run.json").status == 3
    invalid = told(site)
    assert (invalid.status, invalid.site, len(invalid.findings)) == (3, "", 1)
    assert invalid.error is not None
    said = command("report", "run.json", "--markdown", "-").out
    assert said.startswith("**mail apply: nothing was carried out**")
    assert "1 problem in the declared state" in said
    assert " site " not in said.splitlines()[-1]


def none() -> Any:
    raise AssertionError("there is no error in the document")


def test_a_run_that_was_killed_is_told_as_one_that_nobody_knows_the_end_of(site: StandInSite, command: Command) -> None:
    """Written before the first effect, since afterwards nobody can; and what was there before is not left standing."""
    (site.folder / "run.json").write_text(json.dumps({"old": True}))
    site.declare(ANNA_DECLARED)
    site.fault("slow", tool="createuser", first=1, seconds=3)
    env = {OX_ENV: OX_PASSWORD}
    process = start(site.folder, "apply", "--yes", "--out", "run.json", env=env)
    eventually(lambda: site.mailbox(ANNA) is not None, process)
    assert command("apply", "--yes", "--out", "other.json").status == 7
    other = read_document((site.folder / "other.json").read_text(encoding="utf-8"))
    assert isinstance(other, RunDocument)
    assert (other.status, other.transitions) == (7, ())
    killed(process)
    document = told(site)
    assert (document.status, document.complete, document.interrupted) == (8, False, True)
    assert document.error is not None
    assert "did not say how it ended" in document.error.message
    assert "resume" in document.next


@pytest.mark.parametrize("name", ["nowhere/run.json", "link.json", "folder"])
def test_who_cannot_write_the_file_changes_nothing(site: StandInSite, command: Command, name: str) -> None:
    (site.folder / "link.json").symlink_to(site.folder / "precious")
    (site.folder / "folder").mkdir()
    site.declare(ANNA_DECLARED)
    answer = command("apply", "--yes", "--out", name)
    assert answer.status == 2, answer
    assert site.mailbox(ANNA) is None
    assert not os.path.lexists(site.folder / "precious")
