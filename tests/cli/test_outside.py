"""What a site file in a merge request may point to: CI reads it, and quotes it in errors (docs/database.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA_DECLARED, StandInSite

SECRET = "mailboxes: {swordfish: swordfish}\n"


@pytest.fixture
def elsewhere(site: StandInSite) -> Path:
    """A folder outside that holds a secret, and a link to it in the site's folder."""
    (folder := site.folder.parent / "elsewhere").mkdir()
    (folder / "secret.yaml").write_text(SECRET)
    (site.folder / "link").symlink_to(folder)
    return folder


@pytest.mark.parametrize("written", ["../elsewhere", "{}", "link", "state/../../elsewhere", ".."])
def test_state_that_leads_out_of_the_repository_is_refused_and_not_read(
    site: StandInSite, command: Command, elsewhere: Path, written: str
) -> None:
    site.write(state=written.format(elsewhere))
    for answer in (command("validate"), command("plan"), command("show", "anna.beispiel@mail.example")):
        assert answer.status == 3, answer.words
        assert "reconciler.yaml:3:11: error: `state` leads out of" in answer.words
        assert "--state DIR" in answer.words
        assert "swordfish" not in answer.out + answer.err
    (site.folder.parent / ".git").mkdir()
    assert "swordfish" in command("validate").words


def test_who_calls_the_command_may_name_any_folder(site: StandInSite, command: Command, elsewhere: Path) -> None:
    site.write(state="../elsewhere")
    answer = command("validate", "--state", "../elsewhere")
    assert answer.status == 3
    assert "got `swordfish`" in answer.words
    assert command("history").status == 0, "what reads no state is not stopped"


def test_in_a_repository_the_state_may_lie_beside_the_folder_of_the_site_file(
    site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.declare(ANNA_DECLARED)
    (site.folder.parent / "state").mkdir()
    (site.folder / "state" / "state.yaml").rename(site.folder.parent / "state" / "state.yaml")
    (site.folder.parent / ".git").write_text("gitdir: ../.git/worktrees/site\n")  # as in a worktree
    site.write(state="../state")
    assert command("plan").status == 4
    monkeypatch.chdir(site.folder.parent)
    assert command("plan", "--site", "site/reconciler.yaml").status == 4


def test_a_site_file_that_is_found_and_leads_elsewhere_is_refused(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    (secret := site.folder.parent / "secret.yaml").write_text("site: x\nswordfish: swordfish\n")
    site.file.unlink()
    site.file.symlink_to(secret)
    answer = command("validate")
    assert answer.status == 2
    assert "link that leads out of the repository" in answer.words
    assert "swordfish" not in answer.out + answer.err
    assert command("validate", "--site", str(secret)).status == 3


@pytest.mark.parametrize("link", ["account.de.txt.j2", "more"])
def test_a_letter_template_that_leads_elsewhere_is_refused(site: StandInSite, command: Command, link: str) -> None:
    """It would show a file to whoever reads the plan's errors, or gets the letter."""
    site.declare(ANNA_DECLARED)
    (templates := site.folder / "templates").mkdir()
    (site.folder / "secret").write_text("Subject: swordfish\n\n{{ swordfish }}\n")
    (templates / "account.de.txt.j2").write_text('{% set more %}{% include "more" %}{% endset %}{{ {}[more] }}')
    (templates / link).unlink(missing_ok=True)
    (templates / link).symlink_to("../secret")
    site.write(letters={**site.sections["letters"], "templates": "templates"})
    answer = command("plan")
    assert answer.status == 2
    assert f"the letter template {link} is a link that leads out of its folder" in answer.words
    assert "swordfish" not in answer.out + answer.err
