"""What a login may do as root, asked of a real sudo for a user whom no other test gives a line."""

from __future__ import annotations

import fcntl
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from reconciler.doctor.check import Check
from reconciler.doctor.context import DoctorContext, Role
from reconciler.doctor.sudoers import examine
from reconciler.remote.host import Completed
from reconciler.remote.outbox import OutboxMailer
from reconciler.settings import Postfix, Settings
from reconciler.systems.postfix.sudoers import queue_sudoers_lines, sudoers_lines
from tests.services.needs import cannot, require
from tests.systems.postfix.site import OneHost, WatchedHost

USER = "games"
SECTION = Postfix(sender_access="hash:/etc/postfix/maps/sender_access")
ENOUGH, BESIDE = f"what {USER} needs for the map", f"what {USER} may do beside that"
Allow = Callable[[Sequence[str]], None]


class AsUser(WatchedHost):
    """This machine, logged in to as a user without rights."""

    async def run(self, argv: Sequence[str], **options: object) -> Completed:
        return await super().run(("/usr/sbin/runuser", "-u", USER, "--", *argv), **options)  # type: ignore[arg-type]  # handed through


@pytest.fixture
def allow() -> Iterator[Allow]:
    """Puts lines into a sudoers file of its own."""
    require("sudo", "sudo", "visudo")
    if os.geteuid() != 0:
        cannot("only root writes sudoers")
    files: list[Path] = []

    def write(lines: Sequence[str]) -> None:
        word = secrets.token_hex(4)
        # never a dot in the name: sudo would skip the file
        file = Path(f"/etc/sudoers.d/reconciler-test-{word}")
        files.append(file)
        file.touch(mode=0o440)
        text = "".join(f"{line}\n" for line in lines)
        file.write_text(text.replace("RECONCILER_", f"R{word.upper()}_"), encoding="utf-8")

    folder = os.open("/etc/sudoers.d", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)  # all are about one user: two at a time would see each other's lines
    try:
        write([])
        yield write
    finally:
        for file in files:
            file.unlink()
        os.close(folder)


async def checked(role: Role | None = None, section: Postfix = SECTION) -> dict[str, Check]:
    settings = Settings(site="nrw", folder=Path("/"), postfix=section)
    context = DoctorContext(
        settings=settings, hosts=OneHost(AsUser()), mailer=OutboxMailer(Path("/nowhere")), role=role
    )
    return {check.name: check for check in await examine(context)}


async def test_the_lines_are_enough_and_no_more(allow: Allow) -> None:
    allow(sudoers_lines(SECTION, USER))
    allow(queue_sudoers_lines(SECTION, USER))
    found = await checked(Role.APPLIER)
    assert {name: check.verdict.value for name, check in found.items()} == {ENOUGH: "ok", BESIDE: "ok"}


async def test_without_lines_the_file_is_printed_as_visudo_takes_it(allow: Allow, tmp_path: Path) -> None:
    check = (await checked())[ENOUGH]
    assert (check.verdict.value, check.saw) == ("warning", "none of them is allowed")
    assert "visudo there takes it" in check.fix[0]
    assert list(check.fix[1:]) == sudoers_lines(SECTION, USER)
    printed = tmp_path / "printed"
    printed.write_text("".join(f"{line}\n" for line in check.fix[1:]))
    _, visudo = require("sudo", "sudo", "visudo")
    assert subprocess.run([visudo, "-cf", printed], capture_output=True, check=False).returncode == 0
    assert (await checked(Role.APPLIER))[ENOUGH].verdict.value == "failed"
    assert (await checked(Role.PLANNER))[ENOUGH].verdict.value == "ok"


async def test_one_line_less_is_named(allow: Allow) -> None:
    lines = [line for line in sudoers_lines(SECTION, USER) if "postmap" not in line]
    allow(lines)
    check = (await checked())[ENOUGH]
    assert check.verdict.value == "failed"
    assert check.saw == "1 of 10 are not allowed: /usr/sbin/postmap hash\\:/etc/postfix/maps/.sender_access.new"


async def test_a_planner_that_can_write_is_too_much(allow: Allow) -> None:
    allow(sudoers_lines(SECTION, USER))
    check = (await checked(Role.PLANNER))[ENOUGH]
    assert (check.verdict.value, "merge request" in check.why) == ("warning", True)


@pytest.mark.parametrize(
    ("command", "saw"),
    [
        ("ALL", "everything (`ALL`)"),
        ("/usr/bin/tee", "/usr/bin/tee"),
        ("/usr/sbin/postsuper -d *", "/usr/sbin/postsuper -d *"),
    ],
)
async def test_what_is_beyond_the_lines_is_named(allow: Allow, command: str, saw: str) -> None:
    allow([*sudoers_lines(SECTION, USER), f"{USER} ALL=(root:root) NOPASSWD: {command}"])
    check = (await checked())[BESIDE]
    assert (check.verdict.value, check.saw) == ("warning", saw)
    assert check.why
    assert check.fix


async def test_a_path_that_sudoers_cannot_hold_is_said(allow: Allow) -> None:
    section = Postfix(sender_access="hash:/etc/postfix/my maps/sender_access")
    check = (await checked(section=section))[ENOUGH]
    assert "is not allowed in sudoers" in check.fix[0]


@pytest.mark.parametrize(("role", "verdict"), [(None, "warning"), (Role.APPLIER, "failed"), (Role.PLANNER, "ok")])
async def test_a_folder_that_cannot_be_written_directly(allow: Allow, role: Role | None, verdict: str) -> None:
    found = await checked(role, Postfix(sender_access="hash:/etc/sender_access", privilege="direct"))
    assert {name: check.verdict.value for name, check in found.items()} == {"writing the map": verdict}


async def test_a_folder_that_can_be_written_is_too_much_for_a_planner(allow: Allow) -> None:
    section = Postfix(sender_access="hash:/tmp/sender_access", privilege="direct")
    assert (await checked(None, section))["writing the map"].verdict.value == "ok"
    assert (await checked(Role.PLANNER, section))["writing the map"].verdict.value == "warning"
