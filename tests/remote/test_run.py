"""Running a command, on this machine and through a real sshd alike."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from reconciler.errors import Unreadable, UsageError
from reconciler.remote.host import Host
from tests.remote.conftest import command_lines, eventually, is_gone

AWFUL = [
    "",
    " ",
    "a b",
    "it's",
    '"quoted"',
    "$HOME `id` $(id)",
    "a;b|c&d>e<f",
    "*",
    "~",
    "\\n\\",
    "line\nbreak",
    "tab\there",
    "Ünïcödé ✓",
    "-n",
    "--",
    "#x",
    "!!",
    "a=b",
    "%s",
    "{a,b}",
    "\x1b[0m",
]


async def test_no_shell_sees_an_argument(host: Host) -> None:
    done = await host.run(["printf", "%s\\0", *AWFUL])
    assert done.stdout.decode().split("\0")[:-1] == AWFUL
    assert (done.status, done.stderr) == (0, b"")


async def test_input_arrives_byte_for_byte(host: Host) -> None:
    content = bytes(range(256)) * 4096 + b"\n\n"
    assert (await host.run(["cat"], stdin=content)).stdout == content


async def test_without_input_the_command_reads_an_end_and_does_not_wait(host: Host) -> None:
    assert await host.run(["cat"]) == (0, b"", b"")


async def test_a_command_that_does_not_read_its_input_is_no_error(host: Host) -> None:
    assert (await host.run(["true"], stdin=b"x" * 5_000_000)).status == 0


async def test_both_streams_are_complete_when_they_are_long(host: Host) -> None:
    done = await host.run(["sh", "-c", "seq 200000; seq 200000 >&2; exit 3"])
    assert done.status == 3
    assert done.stdout == done.stderr == b"".join(b"%d\n" % n for n in range(1, 200_001))


async def test_what_opens_its_output_anew_adds_to_it(host: Host) -> None:
    """`tee /dev/stdout` and its like in wrapper scripts: half an answer would look like a whole one."""
    done = await host.run(["sh", "-c", "echo first; echo second >> /dev/stdout; echo third"])
    assert done == (0, b"first\nsecond\nthird\n", b"")
    done = await host.run(["sh", "-c", "echo first; echo second > /dev/stdout; echo third"])
    assert done.stdout.startswith(b"first\n")
    assert (b"second" in done.stdout) != bool(done.stderr)


async def test_a_status_is_an_answer_and_no_error(host: Host) -> None:
    assert (await host.run(["sh", "-c", "exit 105"])).status == 105


async def test_an_own_status_of_124_is_not_taken_for_a_timeout(host: Host) -> None:
    assert (await host.run(["sh", "-c", "exit 124"])).status == 124


async def test_a_signal_is_told_as_its_negative_number(host: Host) -> None:
    assert (await host.run(["sh", "-c", "kill -9 $$"])).status == -9


async def test_a_missing_program_ends_with_127_and_its_name(host: Host) -> None:
    done = await host.run(["no-such-tool", "x"])
    assert done.status == 127
    assert b"no-such-tool: not found" in done.stderr


async def test_a_file_that_is_no_program_ends_with_126(host: Host, open_folder: Path) -> None:
    (open_folder / "tool").write_text("not executable")
    assert (await host.run([str(open_folder / "tool")])).status == 126


async def test_variables_are_set(host: Host) -> None:
    done = await host.run(["sh", "-c", 'printf "%s" "$LC_ALL|$AWFUL"'], env={"LC_ALL": "C", "AWFUL": "a=b 'c' $d\ne"})
    assert done.stdout == b"C|a=b 'c' $d\ne"


async def test_secrets_arrive_as_variables_and_the_input_after_them_is_whole(host: Host) -> None:
    secrets = {"ADMIN_PASSWORD": SecretStr("  a\\b 'c' \"d\" $e ü  "), "EMPTY": SecretStr(""), "n": SecretStr("--")}
    script = 'printf "%s|%s|%s\\n" "$ADMIN_PASSWORD" "${EMPTY-unset}" "$n"; cat'
    done = await host.run(["sh", "-c", script], stdin=b"first\nlast", secrets=secrets)
    assert done.stdout.decode() == "  a\\b 'c' \"d\" $e ü  ||--\nfirst\nlast"


async def test_nobody_sees_a_secret_in_a_list_of_processes(host: Host, open_folder: Path) -> None:
    """facts/open-xchange.md 1.3: what is on the command line is seen by every user of the host."""
    ready, go = open_folder / "ready", open_folder / "go"
    script = 'echo "$SECRET" > "$1"; while [ ! -e "$2" ]; do sleep 0.05; done'
    secret = "tiger-9-im-tank"
    running = asyncio.create_task(
        host.run(
            ["sh", "-c", script, "marker-of-this-test", str(ready), str(go)], secrets={"SECRET": SecretStr(secret)}
        )
    )
    await eventually(lambda: ready.exists() and ready.read_text() == f"{secret}\n")
    seen = command_lines()
    go.touch()
    assert (await running).status == 0
    assert b"marker-of-this-test" in seen, "the command was not looked at while it ran"
    assert secret.encode() not in seen


async def test_a_secret_is_not_left_for_the_next_command(host: Host) -> None:
    await host.run(["true"], secrets={"ADMIN_PASSWORD": SecretStr("x")})
    assert (await host.run(["sh", "-c", "echo ${ADMIN_PASSWORD-unset}"])).stdout == b"unset\n"


@pytest.mark.parametrize("value", ["two\nlines", "nul\0", "\ud800"])
async def test_a_secret_that_is_not_one_line_is_refused_and_not_shown(host: Host, value: str) -> None:
    with pytest.raises(UsageError, match="ADMIN_PASSWORD") as caught:
        await host.run(["true"], secrets={"ADMIN_PASSWORD": SecretStr(value)})
    assert value not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("text", ["nul\0", "\ud800"])
async def test_an_argument_that_cannot_be_passed_is_refused(host: Host, text: str) -> None:
    with pytest.raises(UsageError):
        await host.run(["echo", text])


@pytest.mark.parametrize("name", ["A B", "a=b", "", "1A", "A;id"])
async def test_a_name_that_is_no_variable_is_a_bug(host: Host, name: str) -> None:
    with pytest.raises(ValueError, match="variable"):
        await host.run(["true"], secrets={name: SecretStr("x")})


async def test_a_timeout_ends_the_process_and_its_children(host: Host, open_folder: Path) -> None:
    parent, child = open_folder / "parent", open_folder / "child"
    script = 'echo $$ > "$1"; sh -c "echo \\$\\$ > $2; exec sleep 300" & wait'
    with pytest.raises(Unreadable, match=r"stopped after 0\.5 s") as caught:
        await host.run(["sh", "-c", script, "sh", str(parent), str(child)], timeout=0.5)
    assert "300" not in caught.value.message, "arguments may be personal"
    await eventually(lambda: is_gone(parent) and is_gone(child))


async def test_a_timeout_ends_a_process_that_will_not_listen(host: Host, open_folder: Path) -> None:
    pid = open_folder / "pid"
    script = "trap '' TERM; echo $$ > \"$1\"; while :; do sleep 0.1; done"
    with pytest.raises(Unreadable):
        await host.run(["sh", "-c", script, "sh", str(pid)], timeout=0.5)
    await eventually(lambda: is_gone(pid))


async def test_a_timeout_lets_the_process_clean_up(host: Host, open_folder: Path) -> None:
    script = 'touch "$1"; trap \'rm "$1"; exit 1\' TERM; sleep 300 & wait'
    with pytest.raises(Unreadable):
        await host.run(["sh", "-c", script, "sh", str(open_folder / "temporary")], timeout=0.5)
    await eventually(lambda: not (open_folder / "temporary").exists())


async def test_a_child_that_keeps_the_pipes_does_not_hold_us(host: Host, open_folder: Path) -> None:
    pid = open_folder / "pid"
    script = 'setsid sh -c "echo \\$\\$ > $1; exec sleep 300" & while [ ! -s "$1" ]; do sleep 0.05; done'
    try:
        with pytest.raises(Unreadable):
            await host.run(["sh", "-c", script, "sh", str(pid)], timeout=0.5)
    finally:
        await host.run(["kill", "-9", pid.read_text().strip()])


async def test_giving_up_ends_the_process(host: Host, open_folder: Path) -> None:
    pid = open_folder / "pid"
    running = asyncio.create_task(host.run(["sh", "-c", 'echo $$ > "$1"; exec sleep 300', "sh", str(pid)]))
    await eventually(lambda: pid.exists() and pid.read_text().endswith("\n"))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await eventually(lambda: is_gone(pid))


async def test_a_timeout_leaves_the_others_alone(host: Host) -> None:
    slow, fast = await asyncio.gather(
        host.run(["sleep", "300"], timeout=0.5), host.run(["sh", "-c", "sleep 1; echo done"]), return_exceptions=True
    )
    assert isinstance(slow, Unreadable)
    assert fast == (0, b"done\n", b"")


async def test_many_at_once_each_get_their_own_answer(host: Host) -> None:
    done = await asyncio.gather(
        *(host.run(["sh", "-c", 'cat; echo "$1"', "sh", f"{n}"], stdin=b"in") for n in range(40))
    )
    assert [d.stdout for d in done] == [b"in%d\n" % n for n in range(40)]


async def test_after_close_a_command_runs_again(host: Host) -> None:
    await host.run(["true"])
    await host.close()
    assert (await host.run(["echo", "again"])).stdout == b"again\n"
