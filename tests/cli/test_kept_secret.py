"""Where a password is, and where not; and files that nobody may find made by us."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, StandInSite, password_in


def holders(folder: Path, secret: str) -> set[str]:
    """The folders and files right below `folder` that hold it anywhere."""
    held = (path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes())
    return {path.relative_to(folder).parts[0] for path in held}


def test_a_password_is_in_its_letter_and_nowhere_else(
    site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Left half-way by OX and made anew by `resume`: no output, file, table or plan has it. The database holds its
    hash; the files of OX' stand-in are left out."""
    (temporary := tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    site.declare(ANNA_DECLARED)
    spoken = [command("plan", "--out", "plan.json")]
    site.fault("storage_error", tool="createuser")
    spoken.append(command("apply", "plan.json", "--yes", "--format", "json"))
    site.sound()
    spoken.append(command("resume", "--yes", "--format", "markdown"))
    assert [answer.status for answer in spoken] == [4, 8, 0]
    spoken += [command("history", "2", "--format", "json"), command("show", ANNA, "--format", "json")]
    letters = site.letters()
    password = password_in(letters["anna@gmx.example"])
    assert list(letters) == ["anna@gmx.example"]
    assert not [answer for answer in spoken if password in answer.out + answer.err]
    assert holders(site.folder, password) - {"ox"} == {"outbox"}
    assert holders(temporary, password) == set()
    # the address is the member's own: it stays in the register and on the letter
    assert holders(site.folder, "anna@gmx.example") - {"ox"} == {"members.csv", "outbox"}
    assert not [answer for answer in spoken if "anna@gmx.example" in answer.out + answer.err]


def test_ledger_init_makes_no_file_of_postfixadmin(site: StandInSite, command: Command) -> None:
    """A mistyped URL would else be a new, empty site."""
    site.write(postfixadmin={"url": "sqlite:///mistyped.sqlite"}, ledger=None)
    assert command("ledger", "init").status == 9
    assert not (site.folder / "mistyped.sqlite").exists()
    site.write(ledger={"url": "sqlite:///ledger.sqlite"})
    assert command("ledger", "init").status == 0
    assert not (site.folder / "mistyped.sqlite").exists()
    with closing(sqlite3.connect(site.folder / "ledger.sqlite")) as made:
        assert made.execute("SELECT count(*) FROM sqlite_master WHERE name = 'mailbox'").fetchone() == (0,)


SECRETS = (
    "swordfish-one\nswordfish-two: swordfish-three: x\n[swordfish-four]\n",
    "swordfish-one\n",
    "user = swordfish-one; swordfish-two\nswordfish-three: swordfish-four\n",
    "swordfish-one,swordfish-two\nswordfish-three,swordfish-four\n",
    "{ swordfish-one swordfish-two REJECT\n\tswordfish-three\n",
    "swordfish-one: swordfish-two\nletters: swordfish-three\n",
    "hosts:\n  site: swordfish-one\n  swordfish-two: swordfish-three: x\n",
)


@pytest.mark.parametrize("text", SECRETS)
def test_a_file_of_secrets_in_the_place_of_another_is_not_quoted(
    site: StandInSite, command: Command, text: str
) -> None:
    """Whoever changes the site file names paths, and reads what the plan says in the merge request."""
    site.declare(ANNA_DECLARED)
    (secret := site.folder / "secret").write_text(text)
    secret.chmod(0o600)
    asked = [command("plan", "--site", "secret"), command("apply", "secret", "--yes")]
    before = dict(site.sections)
    ssh = {"host": "127.0.0.1", "user": "x", "known_hosts": "secret", "key_file": "secret"}
    postfix = {**before["postfix"], "sender_access": f"texthash:{secret}"}
    smtp = {"host": "127.0.0.1", "port": 1, "user": "u", "password_file": "secret", "ca_file": "secret"}
    letters = {"from": "AG Technik <technik@mail.example>", "smtp": smtp}
    site.write(register={"csv": "secret"}, postfix=postfix)
    asked += [command("plan"), command("plan", "--format", "json")]
    openxchange = {**before["openxchange"], "ssh": ssh}
    site.write(postfixadmin={"url": "sqlite:///secret"}, openxchange=openxchange, letters=letters)
    asked.append(command("plan"))
    assert not [answer for answer in asked if "swordfish" in answer.out + answer.err]
