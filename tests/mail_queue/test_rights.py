"""What the sudoers lines of docs/queue.md allow: enough, and nothing else."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from reconciler.errors import Unreadable
from reconciler.mail_queue.change import carry_out, check_rights, concerned
from reconciler.mail_queue.queue import MailQueue
from reconciler.mail_queue.select import Filter, asked_address
from reconciler.model.queued_mail import QueueResult, QueueVerb
from reconciler.remote.host import Completed
from reconciler.settings import Postfix as Section
from reconciler.systems.postfix.sudoers import queue_sudoers_lines
from tests.services.mail_queue import QueuePostfix
from tests.services.needs import require
from tests.systems.postfix.site import WatchedHost

USER, SPAM = "nobody", "muster@muster.example"


class SudoAsNobody(WatchedHost):
    """This machine, on which a user without rights calls sudo. They list the queue as root all the same: whose
    `postqueue` takes `-c`, says the main.cf of the whole machine, which has none here."""

    async def run(self, argv: Sequence[str], **options: object) -> Completed:
        as_nobody = ("/usr/sbin/runuser", "-u", USER, "--", *argv) if argv[0].endswith("sudo") else argv
        return await super().run(as_nobody, **options)  # type: ignore[arg-type]  # handed through


def section(postfix: QueuePostfix) -> Section:
    return Section(sender_access="hash:/nowhere", config_directory=str(postfix.config))


@pytest.fixture
def queue(mail_queue: QueuePostfix) -> MailQueue:
    require("sudo", "sudo", "visudo")
    return MailQueue(SudoAsNobody(), section(mail_queue))


def allowed(postfix: QueuePostfix, *, without: str = "") -> Path:
    """A sudoers file with the lines, or one in which an option is another one."""
    lines = [
        line.replace(f" {without} -", " -x -") if without else line
        for line in queue_sudoers_lines(section(postfix), USER)
    ]
    # never a dot in the name: sudo would skip the file
    file = Path(f"/etc/sudoers.d/reconciler-test-{secrets.token_hex(4)}")
    file.touch(mode=0o440)
    file.write_text("\n".join(lines).replace("RECONCILER_QUEUE", f"QUEUE_{secrets.token_hex(4).upper()}", 2) + "\n")
    return file


@pytest.fixture
def sudoers(mail_queue: QueuePostfix) -> Iterator[Path]:
    file = allowed(mail_queue)
    yield file
    file.unlink()


async def test_the_lines_are_enough(mail_queue: QueuePostfix, queue: MailQueue, sudoers: Path) -> None:
    assert sudoers.exists()
    spam, sender = mail_queue.send_deferred(SPAM), asked_address(SPAM)
    for verb, result in (
        (QueueVerb.HOLD, QueueResult.HELD),
        (QueueVerb.RELEASE, QueueResult.RELEASED),
        (QueueVerb.DELETE, QueueResult.DELETED),
    ):
        await check_rights(queue, verb)
        shown = concerned(verb, (await queue.select(Filter())).messages, sender)
        run = await carry_out(queue, verb, sender, shown, SPAM)
        assert [(outcome.message.id, outcome.result) for outcome in run.outcomes] == [(spam, result)]
    assert mail_queue.listed() == {}


async def test_the_lines_allow_nothing_else(mail_queue: QueuePostfix, queue: MailQueue, sudoers: Path) -> None:
    assert sudoers.exists()
    config = ("/usr/sbin/postsuper", "-c", str(mail_queue.config))
    for argv in (
        (*config, "-d", "ALL"),
        (*config, "-d", "-"),
        (*config, "-d", "-", "deferred"),
        (*config, "-d", "ALL", "hold"),
        (*config, "-h", "ALL"),
        (*config, "-r", "-"),
        (*config, "-H", "-", "-d", "ALL"),
        ("/usr/sbin/postsuper", "-d", "-", "hold"),
        ("/usr/sbin/postcat", "-c", str(mail_queue.config), "-q", "4F40C212910"),
    ):
        done = await queue.host.run(("/usr/bin/sudo", "-n", "-l", *argv))
        assert done.status != 0, argv


@pytest.mark.parametrize("option", ["-h", "-H", "-d"])
async def test_a_missing_line_is_named_before_anything_is_changed(
    mail_queue: QueuePostfix, queue: MailQueue, option: str
) -> None:
    spam, file = mail_queue.send_deferred(SPAM), allowed(mail_queue, without=option)
    lines = queue_sudoers_lines(section(mail_queue), USER)
    try:
        with pytest.raises(Unreadable, match="is not allowed or fails") as caught:
            await check_rights(queue, QueueVerb.DELETE)
    finally:
        file.unlink()
    missing = caught.value.hint.rpartition("sudoers.d/reconciler: ")[2]
    assert f" {option} -" in missing
    assert any(missing in line for line in lines)
    assert mail_queue.ids(SPAM, "deferred") == {spam}


async def test_whoever_looks_or_retries_needs_no_sudo(mail_queue: QueuePostfix) -> None:
    mail_queue.send_deferred(SPAM)
    host = WatchedHost()
    queue = MailQueue(host, section(mail_queue))
    await queue.select(Filter())
    await queue.flush(None)
    await queue.flush("away.test")
    assert {argv[0] for argv in host.ran} == {"/usr/sbin/postqueue"}


@pytest.mark.parametrize("config_directory", [None, "/etc/postfix-out"])
def test_visudo_finds_nothing_wrong(config_directory: str | None) -> None:
    (visudo,) = require("sudo", "visudo")
    given = Section(sender_access="hash:/nowhere", config_directory=config_directory)
    content = "".join(f"{line}\n" for line in queue_sudoers_lines(given, "gitops")).encode()
    done = subprocess.run([visudo, "-cf", "-"], input=content, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
