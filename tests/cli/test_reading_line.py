"""What is being read is shown on the terminal while it takes longer than a moment, and nowhere else."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Open
from tests.cli.running import COMMAND
from tests.cli.site import ANNA, ANNA_DECLARED, StandInSite
from tests.cli.terminal import INTERRUPT

ERASED = "\r\x1b[K"


@pytest.fixture(autouse=True)
def _at_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests themselves may run in CI."""
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture
def slow(site: StandInSite) -> StandInSite:
    """A site whose OX takes a second and a half to list its users."""
    site.declare(ANNA_DECLARED)
    site.fault("slow", tool="listuser", seconds=1.5)
    return site


def lines(seen: str) -> list[str]:
    """What the line was, one after the other."""
    return re.findall(r"\r\x1b\[K((?:reading|comparing)[^\r]*)", seen)


def left(seen: str) -> str:
    """What is left on the terminal at the end."""
    return re.sub(r"\r\x1b\[K(?:reading|comparing)[^\r]*(?=\r\x1b\[K)", "", seen).replace(ERASED, "")


@pytest.mark.parametrize(
    "command", [["plan"], ["drift"], ["show", ANNA], ["import", "--into", "new"], ["adopt", ANNA], ["apply"]]
)
def test_what_is_read_and_what_has_been_read(slow: StandInSite, terminal: Open, command: list[str]) -> None:
    if command[0] == "adopt":
        slow.add_mailbox(ANNA)
    shown = terminal(*command)
    if command[0] == "apply":
        shown.read_until("[y/N]")
        shown.type("n\n")
    shown.status()
    assert any(
        re.search(r"postfixadmin ✓ \d+  openxchange …  postfix ✓ \d+ .* \d s$", line) for line in lines(shown.seen)
    )
    assert not re.search("reading|comparing", left(shown.seen))


def test_a_system_that_could_not_be_read(slow: StandInSite, terminal: Open) -> None:
    slow.write(postfixadmin={"url": "sqlite:///nowhere/at/all.sqlite"})
    shown = terminal("plan")
    assert shown.status() == 9
    assert any("postfixadmin ✗  openxchange …" in line for line in lines(shown.seen))


def test_what_takes_no_longer_than_a_moment_shows_nothing(site: StandInSite, terminal: Open) -> None:
    site.declare(ANNA_DECLARED)
    shown = terminal("validate")
    assert shown.status() == 0
    assert ERASED not in shown.seen


def test_a_big_state_says_that_it_is_read(site: StandInSite, terminal: Open) -> None:
    boxes = "".join(f"  person{number}: {{groupware: false}}\n" for number in range(40_000))
    (site.folder / "state" / "state.yaml").write_text(f"domain: pirat.alt\nmailboxes:\n{boxes}")
    shown = terminal("validate")
    assert shown.status() == 0
    assert lines(shown.seen)
    assert left(shown.seen).startswith("valid: ")


@pytest.mark.parametrize("env", [{"CI": "true"}, {"TERM": "dumb"}])
def test_neither_in_ci_nor_on_a_terminal_that_erases_nothing(
    slow: StandInSite, terminal: Open, env: dict[str, str]
) -> None:
    shown = terminal("plan", **env)
    assert shown.status() == 4
    assert "\x1b[K" not in shown.seen
    assert "reading" not in shown.plain


def test_a_pipe_gets_the_report_and_nothing_else(slow: StandInSite) -> None:
    assert slow.run("plan").err == ""


def test_a_message_takes_the_place_of_the_line(slow: StandInSite, terminal: Open) -> None:
    """It does not stand behind it."""
    code = "import reconciler.workflow as w, time, reconciler.cli.streams as s; old = w._match\n"
    code += "async def match(*a):\n  s.say('a message'); return await old(*a)\nw._match = match\n"
    shown = terminal("plan", program=code + COMMAND[2])
    shown.status()
    assert "\r\x1b[Ka message\r\n" in shown.seen


def test_ctrl_c_leaves_a_clean_line(slow: StandInSite, terminal: Open) -> None:
    slow.fault("slow", tool="listuser", seconds=30)
    shown = terminal("plan")
    shown.read_until("openxchange …")
    shown.type(INTERRUPT)
    assert shown.status() != 0
    assert not re.search("reading|comparing", left(shown.seen))


def test_a_narrow_terminal_gets_one_line(slow: StandInSite, terminal: Open) -> None:
    """One that wraps would leave its first half."""
    code = "import os, reconciler.cli.reading_line as line; line.terminal_width = lambda: 20\n"
    shown = terminal("plan", program=code + COMMAND[2])
    shown.status()
    assert lines(shown.seen)
    assert all(len(line) < 20 for line in lines(shown.seen))
