"""A command that was killed, or did not run, has not said that something is absent or forbidden."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from reconciler.doctor import clock, openxchange, sudoers
from reconciler.doctor.check import Check, Verdict
from reconciler.doctor.context import DoctorContext
from reconciler.doctor.postfix.files import check_files
from reconciler.errors import Unreadable
from reconciler.remote.host import Completed
from reconciler.remote.local_host import LocalHost
from reconciler.remote.outbox import OutboxMailer
from reconciler.settings import Postfix, Settings
from reconciler.systems.postfix.tools import Tools
from tests.systems.postfix.site import OneHost

KILLED = Completed(-9, b"", b"")
Answer = Callable[[Sequence[str]], Completed]


class AnsweringHost(LocalHost):
    """Runs nothing: the test says what comes back."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer

    async def run(self, argv: Sequence[str], **_: object) -> Completed:
        return self._answer(argv)


@pytest.mark.parametrize(
    "answer",
    [
        KILLED,
        Completed(-9, b"755 root 17000000", b""),
        Completed(-9, b"755 root 1700000000 /etc/postfix\n644 root 1700000000 /etc/postfix/x\n", b""),
        Completed(1, b"755 root 1700000000 /etc/postfix\n", b"stat: '/etc/postfix/x.db': No such file or directory\n"),
    ],
)
async def test_a_file_is_not_there_only_when_stat_says_so(answer: Completed) -> None:
    tools = Tools(Postfix(sender_access="hash:/etc/postfix/x"))
    with pytest.raises(Unreadable, match="does not name"):
        await check_files(AnsweringHost(lambda _: answer), tools)


async def test_a_file_that_stat_does_not_find_is_not_there(tmp_path: Path) -> None:
    """The real `stat`, and a path with a quote, around which it puts others."""
    for name in ("x", "it's"):
        tools = Tools(Postfix(sender_access=f"hash:{tmp_path}/{name}"))
        check = (await check_files(LocalHost(), tools))[0]
        assert (check.verdict, check.saw) == (Verdict.FAILED, f"{tmp_path}/{name} is not there")


def context(answer: Answer, **sections: object) -> DoctorContext:
    settings = Settings.model_validate({"site": "nrw", "folder": Path("/"), **sections})
    return DoctorContext(settings=settings, hosts=OneHost(AnsweringHost(answer)), mailer=OutboxMailer(Path("/nowhere")))


@pytest.mark.parametrize("answer", [KILLED, Completed(-9, b"17000", b""), Completed(-9, b"17000.5", b"")])
async def test_half_a_time_is_none(answer: Completed) -> None:
    (check,) = await clock.examine(context(lambda _: answer, ssh={"mail.example": {}}))
    assert (check.verdict, check.saw) == (Verdict.UNKNOWN, "mail.example: `date` shows no time")


@pytest.mark.parametrize("privilege", ["direct", "sudo"])
async def test_a_right_is_missing_only_when_the_host_says_so(privilege: str) -> None:
    section = {"sender_access": "hash:/etc/postfix/x", "privilege": privilege}

    def answer(argv: Sequence[str]) -> Completed:
        if argv[0].endswith("id") or argv[-1] == "-ll":
            return Completed(0, b"games\n", b"")
        return KILLED

    with pytest.raises(Unreadable, match="status -9"):
        await sudoers.examine(context(answer, postfix=section))


async def test_tools_are_not_missing_when_nobody_looked() -> None:
    host = AnsweringHost(lambda _: KILLED)
    found: list[Check] = [await openxchange._tools(host, "/sbin"), await openxchange._version(host, "/sbin")]
    assert [check.verdict for check in found] == [Verdict.UNKNOWN, Verdict.UNKNOWN]
