"""The command on a terminal and without one: the question, colours, width, Ctrl-C."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable

import pytest

from reconciler.cli import streams
from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Open
from tests.cli.running import AFRESH, COMMAND, eventually, reconciler, start
from tests.cli.site import ANNA, ANNA_DECLARED, BERND_DECLARED, OX_ENV, OX_PASSWORD, StandInSite
from tests.cli.terminal import Terminal


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("what fits", ["what fits"]),
        ("  → words that go on for longer than that", ["  → words that go on", "    for longer than", "    that"]),
        ("the question ends with a space and more: ", ["the question ends", "  with a space and", "  more: "]),
        ("next: reconciler apply plan.json --yes", ["next: reconciler apply plan.json --yes"]),
        ("  → write it, then reconciler plan --out plan.json", ["  → write it, then reconciler plan --out plan.json"]),
        ("who runs reconciler must be able to read", ["who runs reconciler", "  must be able to", "  read"]),
        ("/a/path/that/is/longer/than/a/line", ["/a/path/that/is/longer/than/a/line"]),
    ],
)
def test_messages_break_at_words_and_commands_stay_in_one_piece(
    monkeypatch: pytest.MonkeyPatch, line: str, shown: list[str]
) -> None:
    monkeypatch.setattr(streams, "terminal_width", lambda: 20)
    assert streams.fitting(line).split("\n") == shown
    monkeypatch.setattr(streams, "terminal_width", lambda: 0)
    assert streams.fitting(line) == line


BLOCK = "domain: example.org, reason: spam"
QUESTION = "[y/N]"


@pytest.mark.parametrize("answer", ["y\n", "yes\n"])
def test_yes_carries_the_plan_out(site: StandInSite, terminal: Open, answer: str) -> None:
    site.declare(ANNA_DECLARED)
    shown = terminal("apply")
    shown.read_until(QUESTION)
    assert f"+ {ANNA}" in shown.plain  # the plan comes before the question
    assert site.mailbox(ANNA) is None
    shown.type(answer)
    assert shown.status() == 0
    assert site.mailbox(ANNA) is not None


@pytest.mark.parametrize("answer", ["n\n", "\n", "nonsense\nn\n", "\x04", "\x03"], ids=repr)
def test_everything_else_changes_nothing(site: StandInSite, terminal: Open, answer: str) -> None:
    """Also Enter alone, Ctrl-D and Ctrl-C: the status is that of the plan."""
    site.declare(ANNA_DECLARED)
    before = site.live()
    shown = terminal("apply")
    shown.read_until(QUESTION)
    shown.type(answer)
    assert shown.status() == 4
    assert "nothing was changed" in shown.plain
    assert site.live() == before


def test_the_question_says_how_many_and_does_not_stand_in_the_json(site: StandInSite, terminal: Open) -> None:
    """Also with `reconciler apply --format json > run.json`."""
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    program = COMMAND[2].replace("; main()", "; import sys; sys.stdout = open('run.json', 'w'); main()")
    shown = Terminal(site.folder, "apply", "--format", "json", program=program)
    assert "Carry out 2 changes?" in shown.read_until(QUESTION)
    shown.type("y\n")
    assert shown.status() == 0
    shown.close()
    assert json.loads((site.folder / "run.json").read_text())["complete"] is True


def test_colours_on_a_terminal_only_and_never_with_no_color(site: StandInSite, terminal: Open) -> None:
    site.declare(ANNA_DECLARED)
    shown = terminal("plan", program=AFRESH)  # the environment is looked at while importing
    assert shown.status() == 4
    assert "\x1b[" in shown.seen
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        plain = terminal("plan", program=AFRESH, **env)
        assert plain.status() == 4
        assert plain.seen == plain.plain
    assert "\x1b" not in site.run("plan").words


def test_progress_is_not_written_into_a_log(site: StandInSite) -> None:
    site.declare(ANNA_DECLARED)
    answer = site.run("apply", "--yes")
    assert answer.status == 0
    assert answer.err == ""
    assert "\r" not in answer.out


@pytest.mark.parametrize("width", [20, 80])
def test_lines_fit_the_terminal(site: StandInSite, width: int) -> None:
    """A line is longer only where one word is; no address is cut."""
    site.add_mailbox("hand@pirat.alt")
    site.declare(ANNA_DECLARED, "x--y: {groupware: false}", aliases=["vorstand: [anna.beispiel]"], blocks=[BLOCK])
    for arguments in (("plan",), ("show", ANNA)):
        answer = reconciler(site.folder, *arguments, env={OX_ENV: OX_PASSWORD, "COLUMNS": str(width)})
        assert ANNA in answer.out
        for line in answer.out.splitlines():
            # what stands before a word is an indent and a mark
            assert len(line) <= width or max(map(len, line.split())) > width - 30, f"{width}: {line!r}"


def slow(site: StandInSite) -> Callable[[], bool]:
    """createuser takes a while; the function says whether it was called."""
    control.forget_calls(site.ox)
    site.fault("slow", tool="createuser", seconds=1.5)
    return lambda: "createuser" in control.calls(site.ox)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_apply_at_a_step_boundary(site: StandInSite, number: signal.Signals) -> None:
    """What is under way is finished and read back; what was not begun is said; the next apply does it."""
    site.declare(ANNA_DECLARED, blocks=[BLOCK])
    called = slow(site)
    process = start(site.folder, "apply", "--yes", "--format", "json", env={OX_ENV: OX_PASSWORD})
    eventually(called, process)
    process.send_signal(number)
    answer = process.wait()
    assert answer.status == 8
    assert "stopping after the steps that are under way" in answer.err
    assert answer.json["interrupted"] is True
    results = {step["id"]: step["result"] for each in answer.json["transitions"] for step in each["steps"]}
    assert results[f"postfixadmin/mailbox/create/{ANNA}"] == "done"
    assert results[f"openxchange/ox_user/create/{ANNA}"] == "done"
    assert results["postfix/block/create/example.org"] == "not tried"
    assert "example.org" not in site.map.read_text()
    assert control.user(site.ox, "anna.beispiel").fields["PrimaryEmail"] == ANNA
    site.sound()
    assert site.run("apply", "--yes").status == 0
    assert "\nexample.org REJECT\n" in site.map.read_text()
    assert site.run("plan").status == 0


def test_ctrl_c_during_a_plan_leaves_quietly(site: StandInSite) -> None:
    """130, as a shell expects; status 1 would call it a bug."""
    site.declare(ANNA_DECLARED)
    before = site.live()
    site.fault("slow", tool="listuser", seconds=30)
    control.forget_calls(site.ox)
    process = start(site.folder, "plan", env={OX_ENV: OX_PASSWORD})
    eventually(lambda: "listuser" in control.calls(site.ox), process)
    process.send_signal(signal.SIGINT)
    assert process.wait().status == 130
    site.sound()
    assert site.live() == before
