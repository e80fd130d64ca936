"""The printed sudoers lines: checked by visudo, and used for real by a user without any other right."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from reconciler.errors import Unreadable, UsageError
from reconciler.planning.changes import Result
from reconciler.remote.host import Completed
from reconciler.settings import Postfix as Section
from reconciler.systems.postfix.sudoers import sudoers_lines
from tests.services.mail import Postfix
from tests.services.needs import require
from tests.systems.plans import changes_of
from tests.systems.postfix.site import WatchedHost, blocks, converge, leftovers, section, system_on

USER = "nobody"


class AsNobody(WatchedHost):
    """This machine, as a user without rights sees it."""

    async def run(self, argv: Sequence[str], **options: object) -> Completed:
        as_nobody = ("/usr/sbin/runuser", "-u", USER, "--", *argv)
        return await super().run(as_nobody, **options)  # type: ignore[arg-type]  # handed through


def installed(given: Section, *, without: str = "") -> Path:
    """A sudoers file with these lines, or one in which a program is missing."""
    lines = sudoers_lines(given, USER)
    if without:
        lines = [line.replace(without, "/usr/bin/false") for line in lines]
    # never a dot in the name: sudo would skip the file
    file = Path(f"/etc/sudoers.d/reconciler-test-{secrets.token_hex(4)}")
    file.touch(mode=0o440)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def given(any_postfix: Postfix) -> Section:
    require("sudo", "sudo", "visudo")
    return section(any_postfix, privilege="sudo")


@pytest.fixture
def sudoers(given: Section) -> Iterator[Path]:
    file = installed(given)
    yield file
    file.unlink()


async def test_the_lines_are_enough(any_postfix: Postfix, given: Section, sudoers: Path) -> None:
    assert sudoers.exists()
    any_postfix.write_by_hand("mine.test OK\n")
    system = system_on(given, AsNobody())
    await system.check()
    outcomes = await converge(given, blocks("example.org"), AsNobody())
    assert [(o.result, o.message) for o in outcomes] == [(Result.DONE, "")]
    assert any_postfix.refuses("a@example.org")
    assert await changes_of(system, blocks("example.org")) == []
    assert leftovers(any_postfix) == []
    assert any_postfix.map.stat().st_uid == 0


async def test_the_lines_allow_nothing_else(any_postfix: Postfix, given: Section, sudoers: Path) -> None:
    assert sudoers.exists()
    host = AsNobody()
    for argv in (
        ("/usr/bin/tee", "/etc/shadow"),
        ("/usr/bin/tee", f"{any_postfix.map.parent}/.sender_access.new", "/etc/shadow"),
        ("/usr/bin/cp", "-pT", "/etc/shadow", f"{any_postfix.map.parent}/.sender_access.new"),
        ("/usr/bin/rm", "-f", str(any_postfix.map)),
        ("/usr/sbin/postfix", "-c", str(any_postfix.config), "stop"),
        ("/usr/bin/find", "/", "-delete"),
    ):
        done = await host.run(("/usr/bin/sudo", "-n", "-l", *argv))
        assert done.status != 0, argv


async def test_a_missing_line_is_named_before_the_first_effect(any_postfix: Postfix, given: Section) -> None:
    file = installed(given, without="/usr/bin/mv")
    lines = sudoers_lines(given, USER)
    assert file.read_text().count("/usr/bin/mv") == 0
    try:
        with pytest.raises(Unreadable, match="sudo does not allow /usr/bin/mv") as caught:
            await system_on(given, AsNobody()).check()
        allowed = caught.value.hint.rpartition("sudoers.d/reconciler: ")[2]
        assert any(allowed in line for line in lines)
        (outcome,) = await converge(given, blocks("example.org"), AsNobody())
    finally:
        file.unlink()
    assert outcome.result is Result.FAILED
    assert "sudo does not allow /usr/bin/mv" in outcome.message
    assert any_postfix.map.read_text() == ""
    assert not any_postfix.refuses("a@example.org")


async def test_without_any_line_nothing_happens_and_the_hint_says_why(any_postfix: Postfix, given: Section) -> None:
    (outcome,) = await converge(given, blocks("example.org"), AsNobody())
    assert outcome.result is Result.FAILED
    assert not outcome.temporary
    assert "sudo does not allow /usr/bin/mkdir" in outcome.message
    assert leftovers(any_postfix) == []


@pytest.mark.parametrize(
    "sender_access",
    [
        "hash:/etc/postfix/maps/sender_access",
        "btree:/etc/postfix/odd,na:me=1+x/sender_access",
        "lmdb:/etc/postfix/maps/sender_access",
        "cdb:/etc/postfix/maps/sender_access",
        "texthash:/etc/postfix/maps/sender_access",
    ],
)
@pytest.mark.parametrize("config_directory", [None, "/etc/postfix-out"])
def test_visudo_finds_nothing_wrong(sender_access: str, config_directory: str | None) -> None:
    (visudo,) = require("sudo", "visudo")
    lines = sudoers_lines(Section(sender_access=sender_access, config_directory=config_directory), "gitops")
    content = "".join(f"{line}\n" for line in lines).encode()
    done = subprocess.run([visudo, "-cf", "-"], input=content, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", ["/etc/maps/*", "/etc/maps/a b", "/etc/maps/[x]", "/etc/maps/a\\b", '/etc/"maps"/a'])
def test_a_path_that_would_widen_the_line_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="is not allowed in sudoers") as caught:
        sudoers_lines(Section(sender_access=f"hash:{path}"), "gitops")
    assert "letters, digits" in caught.value.hint


def test_nobody_needs_sudo_where_the_folder_is_theirs() -> None:
    assert sudoers_lines(Section(sender_access="hash:/srv/maps/sender_access", privilege="direct"), "gitops") == []


async def test_a_folder_that_cannot_be_written_is_told_before_the_first_effect(any_postfix: Postfix) -> None:
    with pytest.raises(Unreadable, match="cannot be written") as caught:
        await system_on(section(any_postfix), AsNobody()).check()
    assert "privilege: sudo" in caught.value.hint
    await system_on(section(any_postfix)).check()
