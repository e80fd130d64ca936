"""What postqueue says is read whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from reconciler.errors import Unreadable
from reconciler.mail_queue.queue import MailQueue
from reconciler.mail_queue.read import read_queue
from reconciler.mail_queue.select import Filter
from reconciler.remote.host import Completed
from reconciler.report.json_queue import queue_json
from reconciler.report.queue_markdown import queue_markdown
from reconciler.report.queue_text import queue_text
from reconciler.settings import Postfix as Section
from reconciler.systems.postfix.queue_tools import QueueTools
from tests.systems.postfix.site import WatchedHost

MESSAGE = {
    "queue_name": "deferred",
    "queue_id": "47F2C2128F1",
    "arrival_time": 1795345571,
    "message_size": 291,
    "forced_expire": False,
    "sender": "muster@muster.example",
    "recipients": [
        {"address": "a@x.test", "delay_reason": "away"},
        {"address": "b@x.test", "orig_address": "c@x.test"},
    ],
}
LINE = json.dumps(MESSAGE).encode() + b"\n"


class Said(WatchedHost):
    """A host whose postqueue answers this."""

    def __init__(self, stdout: bytes, stderr: bytes = b"", status: int = 0) -> None:
        super().__init__()
        self._answer = Completed(status, stdout, stderr)

    async def run(self, argv: Sequence[str], **_options: object) -> Completed:
        assert argv == ("/usr/sbin/postqueue", "-j")
        return self._answer


async def read(stdout: bytes, stderr: bytes = b"", status: int = 0) -> list[tuple[str, str, int]]:
    tools = QueueTools(Section(sender_access="hash:/nowhere"))
    found = (await read_queue(Said(stdout, stderr, status), tools)).messages
    return [(message.id, message.sender, len(message.recipients)) for message in found.values()]


async def test_messages_with_members_that_newer_versions_add() -> None:
    assert await read(LINE) == [("47F2C2128F1", "muster@muster.example", 2)]
    assert await read(b"") == []


async def test_of_a_message_that_is_listed_twice_the_last_word_counts() -> None:
    moved = json.dumps({**MESSAGE, "queue_name": "active", "recipients": []}).encode() + b"\n"
    assert await read(LINE + moved) == [("47F2C2128F1", "muster@muster.example", 0)]


async def test_bytes_that_are_no_text_make_no_other_address_of_it() -> None:
    (one, two) = (
        LINE.replace(b"muster@", byte).replace(b"47F", byte[:1].hex().encode()) for byte in (b"\xfc@", b"\xf6@")
    )
    assert len({sender for _, sender, _ in await read(one + two)}) == 2


async def test_root_may_list_the_queue_of_a_postfix_that_is_down() -> None:
    warning = b"postqueue: warning: Mail system is down -- accessing queue directly\n"
    queue = MailQueue(Said(LINE, warning), Section(sender_access="hash:/nowhere"))
    listing = await queue.select(Filter())
    assert len(listing.messages) == 1
    assert "Mail system is down" in queue_text(listing, width=100, color=False)
    assert "Mail system is down" in queue_markdown(listing)
    assert "Mail system is down" in json.loads(queue_json(listing))["warning"]


@pytest.mark.parametrize(
    ("stdout", "stderr", "status", "hint"),
    [
        (b"", b"postqueue: fatal: Queue report unavailable - mail system is down\n", 69, "start Postfix"),
        (b"", b"postqueue: fatal: User gitops(1001) is not allowed to view the mail queue\n", 69, "authorized_mailq"),
        (b"", b"/usr/sbin/postqueue: not found\n", 127, "install Postfix"),
        (b"", b"", 1, "config_directory"),
        (LINE, b"postqueue: error: malformed showq server response\n", 0, "config_directory"),
        (LINE[:-1], b"", 0, "again"),
        (LINE[:40] + b"\n", b"", 0, "manual"),
        (b"Mail queue is empty\n", b"", 0, "manual"),
        (b"[]\n", b"", 0, "manual"),
        (LINE.replace(b"deferred", b"elsewhere"), b"", 0, "manual"),
        (LINE.replace(b"47F2C2128F1", b"../../etc"), b"", 0, "manual"),
        (LINE.replace(b"47F2C2128F1", b"ALL\\n47"), b"", 0, "manual"),
        (LINE.replace(b'"sender"', b'"from"'), b"", 0, "manual"),
        (LINE.replace(b'"muster@muster.example"', b"null"), b"", 0, "manual"),
        (LINE.replace(b"1795345571", b'"soon"'), b"", 0, "manual"),
    ],
)
async def test_everything_else_is_unknown_and_never_empty(stdout: bytes, stderr: bytes, status: int, hint: str) -> None:
    with pytest.raises(Unreadable) as caught:
        await read(stdout, stderr, status)
    assert hint in caught.value.hint
