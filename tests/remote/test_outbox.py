"""The folder that takes letters in the demo."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path

import pytest

from reconciler.errors import Unreadable
from reconciler.remote.mailer import Mailer
from reconciler.remote.outbox import OutboxMailer
from tests.remote.test_smtp import mail


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


async def test_letters_are_numbered_and_named_by_recipient(tmp_path: Path) -> None:
    mailer: Mailer = OutboxMailer(tmp_path / "outbox")
    assert await mailer.send([mail("anna@gmx.example"), mail("bernd@gmx.example")]) == [None, None]
    assert await mailer.send([mail("anna@gmx.example")]) == [None]
    assert names(tmp_path / "outbox") == [
        "0001-anna@gmx.example.eml",
        "0002-bernd@gmx.example.eml",
        "0003-anna@gmx.example.eml",
    ]


async def test_a_letter_is_the_whole_message_for_its_owner_only(tmp_path: Path) -> None:
    await OutboxMailer(tmp_path).send([mail("anna@gmx.example", "Grüße\n")])
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    read = email.message_from_bytes(file.read_bytes(), policy=email.policy.SMTP)
    assert read["To"] == "anna@gmx.example"
    assert read.get_content().splitlines() == ["Grüße"]


async def test_a_new_outbox_is_closed_to_others(tmp_path: Path) -> None:
    await OutboxMailer(tmp_path / "a" / "outbox").check()
    assert (tmp_path / "a" / "outbox").stat().st_mode & 0o777 == 0o700
    assert names(tmp_path / "a" / "outbox") == []


async def test_a_strange_recipient_stays_in_the_folder(tmp_path: Path) -> None:
    await OutboxMailer(tmp_path / "outbox").send([mail('"../../x"@gmx.example')])
    assert names(tmp_path) == ["outbox"]
    assert len(names(tmp_path / "outbox")) == 1


async def test_what_lies_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "0007-hand-made.eml").write_text("mine")
    (tmp_path / "notes").write_text("mine")
    await OutboxMailer(tmp_path).send([mail("anna@gmx.example")])
    assert names(tmp_path) == ["0007-hand-made.eml", "0008-anna@gmx.example.eml", "notes"]
    assert (tmp_path / "0007-hand-made.eml").read_text() == "mine"


async def test_two_runs_with_the_same_number_both_keep_their_letters(tmp_path: Path) -> None:
    first, second = OutboxMailer(tmp_path), OutboxMailer(tmp_path)
    message = mail("anna@gmx.example")
    assert first._write(message, 1) is None
    assert second._write(message, 1) is None
    assert names(tmp_path) == ["0001-anna@gmx.example.eml", "0002-anna@gmx.example.eml"]


async def test_a_letter_that_cannot_be_finished_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert await OutboxMailer(tmp_path).send([mail("anna@gmx.example")]) == ["not sent: No space left on device"]
    assert names(tmp_path) == []


async def test_an_outbox_that_is_a_file_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("")
    for attempt in (
        OutboxMailer(tmp_path / "outbox").check(),
        OutboxMailer(tmp_path / "outbox").send([mail("a@b.de")]),
    ):
        with pytest.raises(Unreadable, match="takes no mail") as caught:
            await attempt
        assert "outbox" in caught.value.hint
