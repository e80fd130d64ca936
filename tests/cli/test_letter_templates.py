"""A site's own letters: what `validate` says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA_DECLARED, StandInSite

RIGHT = "Subject: Ahoi\n\n{{ login }}\n{{ password }}\n"


@pytest.fixture
def mine(site: StandInSite) -> Path:
    """The folder of the site's own templates."""
    site.declare(ANNA_DECLARED)
    (folder := site.folder / "mine").mkdir()
    site.write(letters={**site.sections["letters"], "templates": "mine"})
    return folder


def test_own_letters_that_are_right_are_valid(mine: Path, command: Command) -> None:
    for name in ("account", "renamed", "password"):
        (mine / f"{name}.de.txt.j2").write_text(RIGHT)
    (mine / "moved.de.txt.j2").write_text("Subject: Ahoi\n\n{{ login }}{% include 'foot.txt' %}\n")
    (mine / "foot.txt").write_text("{{ sender_name }}")
    answer = command("validate")
    assert (answer.status, answer.out) == (0, "")


@pytest.mark.parametrize(
    ("file", "text", "line", "why", "write"),
    [
        (
            "account",
            "Subject: x\n\nHallo {{ given_nam }}\n{{ password }}\n",
            3,
            "'given_nam' is undefined",
            "{{ given_name }}",
        ),
        (
            "account",
            "Subject: x\n\n{% if web_url %}\n\n{{ webb }}{% endif %}\n",
            5,
            "'webb' is undefined",
            "it may use address",
        ),
        ("account", "Subject: x\n\n\n{% if %}\n", 4, "Expected an expression", "{% if name %}"),
        ("account", "Hallo\n", 1, "its first line must be `Subject: …`", "then an empty line"),
        ("account", "Subject: x\n\n{% include 'more.j2' %}\n", 3, "there is no letter template more.j2", "add more.j2"),
        ("moved", "Subject: x\n\n{{ password }}\n", 3, "'password' is undefined", "leave it out"),
    ],
)
def test_a_broken_one_is_an_error_with_its_line_and_what_to_write(
    mine: Path, command: Command, file: str, text: str, line: int, why: str, write: str
) -> None:
    name = f"{file}.de.txt.j2"
    (mine / name).write_text(text)
    answer = command("validate")
    assert answer.status == 3
    assert f"mine/{name}:{line}" in answer.words
    assert why in answer.words
    assert write in answer.words
    (finding,) = command("validate", "--format", "json").json["findings"]
    assert (finding["severity"], finding["rule"]) == ("error", "letter-template")


def test_all_are_said_at_once_with_what_is_wrong_in_the_state(mine: Path, site: StandInSite, command: Command) -> None:
    (mine / "account.de.txt.j2").write_text("Hallo\n")
    (mine / "moved.de.txt.j2").write_bytes("Subject: Grüße\n".encode("latin-1"))
    site.declare("anna.beispiel: {given_name: 5}")
    answer = command("validate")
    assert answer.status == 3
    for place in ("state.yaml:3", "mine/account.de.txt.j2:1", "mine/moved.de.txt.j2:1"):
        assert place in answer.words


def test_what_would_be_missed_in_the_letter_is_a_warning(mine: Path, command: Command) -> None:
    """Nobody else tells the password; a name with a slip means that ours is sent."""
    (mine / "password.de.txt.j2").write_text("Subject: x\n\n{% if groupware %}{{ password }}{% endif %}\n")
    (mine / "acount.de.txt.j2").write_text(RIGHT)
    answer = command("validate")
    assert answer.status == 0
    assert "mine/password.de.txt.j2:1" in answer.words
    assert "not every letter from it tells the password" in answer.words
    assert "did you mean account.de.txt.j2?" in answer.words


def test_a_folder_that_is_none_is_an_error(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    site.write(letters={**site.sections["letters"], "templates": "nowhere"})
    answer = command("validate")
    assert (answer.status, "nowhere is not a folder" in answer.words) == (3, True)
